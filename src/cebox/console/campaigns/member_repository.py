"""SQL of the devices in campaigns. The campaign was found within its scope before; here its id says whose rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, and_, case, exists, func, insert, not_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.tables import actions
from cebox.console.campaigns.records import CampaignMember, Tally
from cebox.console.campaigns.stored import dump_tally
from cebox.console.campaigns.tables import campaign_members as members
from cebox.console.campaigns.tables import campaign_waves
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.devices.tables import devices
from cebox.domain.action import TERMINAL
from cebox.domain.campaign import ANOMALIES, OUTCOMES, RETRIABLE, UNDER_WAY, MemberState
from cebox.domain.device import PRESENCE, DeviceKind, Place
from cebox.domain.ids import ActionId, CampaignId, DeviceId, SiteId
from cebox.domain.version import Version
from cebox.errors import Conflict

_BATCH = 1000


class MemberRepository:
    def __init__(self, connection: AsyncConnection, campaign_id: CampaignId) -> None:
        self._connection = connection
        self._campaign_id = campaign_id

    async def add_many(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Raises Conflict (`devices_in_another_campaign`)."""
        try:
            for start in range(0, len(rows), _BATCH):
                batch = [{"campaign_id": self._campaign_id, **row} for row in rows[start : start + _BATCH]]
                await self._connection.execute(insert(members), batch)
        except IntegrityError as error:
            raise in_another_campaign() from error

    async def find_many(self, device_ids: Iterable[DeviceId]) -> dict[DeviceId, CampaignMember]:
        found: dict[DeviceId, CampaignMember] = {}
        for chunk in chunk_ids(device_ids):
            statement = select(members).where(self._mine(), members.c.device_id.in_(chunk))
            for row in await self._connection.execute(statement):
                found[DeviceId(row.device_id)] = _make_member(row)
        return found

    async def list_members(
        self, page: Page, states: Collection[MemberState] = (), wave: int | None = None
    ) -> Listed[CampaignMember]:
        """In the order of their turn."""
        statement = select(members).where(self._mine())
        if states:
            statement = statement.where(members.c.state.in_(_values(states)))
        if wave is not None:
            statement = statement.where(members.c.wave == wave)
        keys = [members.c.wave, members.c.position, members.c.device_id]
        return await list_page(self._connection, statement, keys, page, _make_member)

    async def list_latest_anomalies(self, limit: int) -> tuple[CampaignMember, ...]:
        statement = (
            select(members)
            .where(self._mine(), members.c.state.in_(_values(ANOMALIES)))
            .order_by(members.c.over_at.desc(), members.c.device_id)
            .limit(limit)
        )
        return tuple(_make_member(row) for row in await self._connection.execute(statement))

    async def list_followed(self) -> tuple[CampaignMember, ...]:
        """All under way, and silent ones whose action has ended otherwise since."""
        heard = exists().where(
            actions.c.id == members.c.update_id,
            actions.c.state.in_(sorted(state.value for state in TERMINAL)),
            actions.c.code != "silence",
        )
        is_heard_again = and_(members.c.state == MemberState.SILENT.value, heard)
        statement = select(members).where(self._mine(), or_(members.c.state.in_(_values(UNDER_WAY)), is_heard_again))
        return tuple(_make_member(row) for row in await self._connection.execute(statement))

    async def list_turns(
        self,
        wave: int,
        *,
        now: datetime,
        closed_sites: Collection[SiteId],
        held_sites: Collection[SiteId],
        limit: int,
    ) -> tuple[CampaignMember, ...]:
        """Whose turn it is in the waves up to `wave`: pending, on, and neither on a site that is full nor behind a WRS
        that is not done.
        """
        statement = (
            select(members)
            .join(devices, devices.c.id == members.c.device_id, isouter=True)
            .where(
                self._mine(),
                members.c.state == MemberState.PENDING.value,
                members.c.wave <= wave,
                or_(members.c.not_before.is_(None), members.c.not_before <= now),
                # One that was removed from the fleet has its turn too: it ends it.
                or_(_is_on(now), devices.c.id.is_(None)),
                not_(_is_held(held_sites)),
            )
            .order_by(members.c.wave, members.c.position)
            .limit(limit)
        )
        if closed_sites:
            statement = statement.where(
                or_(members.c.site_id.is_(None), members.c.site_id.not_in(sorted(closed_sites)))
            )
        return tuple(_make_member(row) for row in await self._connection.execute(statement))

    async def recount(self, waves: Collection[int] | None = None) -> None:
        """Keep the numbers of these waves, or of all: whoever changes a device does so before its unit ends."""
        for wave, tally in (await self._count(waves)).items():
            await self._connection.execute(
                update(campaign_waves)
                .where(campaign_waves.c.campaign_id == self._campaign_id, campaign_waves.c.number == wave)
                .values(tally=dump_tally(tally))
            )

    async def has_reachable(self, wave: int, *, now: datetime, held_sites: Collection[SiteId]) -> bool:
        return await self._has(wave, _is_on(now), not_(_is_held(held_sites)))

    async def has_held(self, wave: int, held_sites: Collection[SiteId]) -> bool:
        return bool(held_sites) and await self._has(wave, _is_held(held_sites))

    async def find_servers(self) -> dict[SiteId, MemberState]:
        statement = select(members.c.site_id, members.c.state).where(
            self._mine(), members.c.kind == DeviceKind.WRS.value, members.c.site_id.is_not(None)
        )
        return {SiteId(row.site_id): MemberState(row.state) for row in await self._connection.execute(statement)}

    async def count_by_site(self) -> dict[SiteId | None, tuple[int, int, int]]:
        """Of each site: how many were tried, are in trouble, are not sent yet."""
        rows = await self._count_by(members.c.site_id)
        return {SiteId(one) if one else None: counts for one, counts in rows.items()}

    async def count_by_version(self) -> dict[str, tuple[int, int, int]]:
        """The same, of each version they came from."""
        return {one: counts for one, counts in (await self._count_by(members.c.from_version)).items() if one}

    async def change(self, device_id: DeviceId, values: Mapping[str, Any]) -> None:
        await self.change_many([device_id], values)

    async def change_many(self, device_ids: Iterable[DeviceId], values: Mapping[str, Any]) -> None:
        for chunk in chunk_ids(device_ids):
            await self._connection.execute(
                update(members).where(self._mine(), members.c.device_id.in_(chunk)).values(**values)
            )

    async def skip_sites(self, site_ids: Collection[SiteId], code: str, at: datetime) -> int:
        """The pending ceBox on these sites; returns how many."""
        if not site_ids:
            return 0
        on_them = select(devices.c.id).where(
            devices.c.site_id.in_(sorted(site_ids)), devices.c.place == Place.SITE.value
        )
        return await self._end(
            MemberState.SKIPPED,
            code,
            at,
            members.c.state == MemberState.PENDING.value,
            members.c.kind == DeviceKind.CEBOX.value,
            members.c.site_id.in_(sorted(site_ids)),
            members.c.device_id.in_(on_them),
        )

    async def close_pending(self, at: datetime) -> int:
        return await self._end(MemberState.NOT_SENT, "", at, members.c.state == MemberState.PENDING.value)

    async def leave_site_out(self, site_id: SiteId, at: datetime) -> int:
        condition = (members.c.state == MemberState.PENDING.value, members.c.site_id == site_id)
        return await self._end(MemberState.SKIPPED, "left_out", at, *condition)

    async def retry(self, at: datetime) -> int:
        """Raises Conflict (`devices_in_another_campaign`)."""
        try:
            done = await self._connection.execute(
                update(members)
                .where(self._mine(), members.c.state.in_(_values(RETRIABLE)), members.c.code != "left_out")
                .values(
                    state=MemberState.PENDING.value,
                    code="",
                    update_id=None,
                    reboot_id=None,
                    not_before=None,
                    is_counted=False,
                    is_live=True,
                    changed_at=at,
                    over_at=None,
                )
            )
        except IntegrityError as error:
            raise in_another_campaign() from error
        return done.rowcount

    async def reset_counts(self) -> None:
        """The automatic stop counts from zero: what has ended counts no more."""
        await self._connection.execute(
            update(members)
            .where(self._mine(), members.c.is_counted, members.c.state.in_(_values(OUTCOMES)))
            .values(is_counted=False)
        )

    async def release(self) -> None:
        """The campaign is over: its devices may join another."""
        await self._connection.execute(update(members).where(self._mine(), members.c.is_live).values(is_live=False))

    async def _count(self, waves: Collection[int] | None) -> dict[int, Tally]:
        """Read from one index alone."""
        by = (members.c.wave, members.c.state)
        statement = (
            select(
                *by,
                func.count().label("many"),
                func.sum(case((members.c.is_counted, 1), else_=0)).label("counted"),
                func.max(members.c.over_at).label("over_at"),
            )
            .where(self._mine())
            .group_by(*by)
        )
        if waves is not None:
            statement = statement.where(members.c.wave.in_(sorted(waves)))
        found: dict[int, list[Row[Any]]] = {}
        for row in await self._connection.execute(statement):
            found.setdefault(row.wave, []).append(row)
        return {wave: _make_tally(rows) for wave, rows in found.items()}

    async def _count_by(self, column: Column[Any]) -> dict[str | None, tuple[int, int, int]]:
        is_trouble = members.c.state.in_(_values(ANOMALIES))
        is_left = members.c.state == MemberState.PENDING.value
        statement = (
            select(
                column.label("value"),
                func.sum(case((members.c.tries > 0, 1), else_=0)).label("tried"),
                func.sum(case((is_trouble, 1), else_=0)).label("trouble"),
                func.sum(case((is_left, 1), else_=0)).label("left"),
            )
            .where(self._mine())
            .group_by(column)
        )
        return {row.value: (row.tried, row.trouble, row.left) for row in await self._connection.execute(statement)}

    async def _end(self, state: MemberState, code: str, at: datetime, *conditions: ColumnElement[bool]) -> int:
        done = await self._connection.execute(
            update(members)
            .where(self._mine(), *conditions)
            .values(state=state.value, code=code, changed_at=at, over_at=at)
        )
        return done.rowcount

    async def _has(self, wave: int, *conditions: ColumnElement[bool]) -> bool:
        statement = (
            select(members.c.device_id)
            .join(devices, devices.c.id == members.c.device_id)
            .where(self._mine(), members.c.wave == wave, members.c.state == MemberState.PENDING.value, *conditions)
            .limit(1)
        )
        return (await self._connection.execute(statement)).first() is not None

    def _mine(self) -> ColumnElement[bool]:
        return members.c.campaign_id == self._campaign_id


