"""What a link opens: an invited person chooses name and password, a user a new password. Opening it uses nothing up."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.gate import find_address, get_console
from cebox.console.identity.door import let_in, show_door, verify_same_site
from cebox.console.identity.factors import load_factors
from cebox.console.identity.links import open_link, use_link
from cebox.console.identity.records import AccessLink, SignInMethod
from cebox.console.web.pieces import ROLE_WORDS
from cebox.errors import CeboxError


async def show_link(request: Request) -> Response:
    try:
        link = await _open(request)
    except CeboxError as error:
        return show_door(request, "identity/link-over.html", error=error)
    return _link_page(request, link)


async def follow_link(request: Request) -> Response:
    """Whoever has no second factor is signed in at once; whoever has one is asked for it."""
    console = get_console(request)
    try:
        verify_same_site(request)
        link = await _open(request)
    except CeboxError as error:
        return show_door(request, "identity/link-over.html", error=error)
    form = await request.form(max_fields=10)
    name = str(form.get("name", ""))
    try:
        password_hash = await console.passwords.hash(str(form.get("password", "")))
        async with console.database.write() as unit:
            user = await use_link(unit, request.path_params["secret"], name, password_hash, console.clock)
    except CeboxError as error:
        return _link_page(request, link, error=error, name=name)
    async with console.database.read() as connection:
        factors = await load_factors(connection, user.id)
    if factors.any:
        return RedirectResponse("/sign-in", status_code=303)
    return await let_in(request, user, SignInMethod.PASSWORD, "/")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/welcome/{secret}", show_link, methods=["GET"]),
        Route("/welcome/{secret}", follow_link, methods=["POST"]),
    ]


async def _open(request: Request) -> AccessLink:
    """Tries are counted by address: 256 bits cannot be guessed, and need not be asked for without end either."""
    console = get_console(request)
    console.attempts.take_alone(f"link opened from {find_address(request)}", console.clock(), most=50)
    async with console.database.read() as connection:
        return await open_link(connection, request.path_params["secret"], console.clock)


def _link_page(request: Request, link: AccessLink, *, error: CeboxError | None = None, name: str = "") -> Response:
    return show_door(
        request,
        "identity/welcome.html",
        error=error,
        language=request.query_params.get("language", "") or link.language,
        link=link,
        name=name,
        role_words=ROLE_WORDS[link.role],
    )
