"""What a list of devices may be narrowed to, as conditions of a statement. Each is answered by an index."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts, tags
from cebox.console.actions.tables import actions
from cebox.console.database.scope import Scope
from cebox.console.devices.tables import devices
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.device import LONG_OFF, DeviceKind, Place
from cebox.domain.lateness import Lateness
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

SILENCE = "silence"
_BAD_ENDS = (ActionState.FAILED.value, ActionState.ROLLED_BACK.value, ActionState.EXPIRED.value)


class Conditions:
    """For one scope at one moment. Account versions are read once."""

    def __init__(self, connection: AsyncConnection, scope: Scope, now: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._now = now
        self._mine = scope.filter(actions.c.account_id)

    async def behind(self) -> ColumnElement[bool]:
        """Runs less than the account's version."""
        return and_(devices.c.running_rank > 0, await self._below_account(devices.c.running_rank, or_equal=False))

    def long_off(self) -> ColumnElement[bool]:
        return devices.c.quiet_since < self._now - LONG_OFF

    def newest_action_in(self, states: frozenset[ActionState]) -> ColumnElement[bool]:
        """From the actions, which are few in any one state, to their devices; not the other way round."""
        wanted = actions.c.state.in_(sorted(state.value for state in states))
        return devices.c.id.in_(select(actions.c.device_id).where(self._mine, wanted, not_(has_newer())))

    async def needs_attention(self) -> ColumnElement[bool]:
        """It failed, fell back or fell silent in an update, and nothing was asked since; or fell back by itself from
        a version the account has."""
        devices_too = devices.alias()
        by_itself = select(devices_too.c.id).where(
            self._scope.filter(devices_too.c.account_id),
            devices_too.c.fallen_back_rank > 0,
            await self._below_account(devices_too.c.fallen_back_rank, devices_too.c.account_id, or_equal=True),
            not_(has_open_update(devices_too.c.account_id, devices_too.c.id)),
        )
        ordered = select(actions.c.device_id).where(*ended_badly(self._scope))
        return devices.c.id.in_(union(ordered, by_itself))

    def under_way(self, *, with_ready: bool = True) -> ColumnElement[bool]:
        """An update of it is open. Without those that are ready, which wait for a person."""
        open_ones = select(actions.c.device_id).where(
            self._mine, actions.c.is_open, actions.c.kind == ActionKind.UPDATE.value
        )
        if not with_ready:
            open_ones = open_ones.where(actions.c.state != ActionState.STAGED.value)
        return devices.c.id.in_(open_ones)

    async def late_because(self, cause: Lateness) -> ColumnElement[bool]:
        """`domain.lateness.find_lateness`, in SQL: the cause holds, and none that goes before it."""
        held: dict[Lateness, ColumnElement[bool]] = {
            Lateness.FAILED: await self.needs_attention(),
            Lateness.UNDER_WAY: self.under_way(with_ready=False),
            Lateness.READY: devices.c.phase == BoxPhase.STAGED.value,
            Lateness.HELD: await self._held(),
            Lateness.LONG_OFF: and_(not_(devices.c.noted_on), self.long_off()),
            Lateness.OFF: not_(devices.c.noted_on),
        }
        before = [
            condition for one, condition in held.items() if list(Lateness).index(one) < list(Lateness).index(cause)
        ]
        found = [devices.c.kind == DeviceKind.CEBOX.value, await self.behind(), *map(not_, before)]
        return and_(*found, held[cause]) if cause in held else and_(*found)

    async def _held(self) -> ColumnElement[bool]:
        """On a site whose WRS serves less than the account's version."""
        wrs = devices.alias()
        statement = (
            select(wrs.c.site_id, wrs.c.served, wrs.c.running, tags.c.version)
            .join(accounts, accounts.c.id == wrs.c.account_id)
            .join(tags, tags.c.name == accounts.c.tag_name)
            .where(
                self._scope.filter(wrs.c.account_id),
                wrs.c.kind == DeviceKind.WRS.value,
                wrs.c.server_url.is_not(None),
            )
        )
        site_ids = [
            row.site_id
            for row in await self._connection.execute(statement)
            if (served := row.served or row.running) and Version.parse(served) < Version.parse(row.version)
        ]
        return and_(devices.c.place == Place.SITE.value, devices.c.site_id.in_(site_ids)) if site_ids else false()

    async def _below_account(
        self, rank: ColumnElement[int], owner: ColumnElement[str] = devices.c.account_id, *, or_equal: bool
    ) -> ColumnElement[bool]:
        statement = (
            select(accounts.c.id, tags.c.version)
            .join(tags, tags.c.name == accounts.c.tag_name)
            .where(self._scope.filter(accounts.c.id))
        )
        of_version: dict[int, list[str]] = {}
        for row in await self._connection.execute(statement):
            of_version.setdefault(Version.parse(row.version).rank, []).append(row.id)
        places = [
            and_(owner.in_(ids) if len(ids) > 1 else owner == ids[0], rank <= top if or_equal else rank < top)
            for top, ids in sorted(of_version.items())
        ]
        return or_(*places) if places else false()


def ended_badly(scope: Scope) -> list[ColumnElement[bool]]:
    """Of actions: the newest of its device, which failed, fell back or was never heard of again; no update is open."""
    is_silence = or_(actions.c.state != ActionState.EXPIRED.value, actions.c.code == SILENCE)
    return [
        scope.filter(actions.c.account_id),
        actions.c.state.in_(_BAD_ENDS),
        is_silence,
        not_(has_newer()),
        not_(has_open_update(actions.c.account_id, actions.c.device_id)),
    ]


def has_open_update(account_id: ColumnElement[str], device_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The device has an update under way."""
    under_way = actions.alias("under_way")
    return exists().where(
        under_way.c.account_id == account_id,
        under_way.c.device_id == device_id,
        under_way.c.is_open,
        under_way.c.kind == ActionKind.UPDATE.value,
    )


def has_newer() -> ColumnElement[bool]:
    newer = actions.alias("newer")
    return exists().where(
        newer.c.account_id == actions.c.account_id,
        newer.c.device_id == actions.c.device_id,
        tuple_(newer.c.created_at, newer.c.id) > tuple_(actions.c.created_at, actions.c.id),
    )
