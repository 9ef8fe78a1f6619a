"""Signing in and out: a password, a second factor, a passkey; and saying again who one is."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.scope import Scope
from cebox.console.gate import SESSION_COOKIE, find_address, get_console, get_page_caller
from cebox.console.identity import passkeys, steps
from cebox.console.identity.door import (
    LANGUAGE_COOKIE,
    STEP_COOKIE,
    keep_session,
    keep_step,
    let_in,
    local_address,
    show_door,
    verify_same_site,
)
from cebox.console.identity.factors import load_factors
from cebox.console.identity.records import SignInMethod, User
from cebox.console.identity.service import get_user
from cebox.console.identity.session_repository import Step
from cebox.console.identity.sign_in import (
    end_session,
    needs_second_factor,
    renew_proof,
    verify_credentials,
    verify_second_factor,
)
from cebox.console.identity.webauthn import Place
from cebox.console.problems import answer_problem
from cebox.console.state import Console
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import find_language
from cebox.domain.ids import UserId
from cebox.errors import CeboxError, InvalidInput, NotAuthenticated


async def show_sign_in(request: Request) -> Response:
    try:
        await get_page_caller(request)
    except NotAuthenticated:
        response = _sign_in_page(request, next=request.query_params.get("next", "/"))
        if language := find_language(request.query_params.get("language", "")):
            response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", httponly=True)
        return response
    return RedirectResponse("/", status_code=303)


async def sign_in(request: Request) -> Response:
    form = await request.form(max_fields=10)
    email, password, back = (str(form.get(name, "")) for name in ("email", "password", "next"))
    console = get_console(request)
    try:
        verify_same_site(request)
        user = await verify_credentials(console, email, password, find_address(request))
    except CeboxError as error:
        return _sign_in_page(request, error=error, email=email, next=back)
    if not await needs_second_factor(console, user):
        return await let_in(request, user, SignInMethod.PASSWORD, back)
    response = RedirectResponse("/sign-in/second", status_code=303)
    secret = await steps.begin_step(console, steps.SECOND_FACTOR, user_id=user.id, next_address=local_address(back))
    keep_step(console, response, secret)
    return response


async def show_second_factor(request: Request) -> Response:
    try:
        _step, user = await _load_second_step(request)
    except CeboxError:
        return RedirectResponse("/sign-in", status_code=303)
    return await _second_factor_page(request, user)


async def give_second_factor(request: Request) -> Response:
    form = await request.form(max_fields=10)
    console = get_console(request)
    try:
        verify_same_site(request)
        step, user = await _load_second_step(request)
    except CeboxError as error:
        return _sign_in_page(request, error=error)
    try:
        await verify_second_factor(console, user, str(form.get("code", "")))
    except CeboxError as error:
        return await _second_factor_page(request, user, error=error)
    await steps.take_step(console, steps.SECOND_FACTOR, request.cookies[STEP_COOKIE])
    return await let_in(request, user, SignInMethod.SECOND_FACTOR, step.next_address)


async def ask_passkey(request: Request) -> Response:
    """Options for the browser: for whoever it is, or for whom the password was right."""
    console, place = get_console(request), find_place(request)
    try:
        verify_same_site(request)
        if request.url.path.startswith("/sign-in/second"):
            _step, user = await _load_second_step(request)
            challenge = await passkeys.ask_user(console, place, steps.PASSKEY_SECOND, user.id)
        else:
            body = await _read_body(request)
            back = local_address(str(body.get("next", "/")))
            console.attempts.take_alone(f"passkey asked from {find_address(request)}", console.clock(), most=50)
            challenge = await passkeys.ask_anybody(console, place, back)
    except CeboxError as error:
        return await answer_problem(request, error)
    return _answer({"step": challenge.step, "options": challenge.options})


async def give_passkey(request: Request) -> Response:
    """A passkey that verified its user stands for a password and a second factor at once."""
    console, place = get_console(request), find_place(request)
    try:
        verify_same_site(request)
        body = await _read_body(request)
        step, credential = _read_passkey(body)
        if request.url.path.startswith("/sign-in/second"):
            second, user = await _load_second_step(request)
            await passkeys.verify_user(console, place, steps.PASSKEY_SECOND, step, credential, user.id)
            await steps.take_step(console, steps.SECOND_FACTOR, request.cookies[STEP_COOKIE])
            method, back = SignInMethod.SECOND_FACTOR, second.next_address
        else:
            user, back = await passkeys.verify_anybody(console, place, step, credential)
            method = SignInMethod.PASSKEY
    except CeboxError as error:
        return await answer_problem(request, error)
    response = _answer({"next": local_address(back)})
    await keep_session(request, response, user, method)
    return response


@page()
async def sign_out(visit: Visit) -> Response:
    await end_session(visit.console, visit.request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@page()
async def show_proof(visit: Visit) -> Response:
    return await _proof_page(visit, local_address(visit.asked("next") or "/"))


@page()
async def prove(visit: Visit) -> Response:
    """The password again: not for long after a sign-in, then before each dangerous change."""
    back = local_address(visit.field("next") or "/")
    password = str(visit.form.get("password", ""))
    try:
        await verify_credentials(visit.console, visit.caller.email, password, visit.caller.address)
    except CeboxError as error:
        return await _proof_page(visit, back, error)
    await renew_proof(visit.console, visit.caller)
    return RedirectResponse(back, status_code=303)


@page()
async def ask_proof_passkey(visit: Visit) -> Response:
    place = find_place(visit.request)
    challenge = await passkeys.ask_user(visit.console, place, steps.PASSKEY_PROOF, visit.caller.user_id)
    return _answer({"step": challenge.step, "options": challenge.options})


@page()
async def prove_with_passkey(visit: Visit) -> Response:
    body = await _read_body(visit.request)
    step, credential = _read_passkey(body)
    place, user_id = find_place(visit.request), visit.caller.user_id
    await passkeys.verify_user(visit.console, place, steps.PASSKEY_PROOF, step, credential, user_id)
    await renew_proof(visit.console, visit.caller, SignInMethod.SECOND_FACTOR)
    return _answer({"next": local_address(str(body.get("next", "/")))})


def find_place(request: Request) -> Place:
    """As the browser reached it: it signs the address it sees, and a passkey of another one does not fit."""
    return Place(f"{request.url.scheme}://{request.url.netloc}")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/sign-in", show_sign_in, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-in/second", show_second_factor, methods=["GET"]),
        Route("/sign-in/second", give_second_factor, methods=["POST"]),
        Route("/sign-in/second/passkey/options", ask_passkey, methods=["POST"]),
        Route("/sign-in/second/passkey", give_passkey, methods=["POST"]),
        Route("/sign-in/passkey/options", ask_passkey, methods=["POST"]),
        Route("/sign-in/passkey", give_passkey, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/prove", show_proof, methods=["GET"]),
        Route("/prove", prove, methods=["POST"]),
        Route("/prove/passkey/options", ask_proof_passkey, methods=["POST"]),
        Route("/prove/passkey", prove_with_passkey, methods=["POST"]),
    ]


def _sign_in_page(request: Request, *, error: CeboxError | None = None, email: str = "", next: str = "/") -> Response:  # noqa: A002 - the form's own word
    settings = get_console(request).settings
    oidc_name = settings.oidc_name if settings.oidc_issuer else ""
    return show_door(request, "sign-in.html", error=error, email=email, next=next, oidc_name=oidc_name)


async def _second_factor_page(request: Request, user: User, error: CeboxError | None = None) -> Response:
    async with get_console(request).database.read() as connection:
        factors = await load_factors(connection, user.id)
    return show_door(request, "identity/second.html", error=error, language=user.language, factors=factors)


async def _proof_page(visit: Visit, back: str, error: CeboxError | None = None) -> Response:
    async with visit.console.database.read() as connection:
        factors = await load_factors(connection, UserId(visit.caller.user_id))
    return show_door(
        visit.request,
        "identity/prove.html",
        error=error,
        language=visit.caller.language,
        factors=factors,
        next=back,
        reader=visit.caller,
    )


async def _load_second_step(request: Request) -> tuple[Step, User]:
    """Raises NotAuthenticated (`sign_in_step_over`)."""
    console: Console = get_console(request)
    step = await steps.get_step(console, steps.SECOND_FACTOR, request.cookies.get(STEP_COOKIE, ""))
    assert step.user_id is not None
    async with console.database.read() as connection:
        user = await get_user(connection, Scope.everything(), step.user_id)
    if not user.is_active:
        raise NotAuthenticated("sign_in_step_over", "this user is out of service")
    return step, user


async def _read_body(request: Request) -> Mapping[str, Any]:
    """Raises InvalidInput (`request_malformed`)."""
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise InvalidInput("request_malformed", "the body is no JSON") from error
    if not isinstance(body, dict):
        raise InvalidInput("request_malformed", "the body is no object")
    return body


def _read_passkey(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    credential = body.get("credential")
    if not isinstance(credential, dict):
        raise InvalidInput("request_malformed", "there is no credential")
    return str(body.get("step", "")), credential


def _answer(content: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(dict(content), headers={"Cache-Control": "no-store"})
