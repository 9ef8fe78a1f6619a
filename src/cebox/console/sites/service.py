"""Sites of an account. Their WRS is a device; which one it is, `devices` knows."""

import ipaddress
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic, fleet_topic, site_topic
from cebox.console.sites.limits import NO_LIMITS, LineLimits, load_limits
from cebox.console.sites.repository import Site, SiteRepository
from cebox.console.texts import clean_line
from cebox.domain.ids import AccountId, SiteId
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.kit.clock import Clock

MOST_NETWORKS = 64


async def list_sites(connection: AsyncConnection, scope: Scope, page: Page) -> Listed[Site]:
    return await SiteRepository(connection, scope).list_sites(page)


async def get_site(connection: AsyncConnection, scope: Scope, site_id: SiteId) -> Site:
    """Raises NotFound (`site_unknown`)."""
    return await SiteRepository(connection, scope).get(site_id)


async def get_account_limits(connection: AsyncConnection, scope: Scope, account_id: AccountId) -> LineLimits:
    """Raises NotFound (`account_unknown`)."""
    accounts = AccountRepository(connection, scope)
    await accounts.get(account_id)
    return load_limits(await accounts.find_line_limits(account_id)) or NO_LIMITS


async def count_sites(connection: AsyncConnection, scope: Scope) -> int:
    return await SiteRepository(connection, scope).count()


async def count_versions(
    connection: AsyncConnection, scope: Scope, site_ids: Iterable[SiteId]
) -> Mapping[SiteId, Mapping[Version | None, int]]:
    """How many ceBox of each site run which version; None for those that have not said."""
    return await SiteRepository(connection, scope).count_versions(site_ids)


class SiteService:
    """Every call raises NotPermitted (`role_may_not`) for who may not administer."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._sites = SiteRepository(unit.connection, caller.scope)

    async def create_site(self, account_id: AccountId, name: str, networks: Sequence[str] = ()) -> Site:
        """Raises Conflict (`site_exists`), InvalidInput (`site_name_malformed`, `network_malformed`, …)."""
        self._caller.verify(Permission.ADMINISTER)
        site = Site(
            id=SiteId(f"sit_{secrets.token_hex(8)}"),
            account_id=self._caller.account_of(account_id),
            name=clean_line(name, "site_name"),
            networks=clean_networks(networks),
            created_at=self._clock(),
        )
        await self._sites.add(site)
        await self._record("site_created", site)
        return site

    async def change_site(
        self, site_id: SiteId, *, name: str | None = None, networks: Sequence[str] | None = None
    ) -> Site:
        """None leaves as it is. Raises NotFound (`site_unknown`), Conflict and InvalidInput as `create_site`."""
        self._caller.verify(Permission.ADMINISTER)
        site = await self._sites.get(site_id)
        changed = replace(
            site,
            name=site.name if name is None else clean_line(name, "site_name"),
            networks=site.networks if networks is None else clean_networks(networks),
        )
        if changed != site:
            await self._sites.change(changed)
            await self._record("site_changed", changed)
            self._unit.notify(site_topic(site_id))
        return changed

    async def set_limits(self, site_id: SiteId, limits: LineLimits | None) -> Site:
        """None: the account's hold from now on. Raises NotFound (`site_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        site = await self._sites.get(site_id)
        if limits != site.own_limits:
            await self._sites.set_limits(site_id, limits)
            await self._record_limits("site_limited", site_id, {"name": site.name}, limits, site.account_id)
            # Its machines are told at once; pages show it.
            self._unit.notify(site_topic(site_id))
            self._unit.notify(account_topic(site.account_id))
        return replace(site, own_limits=limits)

    async def set_account_limits(self, account_id: AccountId, limits: LineLimits | None) -> LineLimits:
        """What holds at the sites that have no limits of their own. Raises NotFound (`account_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        account_id = self._caller.account_of(account_id)
        before = await get_account_limits(self._unit.connection, self._caller.scope, account_id)
        after = limits or NO_LIMITS
        if after != before:
            accounts = AccountRepository(self._unit.connection, self._caller.scope)
            await accounts.set_line_limits(account_id, after.make_columns())
            await self._record_limits("account_limited", account_id, {}, after, account_id)
            self._unit.notify(fleet_topic(account_id))
            self._unit.notify(account_topic(account_id))
        return after

    async def _record_limits(
        self, verb: str, subject: str, facts: dict[str, Any], limits: LineLimits | None, account_id: AccountId
    ) -> None:
        said = {name: value for name, value in limits.make_columns().items() if value} if limits else {}
        await journal.record(self._unit, self._caller, verb, subject, facts | said, account_id, at=self._clock())

    async def _record(self, verb: str, site: Site) -> None:
        facts = {"name": site.name, "networks": list(site.networks)}
        await journal.record(self._unit, self._caller, verb, site.id, facts, site.account_id, at=self._clock())
        self._unit.notify(account_topic(site.account_id))


def clean_networks(networks: Sequence[str]) -> tuple[str, ...]:
    """In their shortest form, each once, in the order given. Raises InvalidInput (`network_malformed`, …)."""
    if len(networks) > MOST_NETWORKS:
        raise InvalidInput("too_many_networks", f"a site has at most {MOST_NETWORKS} networks")
    found: dict[str, None] = {}
    for text in networks:
        try:
            found[str(ipaddress.ip_network(text.strip()))] = None
        except ValueError as error:
            raise InvalidInput(
                "network_malformed",
                f"{text!r} is not a network",
                hint="Write it as a CIDR block without host bits, such as 10.20.4.0/24.",
            ) from error
    return tuple(found)
