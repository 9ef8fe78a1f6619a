"""Published versions: notes, what changes, who runs them. The vendor looks for new ones and withdraws bad ones."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.service import list_accounts
from cebox.console.database.paging import LARGEST_LIMIT, Page
from cebox.console.releases.importing import refresh_repository
from cebox.console.releases.service import find_changes, get_release, list_releases, withdraw_release
from cebox.console.releases.usage import NOBODY, load_usage
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import InvalidInput

_MOST_COMPONENTS = 200


@page()
async def show_releases(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        listed = await list_releases(connection, visit.piece(20))
        usage = await load_usage(connection, visit.caller.scope)
    template = "releases/list-part.html" if visit.is_fragment else "releases/list.html"
    return visit.show(template, listed=listed, usage=usage, nobody=NOBODY)


@page()
async def show_release(visit: Visit) -> Response:
    version = _version(visit)
    async with visit.console.database.read() as connection:
        entry = await get_release(connection, version)
        others = [one.release.version for one in (await list_releases(connection, Page(LARGEST_LIMIT))).items]
        before = _find_before(visit)
        changes = await find_changes(connection, before, version) if before and before != version else None
        usage = (await load_usage(connection, visit.caller.scope)).get(version, NOBODY)
    template = "releases/release-part.html" if visit.is_fragment else "releases/release.html"
    return visit.show(
        template,
        entry=entry,
        listing=entry.listing,
        release=entry.listing.release,
        before=before,
        others=[one for one in others if one != version],
        changes=changes,
        usage=usage,
        most_components=None if visit.asked("all") else _MOST_COMPONENTS,
    )


@page(Permission.VENDOR)
async def refresh(visit: Visit) -> Response:
    imported = await refresh_repository(visit.console, visit.caller)
    if not imported.added:
        return visit.done(visit.say(_("There is no new version.")), address="/releases")
    words = _("New: %(versions)s. The customers were told.")
    return visit.done(visit.say(words, versions=", ".join(map(str, imported.added))), address="/releases")


@page(Permission.VENDOR)
async def show_withdrawal(visit: Visit) -> Response:
    version = _version(visit)
    async with visit.console.database.read() as connection:
        entry = await get_release(connection, version)
        usage = (await load_usage(connection, visit.caller.scope)).get(version, NOBODY)
        accounts = (await list_accounts(connection, visit.caller.scope, Page(LARGEST_LIMIT))).items
    return visit.show_dialog(
        "releases/withdraw.html",
        release=entry.listing.release,
        usage=usage,
        account_names=[account.name for account in accounts if account.version == version and not account.is_vendor],
    )


@page(Permission.VENDOR)
async def withdraw(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        entry = await withdraw_release(unit, visit.caller, visit.console.clock, _version(visit))
    words = visit.say(_("%(version)s is withdrawn."), version=entry.listing.release.version)
    return visit.done(words, address=f"/releases/{entry.listing.release.version}")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/releases", show_releases, methods=["GET"]),
        Route("/releases/refresh", refresh, methods=["POST"]),
        Route("/releases/{version}", show_release, methods=["GET"]),
        Route("/releases/{version}/withdraw", show_withdrawal, methods=["GET"]),
        Route("/releases/{version}/withdraw", withdraw, methods=["POST"]),
    ]


def _find_before(visit: Visit) -> Version | None:
    """What to compare with: the version the address names, else the account's."""
    try:
        return Version.parse(visit.asked("from"))
    except InvalidInput:
        return visit.account.version if visit.account else None


def _version(visit: Visit) -> Version:
    return Version.parse(visit.request.path_params["version"])
