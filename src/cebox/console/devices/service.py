"""Devices for people and for the other features: finding, describing, remembering what happened to them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.actions.repository import ActionRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.devices.census_repository import CensusRepository
from cebox.console.devices.listing_repository import DeviceListing
from cebox.console.devices.records import (
    DeviceFilters,
    DeviceRecord,
    DeviceView,
    Event,
    EventKind,
    FleetSummary,
    device_unknown,
)
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.surroundings import load_domain_device, load_surroundings, make_site_server
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic, device_topic, site_topic
from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.domain.resolution import SiteServer
from cebox.domain.role import Permission
from cebox.domain.version import Version

__all__ = [
    "count_devices",
    "count_listed",
    "describe_devices",
    "find_site_server",
    "find_site_wrs",
    "get_device",
    "get_record",
    "list_device_ids",
    "list_devices",
    "list_events",
    "load_domain_device",
    "notify_change",
    "record_event",
    "remove_device",
    "summarise_fleet",
]


async def list_devices(
    connection: AsyncConnection, scope: Scope, filters: DeviceFilters, page: Page, now: datetime
) -> Listed[DeviceView]:
    """Raises InvalidInput (`cursor_malformed`)."""
    listed = await DeviceListing(connection, scope, now).list_page(filters, page)
    return Listed(await describe_devices(connection, scope, listed.items, now), listed.next, listed.previous)


async def count_devices(connection: AsyncConnection, scope: Scope, filters: DeviceFilters, now: datetime) -> int:
    return await DeviceListing(connection, scope, now).count(filters)


async def count_listed(
    connection: AsyncConnection,
    scope: Scope,
    filters: DeviceFilters,
    page: Page,
    listed: Listed[DeviceView],
    now: datetime,
) -> int:
    """How many the filters find, of which `listed` is that piece; asked only if there are others."""
    if page.after is None and page.before is None and listed.next is None:
        return len(listed.items)
    return await count_devices(connection, scope, filters, now)


async def summarise_fleet(
    connection: AsyncConnection, account_id: AccountId, version: Version, now: datetime
) -> FleetSummary:
    """`version`: the account's."""
    return FleetSummary(await CensusRepository(connection, Scope.account(account_id), now).summarise(), version)


async def list_device_ids(
    connection: AsyncConnection, scope: Scope, filters: DeviceFilters, limit: int, now: datetime
) -> tuple[DeviceId, ...]:
    """All ids the filters find, up to `limit`: a selection that spans pages."""
    return await DeviceListing(connection, scope, now).list_ids(filters, limit)


async def get_record(connection: AsyncConnection, scope: Scope, device_id: DeviceId) -> DeviceRecord:
    """Raises NotFound (`device_unknown`)."""
    record = await DeviceRepository(connection, scope).find(device_id)
    if record is None:
        raise device_unknown(device_id)
    return record


async def get_device(connection: AsyncConnection, scope: Scope, device_id: DeviceId, now: datetime) -> DeviceView:
    """Raises NotFound (`device_unknown`)."""
    record = await get_record(connection, scope, device_id)
    (view,) = await describe_devices(connection, scope, (record,), now)
    return view


async def remove_device(unit: Unit, caller: Caller, device_id: DeviceId, now: datetime) -> None:
    """Take a device out of the fleet: a machine that is dead or gone. One that still lives must enrol again.

    Raises NotPermitted (`role_may_not`), NotFound (`device_unknown`).
    """
    caller.verify(Permission.ADMINISTER)
    devices = DeviceRepository(unit.connection, caller.scope)
    record = await devices.find(device_id, lock=True)
    if record is None:
        raise device_unknown(device_id)
    await ActionRepository(unit.connection, caller.scope).forget(device_id)
    await devices.remove(device_id)
    facts = {"name": record.name, "kind": record.kind.value, "serial": record.serial}
    await journal.record(unit, caller, "device_removed", device_id, facts, record.account_id, at=now)
    notify_change(unit, device_id, record.account_id)
    if record.site_id is not None:
        unit.notify(site_topic(record.site_id))


async def describe_devices(
    connection: AsyncConnection, scope: Scope, records: Iterable[DeviceRecord], now: datetime
) -> tuple[DeviceView, ...]:
    records = tuple(records)
    around = await load_surroundings(connection, scope, records, now)
    last = await ActionRepository(connection, scope).list_last(record.id for record in records)
    site_names = await DeviceRepository(connection, scope).find_site_names(
        record.site_id for record in records if record.site_id
    )
    return tuple(
        DeviceView(
            record=record,
            account_name=around.accounts[record.account_id].name,
            account_version=around.account_version(record),
            site_name=site_names.get(record.site_id) if record.site_id else None,
            is_on=record.is_on(now),
            would_take=around.would_take(record),
            open_actions=around.open_actions.get(record.id, ()),
            last_action=last.get(record.id),
        )
        for record in records
    )


async def find_site_server(
    connection: AsyncConnection, scope: Scope, site_id: SiteId, now: datetime
) -> SiteServer | None:
    """The WRS that decides on a site (R6); None when there is none, or none that ever served."""
    wrs = (await DeviceRepository(connection, scope).find_site_servers([site_id])).get(site_id)
    return make_site_server(wrs, now) if wrs else None


async def find_site_wrs(connection: AsyncConnection, scope: Scope, site_id: SiteId) -> DeviceRecord | None:
    """The machine itself, whether it ever served or not."""
    return (await DeviceRepository(connection, scope).find_site_servers([site_id])).get(site_id)


async def record_event(
    unit: Unit,
    device_id: DeviceId,
    account_id: AccountId,
    kind: EventKind,
    facts: Mapping[str, Any],
    *,
    at: datetime,
    result_id: str | None = None,
) -> bool:
    """Add to a device's history. False when `result_id` is already there: a repeated report changes nothing."""
    values = {
        "account_id": account_id,
        "device_id": device_id,
        "at": at,
        "kind": kind.value,
        "facts": dict(facts),
        "result_id": result_id,
    }
    return await DeviceRepository(unit.connection, Scope.everything()).add_event(values)


async def list_events(connection: AsyncConnection, scope: Scope, device_id: DeviceId, page: Page) -> Listed[Event]:
    """The newest first. Raises NotFound (`device_unknown`)."""
    await get_record(connection, scope, device_id)
    return await DeviceRepository(connection, scope).list_events(device_id, page)


def notify_change(unit: Unit, device_id: DeviceId, account_id: AccountId) -> None:
    unit.notify(device_topic(device_id))
    unit.notify(account_topic(account_id))
