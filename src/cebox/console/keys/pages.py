"""USB keys: those of the account, which of them a migration made out of date, and making new ones (R13)."""

from datetime import datetime, timedelta

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.paging import Page
from cebox.console.keys.repository import NamedKey
from cebox.console.keys.service import KeyService, find_uses, list_keys
from cebox.console.keys.stick_page import download_stick
from cebox.console.sites.service import list_sites
from cebox.console.web.status import KeyState
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.device import DeviceKind
from cebox.domain.ids import KeyId, SiteId
from cebox.domain.role import Permission
from cebox.errors import InvalidInput


@page()
async def show_keys(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        listed = await list_keys(connection, visit.scope, visit.piece(50))
        sites = await list_sites(connection, visit.scope, Page(500))
        uses = await find_uses(connection, visit.scope, listed.items)
    states = {one.key.id: judge(one, visit.formats.now) for one in listed.items}
    template = "keys/list-part.html" if visit.is_fragment else "keys/list.html"
    return visit.show(
        template,
        listed=listed,
        states=states,
        uses=uses,
        outdated=sum(state is KeyState.OUT_OF_DATE for state in states.values()),
        site_names={site.id: site.name for site in sites.items},
    )


@page(Permission.ADMINISTER)
async def show_new_key(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        sites = await list_sites(connection, visit.scope, Page(500))
    return visit.show_dialog("keys/new.html", sites=sites.items)


@page(Permission.ADMINISTER)
async def create_key(visit: Visit) -> Response:
    kind, uses, days = _read_form(visit)
    async with visit.console.database.write() as unit:
        key, token = await KeyService(unit, visit.caller, visit.console.clock).create_key(
            visit.account_id,
            visit.field("name"),
            kind,
            site_id=SiteId(visit.field("site")) if visit.field("site") else None,
            uses=uses,
            lifetime=timedelta(days=days),
        )
    response = visit.show_dialog("keys/made.html", key=key, token=token, name=visit.field("name"))
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


@page(Permission.ADMINISTER)
async def show_revocation(visit: Visit) -> Response:
    return visit.show_dialog("keys/revoke.html", key_id=visit.request.path_params["key_id"], name=visit.asked("name"))


@page(Permission.ADMINISTER)
async def revoke_key(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = KeyService(unit, visit.caller, visit.console.clock)
        await service.revoke_key(KeyId(visit.request.path_params["key_id"]))
    return visit.done(visit.say(_("The key enrols nothing any more.")), address="/keys")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/keys", show_keys, methods=["GET"]),
        Route("/keys/new", show_new_key, methods=["GET"]),
        Route("/keys/new", create_key, methods=["POST"]),
        Route("/keys/{key_id}/stick", download_stick, methods=["POST"]),
        Route("/keys/{key_id}/revoke", show_revocation, methods=["GET"]),
        Route("/keys/{key_id}/revoke", revoke_key, methods=["POST"]),
    ]


def judge(named: NamedKey, now: datetime) -> KeyState:
    """The one state worth showing: what ends a key for good goes before what only makes it old."""
    if named.key.is_revoked:
        return KeyState.REVOKED
    if named.key.expires_at <= now:
        return KeyState.EXPIRED
    if named.key.uses_left <= 0:
        return KeyState.USED_UP
    return KeyState.OUT_OF_DATE if named.is_out_of_date else KeyState.CURRENT


def _read_form(visit: Visit) -> tuple[DeviceKind, int, int]:
    try:
        return DeviceKind(visit.field("kind")), int(visit.field("uses")), int(visit.field("days"))
    except ValueError as error:
        raise InvalidInput("request_malformed", "the key's form is not filled in correctly") from error
