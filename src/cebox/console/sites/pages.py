"""Sites and their WRS: the list, one at a glance, and changing them."""

from collections.abc import Mapping
from zoneinfo import available_timezones

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.paging import Page
from cebox.console.devices.records import DeviceFilters, DeviceView
from cebox.console.devices.service import list_devices
from cebox.console.keys.pages import judge
from cebox.console.keys.service import list_keys
from cebox.console.sites.limits import LineLimits, make_limits
from cebox.console.sites.overview import load_overview
from cebox.console.sites.repository import Site
from cebox.console.sites.service import SiteService, count_versions, get_account_limits, get_site, list_sites
from cebox.console.sites.words import limit_words, read_megabits, write_megabits
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.device import DeviceKind
from cebox.domain.ids import SiteId
from cebox.domain.role import Permission
from cebox.domain.version import Version

_PIECE = 500
_MOST_KEYS = 5


@page()
async def show_sites(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        listed = await list_sites(connection, visit.scope, visit.piece(100))
        filters = DeviceFilters(kind=DeviceKind.WRS)
        wrs = await list_devices(connection, visit.scope, filters, Page(_PIECE), visit.formats.now)
        versions = await count_versions(connection, visit.scope, [site.id for site in listed.items])
    servers: dict[SiteId, DeviceView] = {one.record.site_id: one for one in wrs.items if one.record.site_id}
    counts = {site.id: _count(versions.get(site.id, {}), visit.account.version) for site in listed.items}
    template = "sites/list-part.html" if visit.is_fragment else "sites/list.html"
    words = {site.id: limit_words(visit.formats, site.limits) for site in listed.items}
    return visit.show(template, listed=listed, servers=servers, counts=counts, limit_words=words)


@page()
async def show_site(visit: Visit) -> Response:
    site_id = SiteId(visit.request.path_params["site_id"])
    async with visit.console.database.read() as connection:
        overview = await load_overview(connection, visit.caller.scope, site_id, visit.formats.now)
        keys = await list_keys(connection, visit.caller.scope, Page(_MOST_KEYS), site_id=site_id)
    template = "sites/overview-part.html" if visit.is_fragment else "sites/overview.html"
    return visit.show(
        template,
        one=overview,
        keys=keys,
        key_states={one.key.id: judge(one, visit.formats.now) for one in keys.items},
        limit_words=limit_words(visit.formats, overview.site.limits),
    )


@page(Permission.ADMINISTER)
async def show_new_site(visit: Visit) -> Response:
    return visit.show_dialog("sites/site.html", site=None)


@page(Permission.ADMINISTER)
async def show_change(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        site = await get_site(connection, visit.caller.scope, SiteId(visit.request.path_params["site_id"]))
    return visit.show_dialog("sites/site.html", site=site)


@page(Permission.ADMINISTER)
async def create_site(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = SiteService(unit, visit.caller, visit.console.clock)
        site = await service.create_site(visit.account_id, visit.field("name"), visit.field("networks").split())
    return visit.done(visit.say(_("Site %(name)s made."), name=site.name), address="/sites")


@page(Permission.ADMINISTER)
async def change_site(visit: Visit) -> Response:
    site_id = SiteId(visit.request.path_params["site_id"])
    async with visit.console.database.write() as unit:
        service = SiteService(unit, visit.caller, visit.console.clock)
        site = await service.change_site(site_id, name=visit.field("name"), networks=visit.field("networks").split())
    return visit.done(visit.say(_("Site %(name)s changed."), name=site.name), address="/sites")


@page(Permission.ADMINISTER)
async def show_limits(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        site = await get_site(connection, visit.caller.scope, SiteId(visit.request.path_params["site_id"]))
    return _show_limits(visit, site, site.own_limits or site.account_limits)


@page(Permission.ADMINISTER)
async def change_limits(visit: Visit) -> Response:
    site_id = SiteId(visit.request.path_params["site_id"])
    limits = _read_limits(visit) if visit.field("whose") == "own" else None
    async with visit.console.database.write() as unit:
        site = await SiteService(unit, visit.caller, visit.console.clock).set_limits(site_id, limits)
    words = limit_words(visit.formats, site.limits)
    return visit.done(visit.say(_("%(name)s: %(limits)s."), name=site.name, limits=words), address="/sites")


@page(Permission.ADMINISTER)
async def show_account_limits(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        return _show_limits(visit, None, await get_account_limits(connection, visit.scope, visit.account_id))


@page(Permission.ADMINISTER)
async def change_account_limits(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = SiteService(unit, visit.caller, visit.console.clock)
        limits = await service.set_account_limits(visit.account_id, _read_limits(visit))
    words = limit_words(visit.formats, limits)
    return visit.done(visit.say(_("%(name)s: %(limits)s."), name=_account_name(visit), limits=words), address="/sites")


def _count(versions: Mapping[Version | None, int], current: Version) -> tuple[int, int]:
    """All, and those below the account's version."""
    behind = sum(number for version, number in versions.items() if version is not None and version < current)
    return sum(versions.values()), behind


def _account_name(visit: Visit) -> str:
    return visit.account.name if visit.account else ""


def _show_limits(visit: Visit, site: Site | None, limits: LineLimits) -> Response:
    return visit.show_dialog(
        "sites/limits.html",
        site=site,
        shown=limits,
        rate=write_megabits(visit.formats, limits.download_bytes_per_second),
        limit_words=lambda one: limit_words(visit.formats, one),
        reader_zone=visit.formats.zone.key,
        zones=sorted(available_timezones()),
    )


def _read_limits(visit: Visit) -> LineLimits:
    """Raises InvalidInput (`download_rate_out_of_range`, `download_window_malformed`, `time_zone_unknown`)."""
    return make_limits(read_megabits(visit.field("rate")), visit.field("hours"), visit.field("zone"))


def build_routes() -> list[BaseRoute]:
    return [
        Route("/sites", show_sites, methods=["GET"]),
        Route("/sites/new", show_new_site, methods=["GET"]),
        Route("/sites/new", create_site, methods=["POST"]),
        Route("/sites/limits", show_account_limits, methods=["GET"]),
        Route("/sites/limits", change_account_limits, methods=["POST"]),
        Route("/sites/{site_id}/limits", show_limits, methods=["GET"]),
        Route("/sites/{site_id}/limits", change_limits, methods=["POST"]),
        Route("/sites/{site_id}/change", show_change, methods=["GET"]),
        Route("/sites/{site_id}/change", change_site, methods=["POST"]),
        Route("/sites/{site_id}", show_site, methods=["GET"]),
    ]
