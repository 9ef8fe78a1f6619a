"""What the rules need to know around a set of devices: their accounts' versions, their sites' WRS, what is under way.

Read once for any number of devices, so that a page and a group cost a few statements, not a few per device.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.records import Action, is_busy
from cebox.console.actions.repository import ActionRepository
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord
from cebox.console.devices.repository import AccountFacts, DeviceRepository
from cebox.console.sites.repository import Site, SiteRepository
from cebox.domain.device import Device, DeviceKind, Place
from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.domain.pace import NO_RATES, Rates
from cebox.domain.resolution import Resolution, SiteServer, resolve
from cebox.domain.tag import Asked
from cebox.domain.version import Version


class Standing(Protocol):
    """Where a device, or any of many that are alike, belongs and stands."""

    @property
    def account_id(self) -> AccountId: ...

    @property
    def site_id(self) -> SiteId | None: ...

    @property
    def kind(self) -> DeviceKind: ...

    @property
    def place(self) -> Place: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    now: datetime
    accounts: Mapping[AccountId, AccountFacts]
    servers: Mapping[SiteId, SiteServer]
    open_actions: Mapping[DeviceId, tuple[Action, ...]]
    box_versions: Mapping[SiteId, Mapping[Version, int]]
    sites: Mapping[SiteId, Site]
    wrs: Mapping[SiteId, DeviceRecord]

    def account_version(self, record: Standing) -> Version:
        return self.accounts[record.account_id].version

    def site_server(self, record: Standing) -> SiteServer | None:
        return self.servers.get(record.site_id) if record.site_id else None

    def site(self, record: Standing) -> Site | None:
        return self.sites.get(record.site_id) if record.site_id else None

    def site_wrs(self, record: Standing) -> DeviceRecord | None:
        """The machine itself, whether it ever served or not."""
        return self.wrs.get(record.site_id) if record.site_id else None

    def site_box_versions(self, record: Standing) -> Mapping[Version, int]:
        """On a WRS: how many ceBox of its site run which version."""
        return self.box_versions.get(record.site_id, {}) if record.site_id else {}

    def closed_until(self, record: Standing) -> datetime | None:
        """When the download window of the device's site opens; None while downloads may go on there."""
        site = self.site(record)
        return site.limits.closed_until(self.now) if site else None

    def limit_bytes_per_second(self, record: Standing) -> int | None:
        """What the site allows this device on its line to the cloud; None: as much as goes, or the line is not its."""
        site = self.site(record)
        is_bound = record.kind is DeviceKind.WRS or record.place is Place.SITE
        return site.limits.download_bytes_per_second if site and is_bound else None

    def site_rates(self, record: Standing) -> Rates:
        """At home somebody else's line counts: the site's measures say nothing about it."""
        site = self.site(record)
        is_there = record.kind is DeviceKind.WRS or record.place is Place.SITE
        return site.rates if site and is_there else NO_RATES

    def would_take(self, record: Standing) -> Resolution:
        """What an update without a tag would do."""
        asked = Asked(None, self.account_version(record))
        return resolve(record.kind, record.place, asked, self.site_server(record))

    def domain_device(self, record: DeviceRecord) -> Device:
        return load_domain_device(record, self.open_actions.get(record.id, ()), self.now)


def load_domain_device(record: DeviceRecord, open_actions: Iterable[Action], now: datetime) -> Device:
    """The device as the rules see it."""
    is_on = record.is_on(now)
    return Device(
        id=record.id,
        account_id=record.account_id,
        kind=record.kind,
        place=record.place,
        slots=record.slots,
        is_on=is_on,
        site_id=record.site_id,
        is_busy=is_busy(open_actions, record.phase, is_on=is_on),
        slot_bytes=record.slot_bytes,
        failed_versions=record.failed_versions,
    )


def make_site_server(wrs: DeviceRecord, now: datetime) -> SiteServer | None:
    """The WRS as its site's boxes are expected to see it; None before it ever served."""
    version = wrs.site_version
    return SiteServer(version, wrs.is_on(now)) if version is not None else None


async def load_surroundings(
    connection: AsyncConnection, scope: Scope, records: Iterable[DeviceRecord], now: datetime
) -> Surroundings:
    records = tuple(records)
    actions = await ActionRepository(connection, scope).list_open(record.id for record in records)
    return await look_around(connection, scope, records, now, open_actions=actions)


async def look_around(
    connection: AsyncConnection,
    scope: Scope,
    records: Iterable[Standing],
    now: datetime,
    *,
    open_actions: Mapping[DeviceId, tuple[Action, ...]] = MappingProxyType({}),
) -> Surroundings:
    """Devices that are alike have no actions to list: they say themselves what is under way."""
    records = tuple(records)
    devices = DeviceRepository(connection, scope)
    site_ids = {record.site_id for record in records if record.site_id}
    wrs = await devices.find_site_servers(site_ids)
    servers = {site_id: server for site_id, one in wrs.items() if (server := make_site_server(one, now)) is not None}
    wrs_sites = {record.site_id for record in records if record.site_id and record.kind is DeviceKind.WRS}
    return Surroundings(
        now=now,
        accounts=await devices.find_account_facts(record.account_id for record in records),
        servers=servers,
        open_actions=open_actions,
        box_versions=await devices.count_box_versions(wrs_sites),
        sites=await SiteRepository(connection, scope).find_many(site_ids),
        wrs=wrs,
    )
