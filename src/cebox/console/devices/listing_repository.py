"""SQL of the devices page: one statement that filters, sorts and pages over a fleet."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, func, literal, not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts, tags
from cebox.console.actions.tables import actions
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceFilters, DeviceRecord, FleetGroup, Order
from cebox.console.devices.repository import make_record
from cebox.console.devices.tables import devices
from cebox.console.sites.tables import sites
from cebox.domain.action import ActionKind
from cebox.domain.device import PRESENCE, DeviceKind
from cebox.domain.ids import DeviceId
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class DeviceListing:
    def __init__(self, connection: AsyncConnection, scope: Scope, now: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._now = now

    async def list_page(self, filters: DeviceFilters, page: Page) -> Listed[DeviceRecord]:
        """Raises InvalidInput (`cursor_malformed`)."""
        key = (await self._order(filters.order)).label("order_key")
        statement = (
            select(devices, key)
            .select_from(devices.outerjoin(sites, sites.c.id == devices.c.site_id))
            .where(*await self._conditions(filters))
        )
        return await list_page(
            self._connection, statement, [key, devices.c.id], page, make_record, is_descending=filters.is_reversed
        )

    async def count(self, filters: DeviceFilters) -> int:
        statement = select(func.count()).select_from(devices).where(*await self._conditions(filters))
        return (await self._connection.execute(statement)).scalar_one()

    async def list_ids(self, filters: DeviceFilters, limit: int) -> tuple[DeviceId, ...]:
        """All that the filters find, for a selection that spans pages."""
        statement = select(devices.c.id).where(*await self._conditions(filters)).order_by(devices.c.id).limit(limit)
        return tuple(DeviceId(one) for one in (await self._connection.execute(statement)).scalars())

    async def summarise(self) -> tuple[FleetGroup, ...]:
        """Every device of the scope, counted; a few rows, whatever the size of the fleet."""
        by = (devices.c.kind, devices.c.phase, devices.c.running)
        statement = (
            select(*by, func.count().label("many")).where(self._scope.filter(devices.c.account_id)).group_by(*by)
        )
        return tuple(
            FleetGroup(
                DeviceKind(row.kind), BoxPhase(row.phase), Version.parse(row.running) if row.running else None, row.many
            )
            for row in await self._connection.execute(statement)
        )

    async def _conditions(self, filters: DeviceFilters) -> list[ColumnElement[bool]]:
        conditions = [self._scope.filter(devices.c.account_id)]
        if search := filters.search.replace("\0", "").strip():
            conditions.append(_holds(search))
        if filters.site_id is not None:
            conditions.append(devices.c.site_id == filters.site_id if filters.site_id else devices.c.site_id.is_(None))
        if filters.kind is not None:
            conditions.append(devices.c.kind == filters.kind.value)
        if filters.is_on is not None:
            conditions.append(self._on() if filters.is_on else not_(self._on()))
        if filters.version is not None:
            conditions.append(devices.c.running == str(filters.version))
        if filters.is_behind is not None:
            behind = await self._behind()
            conditions.append(behind if filters.is_behind else not_(behind))
        if filters.phase is not None:
            conditions.append(devices.c.phase == filters.phase.value)
        conditions += self._action_conditions(filters)
        return conditions

    def _action_conditions(self, filters: DeviceFilters) -> list[ColumnElement[bool]]:
        """From the actions, which are few in any one state, to their devices; not the other way round."""
        mine = self._scope.filter(actions.c.account_id)
        conditions: list[ColumnElement[bool]] = []
        if filters.last_states:
            states = sorted(state.value for state in filters.last_states)
            newest = select(actions.c.device_id).where(mine, actions.c.state.in_(states), not_(_has_newer()))
            conditions.append(devices.c.id.in_(newest))
        if filters.is_updating is not None:
            is_update = actions.c.kind == ActionKind.UPDATE.value
            under_way = devices.c.id.in_(select(actions.c.device_id).where(mine, actions.c.is_open, is_update))
            conditions.append(under_way if filters.is_updating else not_(under_way))
        if filters.command_id is not None:
            of_command = select(actions.c.device_id).where(mine, actions.c.command_id == filters.command_id)
            conditions.append(devices.c.id.in_(of_command))
        return conditions

    def _on(self) -> ColumnElement[bool]:
        """`domain.device.is_on`, in SQL."""
        seen = func.coalesce(devices.c.last_seen_at, literal(_NEVER, devices.c.last_seen_at.type))
        return and_(seen >= self._now - PRESENCE, not_(devices.c.is_leaving))

    async def _behind(self) -> ColumnElement[bool]:
        """Below the account's version. Versions do not sort as text: the few that run are compared here."""
        statement = (
            select(devices.c.account_id, devices.c.running, tags.c.version)
            .join(accounts, accounts.c.id == devices.c.account_id)
            .join(tags, tags.c.name == accounts.c.tag_name)
            .where(devices.c.running.is_not(None), self._scope.filter(devices.c.account_id))
            .distinct()
        )
        pairs = [
            (row.account_id, row.running)
            for row in await self._connection.execute(statement)
            if Version.parse(row.running) < Version.parse(row.version)
        ]
        if not pairs:
            return false()
        running = func.coalesce(devices.c.running, "")
        return tuple_(devices.c.account_id, running).in_(pairs)

    async def _order(self, order: Order) -> ColumnElement[Any]:
        match order:
            case Order.NAME:
                return devices.c.sort_name
            case Order.SEEN:
                return func.coalesce(devices.c.last_seen_at, literal(_NEVER, devices.c.last_seen_at.type))
            case Order.SITE:
                return func.lower(func.coalesce(sites.c.name, ""), type_=sites.c.name.type)
            case Order.VERSION:
                return await self._version_rank()

    async def _version_rank(self) -> ColumnElement[int]:
        statement = (
            select(devices.c.running)
            .where(devices.c.running.is_not(None), self._scope.filter(devices.c.account_id))
            .distinct()
        )
        running = sorted((await self._connection.execute(statement)).scalars(), key=Version.parse)
        if not running:
            return literal(0)
        ranks = {text: rank for rank, text in enumerate(running, start=1)}
        return case(ranks, value=devices.c.running, else_=0)


def _holds(search: str) -> ColumnElement[bool]:
    return or_(
        devices.c.sort_name.contains(search.lower(), autoescape=True),
        devices.c.serial.icontains(search, autoescape=True),
        devices.c.id.contains(search.lower(), autoescape=True),
    )


def _has_newer() -> ColumnElement[bool]:
    newer = actions.alias("newer")
    return exists().where(
        newer.c.device_id == actions.c.device_id,
        tuple_(newer.c.created_at, newer.c.id) > tuple_(actions.c.created_at, actions.c.id),
    )
