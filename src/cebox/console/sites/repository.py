"""SQL of the sites."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.sites.tables import sites
from cebox.domain.ids import AccountId, SiteId
from cebox.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Site:
    """A place with a network of its own. `networks` are its CIDR blocks: by them a box knows it is there."""

    id: SiteId
    account_id: AccountId
    name: str
    networks: tuple[str, ...]
    created_at: datetime


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

    async def get(self, site_id: SiteId) -> Site:
        """Raises NotFound (`site_unknown`)."""
        statement = select(sites).where(self._scope.filter(sites.c.account_id), sites.c.id == site_id)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise NotFound("site_unknown", f"no site {site_id!r}", hint="List the sites you see.")
        return _make_site(row)

    async def list_sites(self, page: Page) -> Listed[Site]:
        statement = select(sites).where(self._scope.filter(sites.c.account_id))
        return await list_page(self._connection, statement, [sites.c.name, sites.c.id], page, _make_site)


def _site_exists(name: str) -> Conflict:
    return Conflict("site_exists", f"the account already has a site {name!r}", hint="Choose another name.")


def _make_site(row: Row[Any]) -> Site:
    return Site(SiteId(row.id), AccountId(row.account_id), row.name, tuple(row.networks), row.created_at)
