"""SQL of the dashboard: the history of counts, what is under way, what ended badly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, exists, func, insert, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.records import Action
from cebox.console.actions.repository import make_action
from cebox.console.actions.tables import actions, commands
from cebox.console.dashboard.facts import Single
from cebox.console.dashboard.tables import fleet_history
from cebox.console.database.scope import Scope
from cebox.console.devices.conditions import ended_badly, has_open_update
from cebox.console.devices.tables import devices
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, CommandId, DeviceId, SiteId
from cebox.domain.version import Version
from cebox.protocol.device import Progress


@dataclass(frozen=True, slots=True)
class BadEnd:
    """A device's newest action, which ended badly. `action` None: it fell back from `version` with nobody asking."""

    device_id: DeviceId
    name: str
    site_id: SiteId | None
    running: Version | None
    version: Version | None
    action: Action | None


class HistoryRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def list_counts(self, since: date) -> list[tuple[date, Version, int]]:
        statement = select(fleet_history).where(
            self._scope.filter(fleet_history.c.account_id), fleet_history.c.day >= since
        )
        rows = await self._connection.execute(statement)
        return [(row.day, Version.parse(row.version), row.boxes) for row in rows]

    async def count_boxes(self) -> dict[AccountId, dict[Version, int]]:
        """What the ceBox of each account run now."""
        by = (devices.c.account_id, devices.c.running_rank)
        statement = (
            select(*by, func.count().label("many"))
            .where(
                self._scope.filter(devices.c.account_id),
                devices.c.kind == DeviceKind.CEBOX.value,
                devices.c.running_rank > 0,
            )
            .group_by(*by)
        )
        counts: dict[AccountId, dict[Version, int]] = {}
        for row in await self._connection.execute(statement):
            counts.setdefault(AccountId(row.account_id), {})[Version.from_rank(row.running_rank)] = row.many
        return counts

    async def write_day(self, day: date, counts: Mapping[AccountId, Mapping[Version, int]]) -> None:
        """In the place of what the day said before."""
        mine = self._scope.filter(fleet_history.c.account_id)
        await self._connection.execute(delete(fleet_history).where(mine, fleet_history.c.day == day))
        rows = [
            {"account_id": account_id, "day": day, "version": str(version), "boxes": boxes}
            for account_id, versions in counts.items()
            for version, boxes in versions.items()
        ]
        if rows:
            await self._connection.execute(insert(fleet_history), rows)

    async def forget_before(self, day: date) -> None:
        mine = self._scope.filter(fleet_history.c.account_id)
        await self._connection.execute(delete(fleet_history).where(mine, fleet_history.c.day < day))


class ActivityRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope
        self._mine = scope.filter(actions.c.account_id)

    async def list_running_commands(self) -> list[CommandId]:
        """Those with something under way, the newest first."""
        open_ones = select(actions.c.command_id).where(self._mine, actions.c.is_open, actions.c.command_id.is_not(None))
        statement = (
            select(commands.c.id)
            .where(commands.c.id.in_(open_ones), self._scope.filter(commands.c.account_id))
            .order_by(commands.c.created_at.desc(), commands.c.id)
        )
        return [CommandId(one) for one in (await self._connection.execute(statement)).scalars()]

    async def count_singles(self) -> int:
        statement = select(func.count()).select_from(actions).where(*self._single())
        return (await self._connection.execute(statement)).scalar_one()

    async def list_singles(self, limit: int) -> tuple[Single, ...]:
        """Updates of one device, the newest first."""
        statement = (
            select(actions, devices.c.name.label("device_name"), devices.c.progress)
            .join(devices, devices.c.id == actions.c.device_id)
            .where(*self._single())
            .order_by(actions.c.created_at.desc(), actions.c.id)
            .limit(limit)
        )
        return tuple(_make_single(row) for row in await self._connection.execute(statement))

    async def list_bad_ends(self, account_version: Version, limit: int) -> list[BadEnd]:
        """What needs a person, the newest first; then what fell back with nobody asking."""
        statement = (
            select(actions, devices.c.name.label("device_name"), devices.c.site_id, devices.c.running_rank)
            .join(devices, devices.c.id == actions.c.device_id)
            .where(*ended_badly(self._scope))
            .order_by(actions.c.changed_at.desc(), actions.c.id)
            .limit(limit)
        )
        found = [_make_bad_end(row) for row in await self._connection.execute(statement)]
        by_itself = (
            select(devices.c.id, devices.c.name, devices.c.site_id, devices.c.running_rank, devices.c.fallen_back_rank)
            .where(*self._fell_back_alone(account_version))
            .order_by(devices.c.sort_name, devices.c.id)
            .limit(limit - len(found))
        )
        if len(found) < limit:
            found += [_make_fallen(*row) for row in await self._connection.execute(by_itself)]
        return found

    async def count_bad_ends(self, account_version: Version) -> tuple[dict[ActionState, int], datetime | None]:
        """By how they ended, and when the oldest did. Who fell back with nobody asking counts as rolled back."""
        statement = (
            select(actions.c.state, func.count().label("many"), func.min(actions.c.changed_at).label("oldest"))
            .where(*ended_badly(self._scope))
            .group_by(actions.c.state)
        )
        rows = (await self._connection.execute(statement)).all()
        counts = {ActionState(row.state): int(row.many) for row in rows}
        alone = select(func.count()).select_from(devices).where(*self._fell_back_alone(account_version))
        many = (await self._connection.execute(alone)).scalar_one()
        if many:
            counts[ActionState.ROLLED_BACK] = counts.get(ActionState.ROLLED_BACK, 0) + many
        return counts, min((row.oldest for row in rows), default=None)

    def _single(self) -> list[Any]:
        is_update = actions.c.kind == ActionKind.UPDATE.value
        return [self._mine, actions.c.is_open, actions.c.command_id.is_(None), is_update]

    def _fell_back_alone(self, account_version: Version) -> list[Any]:
        bad = exists().where(actions.c.device_id == devices.c.id, *ended_badly(self._scope))
        return [
            self._scope.filter(devices.c.account_id),
            devices.c.fallen_back_rank > 0,
            devices.c.fallen_back_rank <= account_version.rank,
            not_(has_open_update(devices.c.account_id, devices.c.id)),
            not_(bad),
        ]


class OverviewRepository:
    """Counts by account, for those who look at many."""

    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def count_under_way(self) -> dict[AccountId, int]:
        statement = (
            select(actions.c.account_id, func.count().label("many"))
            .where(
                self._scope.filter(actions.c.account_id), actions.c.is_open, actions.c.kind == ActionKind.UPDATE.value
            )
            .group_by(actions.c.account_id)
        )
        return {AccountId(row.account_id): int(row.many) for row in await self._connection.execute(statement)}

    async def count_silent_servers(self, heard_before: datetime) -> dict[AccountId, int]:
        """The WRS that are off, and were last heard before then."""
        statement = (
            select(devices.c.account_id, func.count().label("many"))
            .where(
                self._scope.filter(devices.c.account_id),
                devices.c.kind == DeviceKind.WRS.value,
                devices.c.quiet_since < heard_before,
            )
            .group_by(devices.c.account_id)
        )
        return {AccountId(row.account_id): int(row.many) for row in await self._connection.execute(statement)}


def _version(rank: int) -> Version | None:
    return Version.from_rank(rank) if rank else None


def _make_single(row: Row[Any]) -> Single:
    progress = msgspec.convert(row.progress, Progress) if row.progress else None
    return Single(make_action(row), row.device_name, progress)


def _make_bad_end(row: Row[Any]) -> BadEnd:
    action = make_action(row)
    wanted = (action.taken.version if action.taken else None) or action.expected_version or action.asked_version
    site_id = SiteId(row.site_id) if row.site_id else None
    return BadEnd(action.device_id, row.device_name, site_id, _version(row.running_rank), wanted, action)


def _make_fallen(device_id: str, name: str, site_id: str | None, running_rank: int, fallen_rank: int) -> BadEnd:
    site = SiteId(site_id) if site_id else None
    return BadEnd(DeviceId(device_id), name, site, _version(running_rank), _version(fallen_rank), None)
