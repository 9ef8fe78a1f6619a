"""Signing in through an identity provider: there, and back."""

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.gate import find_address, find_console_url, get_console
from cebox.console.identity import steps
from cebox.console.identity.door import STEP_COOKIE, keep_step, let_in, local_address, show_door
from cebox.console.identity.external import recognise
from cebox.console.identity.oidc import Attempt, OidcProvider
from cebox.console.identity.records import SignInMethod
from cebox.console.identity.sealing import derive
from cebox.console.identity.sign_in import needs_second_factor
from cebox.console.state import Console
from cebox.errors import CeboxError, NotAuthenticated, NotFound
from cebox.protocol.identity import encode_base64url

_BACK = "/sign-in/oidc/back"


async def go_to_provider(request: Request) -> Response:
    console = get_console(request)
    try:
        provider = _get_provider(console)
        console.attempts.take_alone(f"provider asked from {find_address(request)}", console.clock(), most=50)
        back = local_address(request.query_params.get("next", "/"))
        secret = await steps.begin_step(console, steps.OIDC, next_address=back)
        address = await provider.begin(_make_attempt(console, secret), _return_address(request))
    except CeboxError as error:
        return _refused(request, error)
    response = RedirectResponse(address, status_code=303)
    keep_step(console, response, secret)
    return response


async def come_back(request: Request) -> Response:
    """The answer belongs to the browser that asked: its step's cookie says which state, nonce and verifier."""
    console, secret = get_console(request), request.cookies.get(STEP_COOKIE, "")
    try:
        provider = _get_provider(console)
        step = await steps.take_step(console, steps.OIDC, secret)
        attempt = _make_attempt(console, secret)
        given = request.query_params.get("state", "")
        if not secrets.compare_digest(given.encode(), attempt.state.encode()):
            raise NotAuthenticated("oidc_refused", "this answer belongs to another sign-in", hint="Start again.")
        code = request.query_params.get("code", "")
        if not code:
            raise NotAuthenticated("oidc_refused", "the provider let nobody in", hint="Start again.")
        person = await provider.finish(attempt, code, _return_address(request), console.clock().timestamp())
        async with console.database.write() as unit:
            user = await recognise(unit, person, console.clock)
    except CeboxError as error:
        return _refused(request, error)
    if person.is_strong or not await needs_second_factor(console, user):
        method = SignInMethod.OIDC_STRONG if person.is_strong else SignInMethod.OIDC
        return await let_in(request, user, method, step.next_address)
    response = RedirectResponse("/sign-in/second", status_code=303)
    again = await steps.begin_step(console, steps.SECOND_FACTOR, user_id=user.id, next_address=step.next_address)
    keep_step(console, response, again)
    return response


def build_routes() -> list[BaseRoute]:
    return [
        Route("/sign-in/oidc", go_to_provider, methods=["GET"]),
        Route(_BACK, come_back, methods=["GET"]),
    ]


def _get_provider(console: Console) -> OidcProvider:
    if console.oidc is None:
        raise NotFound("oidc_not_set", "this console signs nobody in through a provider")
    return console.oidc


def _make_attempt(console: Console, secret: str) -> Attempt:
    state, nonce, verifier = (
        encode_base64url(derive(console.secret, f"oidc {part}", secret)) for part in ("state", "nonce", "verifier")
    )
    return Attempt(state, nonce, verifier)


def _return_address(request: Request) -> str:
    return f"{find_console_url(request).rstrip('/')}{_BACK}"


def _refused(request: Request, error: CeboxError) -> Response:
    settings = get_console(request).settings
    oidc_name = settings.oidc_name if settings.oidc_issuer else ""
    return show_door(request, "sign-in.html", error=error, email="", next="/", oidc_name=oidc_name)
