"""USB keys: those of the account, which of them a migration made out of date, and making new ones (R13)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.paging import Page
from cebox.console.keys.preparing import NOTHING
from cebox.console.keys.repository import NamedKey
from cebox.console.keys.service import KeyService, find_uses, get_key, list_keys
from cebox.console.keys.stick_page import download_stick
from cebox.console.sites.service import list_sites
from cebox.console.web.status import KeyState
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.device import DeviceKind
from cebox.domain.ids import KeyId, SiteId
from cebox.domain.key import Key
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import InvalidInput

_MOST_REMADE = 50


@dataclass(frozen=True, slots=True)
class Made:
    """A key as it is shown once, with its token."""

    key: Key
    token: str = field(repr=False)
    name: str


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
        outdated=[one for one in listed.items if states[one.key.id] is KeyState.OUT_OF_DATE],
        preparation=visit.console.sticks.look(visit.account.version),
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
    return _show_made(visit, [Made(key, token, visit.field("name"))])


@page(Permission.ADMINISTER)
async def show_remaking(visit: Visit) -> Response:
    """Of the keys that the address names."""
    ids = visit.request.query_params.getlist("key")[:_MOST_REMADE]
    async with visit.console.database.read() as connection:
        chosen = [await get_key(connection, visit.caller.scope, KeyId(key_id)) for key_id in ids]
    return visit.show_dialog("keys/remake.html", chosen=chosen)


@page(Permission.ADMINISTER)
async def remake_keys(visit: Visit) -> Response:
    made: list[Made] = []
    async with visit.console.database.write() as unit:
        service = KeyService(unit, visit.caller, visit.console.clock)
        for key_id in visit.fields("key")[:_MOST_REMADE]:
            old = await get_key(unit.connection, visit.caller.scope, KeyId(key_id))
            key, token = await service.remake_key(old.key.id, is_replaced=visit.field("revoke") == "1")
            made.append(Made(key, token, old.name))
    return _show_made(visit, made)


@page()
async def show_preparation(visit: Visit) -> Response:
    """A piece of a page that asks again by itself while it is under way."""
    version = Version.parse(visit.asked("version"))
    return visit.show("keys/preparation.html", version=version, preparation=visit.console.sticks.look(version))


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
        Route("/keys/remake", show_remaking, methods=["GET"]),
        Route("/keys/remake", remake_keys, methods=["POST"]),
        Route("/keys/preparation", show_preparation, methods=["GET"]),
        Route("/keys/{key_id}/stick", download_stick, methods=["POST"]),
        Route("/keys/{key_id}/revoke", show_revocation, methods=["GET"]),
        Route("/keys/{key_id}/revoke", revoke_key, methods=["POST"]),
    ]


def _show_made(visit: Visit, made: list[Made]) -> Response:
    """The tokens, this once; meanwhile what sticks are made of begins to come here."""
    settings, preparation = visit.console.settings, NOTHING
    if made and settings.repository:
        preparation = visit.console.sticks.start(settings, made[0].key.version, visit.console.clock)
    template = "keys/made.html" if len(made) == 1 else "keys/made-many.html"
    response = visit.show_dialog(template, made=made, preparation=preparation)
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


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
