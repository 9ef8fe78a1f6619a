"""SQL of the sites."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.devices.tables import devices
from cebox.console.sites.limits import NO_LIMITS, LineLimits, load_limits
from cebox.console.sites.tables import sites
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, SiteId
from cebox.domain.pace import NO_RATES, Rates
from cebox.domain.version import Version
from cebox.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Site:
    """A place with a network of its own. `networks` are its CIDR blocks: by them a box knows it is there.

    `own_limits` is None where the account's hold, which `account_limits` are.
    """

    id: SiteId
    account_id: AccountId
    name: str
    networks: tuple[str, ...]
    created_at: datetime
    own_limits: LineLimits | None = None
    account_limits: LineLimits = NO_LIMITS
    rates: Rates = NO_RATES

    @property
    def limits(self) -> LineLimits:
        """Those that hold."""
        return self.own_limits or self.account_limits


class SiteRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, site: Site) -> None:
        """Raises Conflict (`site_exists`)."""
        values = {
            "id": site.id,
            "account_id": site.account_id,
            "name": site.name,
            "networks": list(site.networks),
            "created_at": site.created_at,
            "line_limits": None,
        }
        try:
            await self._connection.execute(insert(sites).values(values))
        except IntegrityError as error:
            raise _site_exists(site.name) from error

    async def change(self, site: Site) -> None:
        """Raises Conflict (`site_exists`)."""
        statement = update(sites).where(self._scope.filter(sites.c.account_id), sites.c.id == site.id)
        try:
            await self._connection.execute(statement.values(name=site.name, networks=list(site.networks)))
        except IntegrityError as error:
            raise _site_exists(site.name) from error
        sorted_by = site.name.lower()
        mine = (devices.c.site_id == site.id, devices.c.site_sort != sorted_by)
        await self._connection.execute(update(devices).where(*mine).values(site_sort=sorted_by))

    async def set_limits(self, site_id: SiteId, limits: LineLimits | None) -> None:
        statement = update(sites).where(self._scope.filter(sites.c.account_id), sites.c.id == site_id)
        await self._connection.execute(statement.values(line_limits=limits.make_columns() if limits else None))

    async def find_many(self, site_ids: Iterable[SiteId]) -> dict[SiteId, Site]:
        found: dict[SiteId, Site] = {}
        for chunk in chunk_ids(site_ids):
            rows = await self._connection.execute(self._select().where(sites.c.id.in_(chunk)))
            found.update((site.id, site) for site in map(_make_site, rows))
        return found

    async def get(self, site_id: SiteId) -> Site:
        """Raises NotFound (`site_unknown`)."""
        statement = self._select().where(sites.c.id == site_id)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise NotFound("site_unknown", f"no site {site_id!r}", hint="List the sites you see.")
        return _make_site(row)

    async def list_sites(self, page: Page) -> Listed[Site]:
        return await list_page(self._connection, self._select(), [sites.c.name, sites.c.id], page, _make_site)

    async def count(self) -> int:
        statement = select(func.count()).select_from(sites).where(self._scope.filter(sites.c.account_id))
        return (await self._connection.execute(statement)).scalar_one()

    async def count_versions(self, site_ids: Iterable[SiteId]) -> dict[SiteId, dict[Version | None, int]]:
        """How many ceBox of each site run which version; None for those that have not said."""
        counts: dict[SiteId, dict[Version | None, int]] = {}
        columns = (devices.c.site_id, devices.c.running)
        for chunk in chunk_ids(site_ids):
            statement = (
                select(*columns, func.count().label("number"))
                .join(sites, sites.c.id == devices.c.site_id)
                .where(self._scope.filter(sites.c.account_id), devices.c.site_id.in_(chunk))
                .where(devices.c.kind == DeviceKind.CEBOX.value)
                .group_by(*columns)
            )
            for row in await self._connection.execute(statement):
                version = Version.parse(row.running) if row.running else None
                counts.setdefault(SiteId(row.site_id), {})[version] = row.number
        return counts

    def _select(self) -> Select[Any]:
        return (
            select(sites, accounts.c.line_limits.label("account_limits"))
            .join(accounts, accounts.c.id == sites.c.account_id)
            .where(self._scope.filter(sites.c.account_id))
        )


def _site_exists(name: str) -> Conflict:
    return Conflict("site_exists", f"the account already has a site {name!r}", hint="Choose another name.")


def _make_site(row: Row[Any]) -> Site:
    return Site(
        id=SiteId(row.id),
        account_id=AccountId(row.account_id),
        name=row.name,
        networks=tuple(row.networks),
        created_at=row.created_at,
        own_limits=load_limits(row.line_limits),
        account_limits=load_limits(row.account_limits) or NO_LIMITS,
        rates=Rates(row.wrs_rate, row.cloud_rate),
    )
