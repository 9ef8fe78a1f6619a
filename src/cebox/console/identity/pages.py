"""Signing in and out, a reader's own preferences, and who else works here."""

from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.gate import SESSION_COOKIE, get_console, get_page_caller
from cebox.console.identity.records import NewUser, Session
from cebox.console.identity.service import IdentityService, UserChange, list_users
from cebox.console.identity.sign_in import end_session, start_session, verify_credentials
from cebox.console.web.formats import Formats, find_zone
from cebox.console.web.pieces import ROLE_WORDS
from cebox.console.web.refusals import Refusal, find_refusal
from cebox.console.web.render import render
from cebox.console.web.visit import Visit, find_here_zone, page
from cebox.console.web.words import choose_language, find_language, load_words
from cebox.console.web.words import mark as _
from cebox.domain.ids import UserId
from cebox.domain.role import VENDOR_ROLES, Permission, Role
from cebox.errors import CeboxError, InvalidInput, NotAuthenticated, NotPermitted
from cebox.protocol.problems import STATUSES

LANGUAGE_COOKIE = "cebox_language"


async def show_sign_in(request: Request) -> Response:
    try:
        await get_page_caller(request)
    except NotAuthenticated:
        response = _sign_in_page(request, next_address=request.query_params.get("next", "/"))
        if language := find_language(request.query_params.get("language", "")):
            response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", httponly=True)
        return response
    return RedirectResponse("/", status_code=303)


async def sign_in(request: Request) -> Response:
    form = await request.form(max_fields=10)
    email, password, back = (str(form.get(name, "")) for name in ("email", "password", "next"))
    console = get_console(request)
    try:
        _verify_same_site(request)
        address = request.client.host if request.client else ""
        user = await verify_credentials(console, email, password, address)
    except CeboxError as error:
        refusal = find_refusal(error.code)
        return _sign_in_page(request, email, back, refusal=refusal, status=STATUSES[type(error)])
    session = await start_session(console, user)
    response = RedirectResponse(_local_address(back), status_code=303)
    _keep_session(response, session, now=console.clock(), is_secure=console.settings.has_secure_cookie)
    return response


@page()
async def sign_out(visit: Visit) -> Response:
    await end_session(visit.console, visit.request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@page()
async def change_preferences(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = IdentityService(unit, visit.caller, visit.console.clock)
        await service.set_own_preferences(language=visit.field("language") or None, theme=visit.field("theme") or None)
    return RedirectResponse(_local_address(visit.field("back")), status_code=303)


@page()
async def show_users(visit: Visit) -> Response:
    if not visit.caller.is_vendor and not visit.caller.may(Permission.ADMINISTER):
        return visit.show("identity/users.html", listed=None, roles={}, role_names=ROLE_WORDS)
    scope = visit.caller.scope if visit.asked("all") and visit.caller.is_vendor else visit.scope
    async with visit.console.database.read() as connection:
        listed = await list_users(connection, visit.caller, scope, visit.piece(50))
    return visit.show("identity/users.html", listed=listed, roles=_roles_to_give(visit), role_names=ROLE_WORDS)


@page(Permission.ADMINISTER)
async def show_new_user(visit: Visit) -> Response:
    return visit.show_dialog("identity/new-user.html", roles=_roles_to_give(visit))


@page(Permission.ADMINISTER)
async def create_user(visit: Visit) -> Response:
    password_hash = await visit.console.passwords.hash(str(visit.form.get("password", "")))
    role = _parse_role(visit.field("role"))
    account_id = None if role in VENDOR_ROLES else visit.account_id
    new = NewUser(visit.field("email"), visit.field("name"), role, account_id, visit.formats.language)
    async with visit.console.database.write() as unit:
        user = await IdentityService(unit, visit.caller, visit.console.clock).create_user(new, password_hash)
    return visit.done(visit.say(_("%(email)s can sign in now."), email=user.email), address="/users")


@page(Permission.ADMINISTER)
async def change_user(visit: Visit) -> Response:
    change = UserChange(is_active=visit.field("is_active") == "1")
    user_id = UserId(visit.request.path_params["user_id"])
    async with visit.console.database.write() as unit:
        await IdentityService(unit, visit.caller, visit.console.clock).change_user(user_id, change)
    message = _("This user can sign in again.") if change.is_active else _("This user can no longer sign in.")
    return visit.done(visit.say(message), address="/users")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/sign-in", show_sign_in, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/preferences", change_preferences, methods=["POST"]),
        Route("/users", show_users, methods=["GET"]),
        Route("/users/new", show_new_user, methods=["GET"]),
        Route("/users/new", create_user, methods=["POST"]),
        Route("/users/{user_id}", change_user, methods=["POST"]),
    ]


def _sign_in_page(
    request: Request, email: str = "", next_address: str = "/", *, refusal: Refusal | None = None, status: int = 200
) -> Response:
    language = (
        find_language(request.query_params.get("language", ""))
        or find_language(request.cookies.get(LANGUAGE_COOKIE, ""))
        or choose_language(request.headers.get("accept-language", ""))
    )
    formats = Formats(load_words(language), find_zone(find_here_zone(request)), get_console(request).clock())
    context = {"refusal": refusal, "email": email, "next": next_address, "reader": _Stranger, "events": ""}
    return render(formats, "sign-in.html", context, status=status)


class _Stranger:
    """Nobody yet: the page follows the system's theme."""

    theme = "auto"


def _verify_same_site(request: Request) -> None:
    """There is no session yet whose secret could guard this form: the browser says where it comes from."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("form_secret_wrong", "this form is not one of this console's")


def _local_address(text: str) -> str:
    """Where to go next; never to another host, whatever a crafted link says."""
    parts = urlsplit(text.replace("\\", "/"))
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or not text.isprintable():
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _keep_session(response: Response, session: Session, *, now: datetime, is_secure: bool) -> None:
    # As a span: the reader's clock and this one need not agree.
    lifetime_seconds = int((session.expires_at - now).total_seconds())
    response.set_cookie(
        SESSION_COOKIE, session.secret, max_age=lifetime_seconds, httponly=True, secure=is_secure, samesite="lax"
    )


def _parse_role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInput("request_malformed", f"{text!r} is not a role") from error


def _roles_to_give(visit: Visit) -> dict[Role, str]:
    may_all = visit.caller.may(Permission.VENDOR)
    return {role: words for role, words in ROLE_WORDS.items() if may_all or role not in VENDOR_ROLES}
