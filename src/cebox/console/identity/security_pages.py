"""One's own sign-in: password, second factors, passkeys, sessions, API tokens; and one's language and theme."""

from datetime import timedelta
from io import BytesIO

import segno
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.engine import Unit
from cebox.console.identity.access_lists import (
    end_other_own_sessions,
    end_own_session,
    load_own_access,
    revoke_own_token,
)
from cebox.console.identity.door import local_address
from cebox.console.identity.factors import FactorService
from cebox.console.identity.service import IdentityService, get_user
from cebox.console.identity.sign_in import create_token, renew_proof, verify_credentials
from cebox.console.texts import clean_line
from cebox.console.web.pieces import SCOPE_WORDS
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.ids import UserId
from cebox.domain.role import Permission, TokenScope
from cebox.errors import InvalidInput

ISSUER = "ceBox Console"


@page()
async def show_security(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        access = await load_own_access(connection, visit.caller, visit.console.clock())
    return visit.show(
        "identity/security.html", access=access, own_session=visit.caller.session_id, scope_words=SCOPE_WORDS
    )


@page()
async def change_preferences(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = IdentityService(unit, visit.caller, visit.console.clock)
        await service.set_own_preferences(language=visit.field("language") or None, theme=visit.field("theme") or None)
    return RedirectResponse(local_address(visit.field("back")), status_code=303)


@page()
async def show_password(visit: Visit) -> Response:
    return visit.show_dialog("identity/password.html")


@page()
async def change_password(visit: Visit) -> Response:
    """Everybody else who was signed in as this user is signed out."""
    console, caller = visit.console, visit.caller
    await verify_credentials(console, caller.email, str(visit.form.get("current", "")), caller.address)
    password_hash = await console.passwords.hash(str(visit.form.get("new", "")))
    async with console.database.write() as unit:
        await IdentityService(unit, caller, console.clock).set_own_password(password_hash)
    await renew_proof(console, caller)
    return visit.done(visit.say(_("Your password is changed; you are signed in here only.")), address="/security")


@page(asks_proof=True)
async def show_codes(visit: Visit) -> Response:
    """Every opening begins anew: a secret that was on a screen and never confirmed is worth nothing."""
    async with visit.console.database.write() as unit:
        new = await _factors(visit, unit).begin_codes(ISSUER)
    picture = BytesIO()
    segno.make(new.address, error="m").save(
        picture, kind="svg", xmldecl=False, svgns=True, scale=5, border=2, dark="#000", light="#fff", omitsize=True
    )
    svg = Markup(picture.getvalue().decode())  # noqa: S704 - drawn here, of modules alone
    return visit.show_dialog("identity/codes.html", picture=svg, secret=_group(new.secret))


@page()
async def confirm_codes(visit: Visit) -> Response:
    name = f"second factor of {visit.caller.user_id}"
    visit.console.attempts.take_alone(name, visit.console.clock())
    async with visit.console.database.write() as unit:
        recovery_codes = await _factors(visit, unit).confirm_codes(visit.field("code"))
    visit.console.attempts.clear_alone(name)
    return _show_recovery_codes(visit, recovery_codes)


@page()
async def remove_codes(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await _factors(visit, unit).remove_codes()
    return visit.done(visit.say(_("One-time codes are no longer asked for.")), address="/security")


@page()
async def renew_recovery_codes(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        recovery_codes = await _factors(visit, unit).renew_recovery_codes()
    return _show_recovery_codes(visit, recovery_codes)


@page(asks_proof=True)
async def show_new_passkey(visit: Visit) -> Response:
    return visit.show_dialog("identity/new-passkey.html")


@page()
async def remove_passkey(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await _factors(visit, unit).remove_passkey(_part(visit, "passkey_id"))
    return visit.done(visit.say(_("The passkey opens nothing any more.")), address="/security")


@page()
async def rename_passkey(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await _factors(visit, unit).rename_passkey(_part(visit, "passkey_id"), visit.field("name"))
    return visit.done(visit.say(_("The passkey has a new name.")), address="/security")


@page()
async def end_session(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await end_own_session(unit, visit.caller, _part(visit, "session_id"), visit.console.clock)
    return visit.done(visit.say(_("The session is over.")), address="/security")


@page()
async def end_other_sessions(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await end_other_own_sessions(unit, visit.caller, visit.console.clock)
    return visit.done(visit.say(_("You are signed in here only.")), address="/security")


@page(asks_proof=True)
async def show_new_token(visit: Visit) -> Response:
    return visit.show_dialog("identity/new-token.html", scopes=_list_scopes(visit))


@page()
async def make_token(visit: Visit) -> Response:
    visit.caller.verify_proved_lately(visit.console.clock())
    scope, days = _read_token_form(visit)
    async with visit.console.database.read() as connection:
        user = await get_user(connection, visit.caller.scope, UserId(visit.caller.user_id))
    name = clean_line(visit.field("name"), "token_name")
    token, secret = await create_token(visit.console, user, name, timedelta(days=days), scope, visit.caller.address)
    return _retarget(visit.show_dialog("identity/token.html", token=token, secret=secret, scope_words=SCOPE_WORDS))


@page()
async def revoke_token(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await revoke_own_token(unit, visit.caller, _part(visit, "token_id"), visit.console.clock)
    return visit.done(visit.say(_("The token opens nothing any more.")), address="/security")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/preferences", change_preferences, methods=["POST"]),
        Route("/security", show_security, methods=["GET"]),
        Route("/security/password", show_password, methods=["GET"]),
        Route("/security/password", change_password, methods=["POST"]),
        Route("/security/codes", show_codes, methods=["GET"]),
        Route("/security/codes", confirm_codes, methods=["POST"]),
        Route("/security/codes/remove", remove_codes, methods=["POST"]),
        Route("/security/recovery-codes", renew_recovery_codes, methods=["POST"]),
        Route("/security/passkeys/new", show_new_passkey, methods=["GET"]),
        Route("/security/passkeys/{passkey_id}/name", rename_passkey, methods=["POST"]),
        Route("/security/passkeys/{passkey_id}/remove", remove_passkey, methods=["POST"]),
        Route("/security/sessions/end-others", end_other_sessions, methods=["POST"]),
        Route("/security/sessions/{session_id}/end", end_session, methods=["POST"]),
        Route("/security/tokens/new", show_new_token, methods=["GET"]),
        Route("/security/tokens/new", make_token, methods=["POST"]),
        Route("/security/tokens/{token_id}/revoke", revoke_token, methods=["POST"]),
    ]


def _factors(visit: Visit, unit: Unit) -> FactorService:
    return FactorService(unit, visit.caller, visit.console.clock, visit.console.secret)


def _show_recovery_codes(visit: Visit, recovery_codes: tuple[str, ...]) -> Response:
    """The only time they are seen."""
    return _retarget(visit.show_dialog("identity/recovery-codes.html", recovery_codes=recovery_codes))


def _retarget(response: Response) -> Response:
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _list_scopes(visit: Visit) -> dict[TokenScope, str]:
    """Those that give what the user's role has."""
    offered = {TokenScope.READ: Permission.VIEW, TokenScope.ACT: Permission.ACT, TokenScope.MANAGE: Permission.VIEW}
    return {scope: words for scope, words in SCOPE_WORDS.items() if visit.caller.may(offered[scope])}


def _read_token_form(visit: Visit) -> tuple[TokenScope, int]:
    try:
        return TokenScope(visit.field("scope")), int(visit.field("days"))
    except ValueError as error:
        raise InvalidInput("request_malformed", "the token's form is not filled in correctly") from error


def _group(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _part(visit: Visit, name: str) -> str:
    return str(visit.request.path_params[name])
