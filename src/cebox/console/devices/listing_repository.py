"""SQL of the devices page: one statement that filters, sorts and pages over a fleet."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.tables import actions
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.devices.conditions import Conditions
from cebox.console.devices.records import DeviceFilters, DeviceRecord, Order
from cebox.console.devices.repository import make_record
from cebox.console.devices.tables import devices
from cebox.domain.ids import DeviceId

# Each has its index, with the id behind it.
_KEYS: dict[Order, Column[Any]] = {
    Order.NAME: devices.c.sort_name,
    Order.SEEN: devices.c.quiet_since,
    Order.SITE: devices.c.site_sort,
    Order.VERSION: devices.c.running_rank,
}


class DeviceListing:
    def __init__(self, connection: AsyncConnection, scope: Scope, now: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._conditions = Conditions(connection, scope, now)

    async def list_page(self, filters: DeviceFilters, page: Page) -> Listed[DeviceRecord]:
        """Raises InvalidInput (`cursor_malformed`)."""
        statement = select(devices).where(*await self.find_conditions(filters))
        keys = [_KEYS[filters.order], devices.c.id]
        return await list_page(self._connection, statement, keys, page, make_record, is_descending=filters.is_reversed)

    async def count(self, filters: DeviceFilters) -> int:
        statement = select(func.count()).select_from(devices).where(*await self.find_conditions(filters))
        return (await self._connection.execute(statement)).scalar_one()

    async def list_ids(self, filters: DeviceFilters, limit: int) -> tuple[DeviceId, ...]:
        """All that the filters find, for a selection that spans pages."""
        statement = select(devices.c.id).where(*await self.find_conditions(filters)).order_by(devices.c.id).limit(limit)
        return tuple(DeviceId(one) for one in (await self._connection.execute(statement)).scalars())

    async def find_conditions(self, filters: DeviceFilters) -> list[ColumnElement[bool]]:
        """Of a statement over devices."""
        conditions = [self._scope.filter(devices.c.account_id), *_plain_conditions(filters)]
        if filters.is_long_off is not None:
            long_off = self._conditions.long_off()
            conditions.append(long_off if filters.is_long_off else not_(long_off))
        if filters.is_behind is not None:
            behind = await self._conditions.behind()
            conditions.append(behind if filters.is_behind else not_(behind))
        if filters.last_states:
            conditions.append(self._conditions.newest_action_in(filters.last_states))
        if filters.needs_attention:
            conditions.append(await self._conditions.needs_attention())
        if filters.is_updating is not None:
            under_way = self._conditions.under_way()
            conditions.append(under_way if filters.is_updating else not_(under_way))
        if filters.lateness is not None:
            conditions.append(await self._conditions.late_because(filters.lateness))
        if filters.command_id is not None:
            conditions.append(devices.c.id.in_(self._of_command(filters.command_id)))
        return conditions

    def _of_command(self, command_id: str) -> Select[tuple[str]]:
        mine = self._scope.filter(actions.c.account_id)
        return select(actions.c.device_id).where(mine, actions.c.command_id == command_id)


def _plain_conditions(filters: DeviceFilters) -> list[ColumnElement[bool]]:
    """Those that look at one column."""
    conditions: list[ColumnElement[bool]] = []
    if search := filters.search.replace("\0", "").strip():
        conditions.append(_holds(search))
    if filters.site_id is not None:
        conditions.append(devices.c.site_id == filters.site_id if filters.site_id else devices.c.site_id.is_(None))
    if filters.kind is not None:
        conditions.append(devices.c.kind == filters.kind.value)
    if filters.place is not None:
        conditions.append(devices.c.place == filters.place.value)
    if filters.is_on is not None:
        conditions.append(devices.c.noted_on if filters.is_on else not_(devices.c.noted_on))
    if filters.version is not None:
        conditions.append(devices.c.running_rank == filters.version.rank)
    if filters.phase is not None:
        conditions.append(devices.c.phase == filters.phase.value)
    return conditions


def _holds(search: str) -> ColumnElement[bool]:
    return or_(
        devices.c.sort_name.contains(search.lower(), autoescape=True),
        devices.c.serial.icontains(search, autoescape=True),
        devices.c.id.contains(search.lower(), autoescape=True),
    )