async def find_live_elsewhere(connection: AsyncConnection, device_ids: Iterable[DeviceId]) -> set[DeviceId]:
    """Those of them that are in a campaign now."""
    found: set[DeviceId] = set()
    for chunk in chunk_ids(device_ids):
        statement = select(members.c.device_id).where(members.c.is_live, members.c.device_id.in_(chunk))
        found.update(DeviceId(one) for one in (await connection.execute(statement)).scalars())
    return found


def add_tallies(tallies: Iterable[Tally]) -> Tally:
    states: dict[MemberState, int] = {}
    counted = anomalies = 0
    for tally in tallies:
        for state, many in tally.states.items():
            states[state] = states.get(state, 0) + many
        counted, anomalies = counted + tally.counted, anomalies + tally.anomalies
    return Tally(states, counted, anomalies)


def in_another_campaign() -> Conflict:
    return Conflict(
        "devices_in_another_campaign",
        "some of these devices are in another campaign",
        hint="End that campaign first, or leave them out.",
    )


def _make_tally(rows: Sequence[Row[Any]]) -> Tally:
    ended = [row.over_at for row in rows if row.over_at is not None]
    return Tally(
        states={MemberState(row.state): row.many for row in rows},
        counted=sum(row.counted for row in rows),
        anomalies=sum(row.counted for row in rows if MemberState(row.state) in ANOMALIES),
        over_at=max(ended, default=None),
    )


