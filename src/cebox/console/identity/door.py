"""What the pages before sign-in have in common: their look, their cookies, where they lead."""

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cebox.console.gate import SESSION_COOKIE, find_address, get_console
from cebox.console.identity.records import Session, SignInMethod, User
from cebox.console.identity.sign_in import Origin, start_session
from cebox.console.identity.steps import LIFETIME
from cebox.console.state import Console
from cebox.console.web.formats import Formats, find_zone
from cebox.console.web.refusals import find_refusal
from cebox.console.web.render import render
from cebox.console.web.visit import find_here_zone
from cebox.console.web.words import Language, choose_language, find_language, load_words
from cebox.errors import CeboxError, NotPermitted
from cebox.protocol.problems import STATUSES

LANGUAGE_COOKIE = "cebox_language"
STEP_COOKIE = "cebox_step"


def show_door(
    request: Request, template: str, *, error: CeboxError | None = None, language: str = "", **context: Any
) -> Response:
    """A page for somebody who is not signed in; with `error`, and its status, when they were refused."""
    words = load_words(find_language(language) or _choose_language(request))
    formats = Formats(words, find_zone(find_here_zone(request)), get_console(request).clock())
    refusal = find_refusal(error.code) if error else None
    status = STATUSES[type(error)] if error else 200
    return render(formats, template, {"reader": _Stranger, "events": "", "refusal": refusal, **context}, status=status)


async def let_in(request: Request, user: User, method: SignInMethod, back: str) -> Response:
    """Signed in from here on; any step on the way is over."""
    response = RedirectResponse(local_address(back), status_code=303)
    await keep_session(request, response, user, method)
    return response


async def keep_session(request: Request, response: Response, user: User, method: SignInMethod) -> None:
    console = get_console(request)
    origin = Origin(find_address(request), clean_agent(request.headers.get("user-agent", "")))
    session = await start_session(console, user, method, origin)
    _set_session_cookie(response, session, console)
    response.delete_cookie(STEP_COOKIE, path="/sign-in")


def keep_step(console: Console, response: Response, secret: str) -> None:
    response.set_cookie(
        STEP_COOKIE,
        secret,
        max_age=int(LIFETIME.total_seconds()),
        path="/sign-in",
        httponly=True,
        secure=console.settings.has_secure_cookie,
        samesite="lax",
    )


def verify_same_site(request: Request) -> None:
    """There is no session yet whose secret could guard this form: the browser says where it comes from."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("form_secret_wrong", "this form is not one of this console's")


def local_address(text: str) -> str:
    """Where to go next; never to another host, whatever a crafted link says."""
    parts = urlsplit(text.replace("\\", "/"))
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or not text.isprintable():
        return "/"
    if parts.path.startswith("//"):
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def clean_agent(text: str) -> str:
    """What the browser calls itself, for a list of sessions; any bytes may come."""
    return "".join(letter for letter in text if letter.isprintable())[:200]


def _choose_language(request: Request) -> Language:
    return (
        find_language(request.query_params.get("language", ""))
        or find_language(request.cookies.get(LANGUAGE_COOKIE, ""))
        or choose_language(request.headers.get("accept-language", ""))
    )


class _Stranger:
    """Nobody yet: the page follows the system's theme."""

    theme = "auto"


def _set_session_cookie(response: Response, session: Session, console: Console) -> None:
    # As a span: the reader's clock and this one need not agree.
    lifetime_seconds = int((session.expires_at - console.clock()).total_seconds())
    is_secure = console.settings.has_secure_cookie
    response.set_cookie(
        SESSION_COOKIE, session.secret, max_age=lifetime_seconds, httponly=True, secure=is_secure, samesite="lax"
    )
