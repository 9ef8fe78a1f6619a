"""A site at a glance: what its WRS serves against the account's version, what its ceBox run, and its line's limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.records import Account
from cebox.console.accounts.service import get_account
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceFilters, DeviceView
from cebox.console.devices.service import count_devices, describe_devices, find_site_wrs
from cebox.console.sites.repository import Site
from cebox.console.sites.service import count_versions, get_site
from cebox.domain.device import DeviceKind
from cebox.domain.ids import SiteId
from cebox.domain.version import Version


@dataclass(frozen=True, slots=True)
class SiteOverview:
    """`versions` counts the ceBox by what they run, the newest first; `silent_count` have not said.

    `closed_until`: when the download window opens; None while it is open.
    """

    site: Site
    account: Account
    wrs: DeviceView | None
    versions: Mapping[Version, int]
    silent_count: int
    on_count: int
    closed_until: datetime | None

    @property
    def box_count(self) -> int:
        return sum(self.versions.values()) + self.silent_count

    @property
    def behind_count(self) -> int:
        return sum(number for version, number in self.versions.items() if version < self.account.version)

    @property
    def served(self) -> Version | None:
        """What the WRS gives to the site (R6)."""
        return self.wrs.record.site_version if self.wrs else None

    @property
    def is_wrs_behind(self) -> bool:
        return self.served is not None and self.served < self.account.version


async def load_overview(connection: AsyncConnection, scope: Scope, site_id: SiteId, now: datetime) -> SiteOverview:
    """Raises NotFound (`site_unknown`)."""
    site = await get_site(connection, scope, site_id)
    own = Scope.account(site.account_id)
    record = await find_site_wrs(connection, own, site_id)
    views = await describe_devices(connection, own, [record] if record else [], now)
    counts = dict((await count_versions(connection, own, [site_id])).get(site_id, {}))
    silent = counts.pop(None, 0)
    on = DeviceFilters(site_id=site_id, kind=DeviceKind.CEBOX, is_on=True)
    return SiteOverview(
        site=site,
        account=await get_account(connection, own, site.account_id),
        wrs=next(iter(views), None),
        versions={version: counts[version] for version in sorted(filter(None, counts), reverse=True)},
        silent_count=silent,
        on_count=await count_devices(connection, own, on, now),
        closed_until=site.limits.closed_until(now),
    )