def _is_on(now: datetime) -> ColumnElement[bool]:
    """`domain.device.is_on`, in SQL."""
    return and_(devices.c.last_seen_at >= now - PRESENCE, not_(devices.c.is_leaving))


def _is_held(held_sites: Collection[SiteId]) -> ColumnElement[bool]:
    """A ceBox on a site whose WRS is not done. Never NULL, so that it may be negated."""
    return and_(
        members.c.kind == DeviceKind.CEBOX.value,
        func.coalesce(members.c.site_id, "").in_(sorted(held_sites)),
        func.coalesce(devices.c.place, "") == Place.SITE.value,
    )


def _values(states: Iterable[MemberState]) -> list[str]:
    return sorted(state.value for state in states)


def _make_member(row: Row[Any]) -> CampaignMember:
    return CampaignMember(
        campaign_id=CampaignId(row.campaign_id),
        device_id=DeviceId(row.device_id),
        name=row.name,
        kind=DeviceKind(row.kind),
        site_id=SiteId(row.site_id) if row.site_id else None,
        wave=row.wave,
        state=MemberState(row.state),
        code=row.code,
        from_version=Version.parse(row.from_version) if row.from_version else None,
        update_id=ActionId(row.update_id) if row.update_id else None,
        reboot_id=ActionId(row.reboot_id) if row.reboot_id else None,
        tries=row.tries,
        changed_at=row.changed_at,
        over_at=row.over_at,
        wan_bytes=row.wan_bytes,
        lan_bytes=row.lan_bytes,
    )
