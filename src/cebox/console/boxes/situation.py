"""What one exchange with a device is about, read in one place: the device, its orders, what it is to know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.repository import AccountRepository
from cebox.console.actions.records import Action
from cebox.console.actions.reports import pending_orders, pending_withdrawals
from cebox.console.actions.repository import ActionRepository
from cebox.console.boxes.tokens import Bearer, device_not_enrolled
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord
from cebox.console.devices.repository import DeviceRepository
from cebox.console.sites.limits import NO_LIMITS, LineLimits
from cebox.console.sites.repository import Site, SiteRepository
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.ids import ActionId, SiteId
from cebox.domain.notice import Notice
from cebox.domain.version import Version
from cebox.kit.clock import format_utc
from cebox.protocol.device import Settings, SiteInfo, SiteServerInfo, SyncResponse

# A WRS mirrors a patch for each: a few are worth it.
MOST_BOX_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class Situation:
    """`actions` are those under way that the device carries out, those to withdraw on it, and those its message named;
    `starts` are under way to start this device, through another.
    """

    device: DeviceRecord
    account_version: Version
    actions: Mapping[ActionId, Action]
    starts: tuple[Action, ...]
    site: SiteInfo | None
    settings: Settings


async def read_situation(connection: AsyncConnection, bearer: Bearer, named: Iterable[str] = ()) -> Situation:
    """Raises NotAuthenticated (`device_not_enrolled`) when the device is gone."""
    scope = Scope.account(bearer.account_id)
    devices = DeviceRepository(connection, scope)
    record = await devices.find(bearer.device_id)
    if record is None:
        raise device_not_enrolled()
    account = await AccountRepository(connection, scope).get(record.account_id)
    site = await SiteRepository(connection, scope).get(record.site_id) if record.site_id else None
    actions = await ActionRepository(connection, scope).list_for_exchange(record.id, named)
    return Situation(
        device=record,
        account_version=account.version,
        actions={one.id: one for one in actions.values() if one.executor_id == record.id},
        starts=tuple(one for one in actions.values() if one.executor_id != record.id and one.is_open),
        site=await _describe_site(devices, site, record) if site else None,
        settings=_make_settings(site.limits if site else NO_LIMITS, account.notice),
    )


def make_answer(console: Console, situation: Situation, received: tuple[str, ...] = ()) -> SyncResponse:
    actions = situation.actions.values()
    return SyncResponse(
        time=format_utc(console.clock()),
        account_version=str(situation.account_version),
        orders=pending_orders(actions),
        cancelled=pending_withdrawals(actions),
        received_results=received,
        site=situation.site,
        repository_url=console.settings.public_repository_url,
        settings=situation.settings,
    )


def _make_settings(limits: LineLimits, notice: Notice) -> Settings:
    return Settings(
        download_bytes_per_second=limits.download_bytes_per_second,
        download_window=limits.download_window,
        time_zone=limits.time_zone,
        countdown_seconds=notice.countdown_minutes * 60,
        postpone_seconds=notice.postpone_minutes * 60,
        most_postponements=notice.most_postponements,
    )


async def _describe_site(devices: DeviceRepository, site: Site, record: DeviceRecord) -> SiteInfo:
    if record.kind is DeviceKind.WRS:
        versions = await _list_box_versions(devices, record)
        return SiteInfo(id=site.id, name=site.name, networks=site.networks, box_versions=versions)
    wrs = (await devices.find_site_servers([site.id])).get(site.id)
    server = _describe_server(wrs) if wrs is not None else None
    return SiteInfo(id=site.id, name=site.name, server=server, networks=site.networks)


def _describe_server(wrs: DeviceRecord) -> SiteServerInfo | None:
    """None before the WRS has said what it holds and where: until then nothing decides on the site."""
    if wrs.site_version is None or wrs.server_url is None:
        return None
    return SiteServerInfo(
        device_id=wrs.id, url=wrs.server_url, public_key=wrs.public_key, version=str(wrs.site_version)
    )


async def _list_box_versions(devices: DeviceRepository, wrs: DeviceRecord) -> tuple[str, ...]:
    site_id = SiteId(wrs.site_id or "")
    counts = (await devices.count_box_versions([site_id])).get(site_id, {})
    most_common = sorted(counts, key=lambda version: (-counts[version], version))[:MOST_BOX_VERSIONS]
    return tuple(map(str, sorted(most_common)))
