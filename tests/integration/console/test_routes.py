"""Every route of the app, walked: who is let in, and what an unforeseen request is answered."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from cebox.console.gate import SESSION_COOKIE
from cebox.console.identity.sign_in import start_session
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.office import hire, open_account, open_client, sign_in

pytestmark = pytest.mark.anyio

PUBLIC = {
    ("GET", "/healthz"): "a watchdog has no account",
    ("GET", "/readyz"): "a load balancer has no account",
    ("POST", "/device/v1/enrol"): "a box shows its installation key",
    ("POST", "/device/v1/token"): "a box shows its assertion",
    ("POST", "/device/v1/sync"): "a box shows its own token, tested with the device API",
    ("POST", "/api/v1/tokens"): "this is how a program signs in",
    ("GET", "/api/v1/openapi.json"): "describes the API, holds nobody's data",
    ("GET", "/sign-in"): "this is how a person signs in",
    ("POST", "/sign-in"): "this is how a person signs in",
    ("GET", "/announcements/unsubscribe"): "whoever holds the e-mail",
    ("POST", "/announcements/unsubscribe"): "whoever holds the e-mail",
    ("GET", "/sign-in/second"): "somebody whose password was right",
    ("POST", "/sign-in/second"): "somebody whose password was right",
    ("POST", "/sign-in/second/passkey/options"): "somebody whose password was right",
    ("POST", "/sign-in/second/passkey"): "somebody whose password was right",
    ("POST", "/sign-in/passkey/options"): "this is how a person signs in",
    ("POST", "/sign-in/passkey"): "this is how a person signs in",
    ("GET", "/sign-in/oidc"): "this is how a person signs in",
    ("GET", "/sign-in/oidc/back"): "this is how a person signs in",
    ("GET", "/welcome/{secret}"): "whoever holds a link",
    ("POST", "/welcome/{secret}"): "whoever holds a link",
    ("POST", "/api/v1/links/use"): "whoever holds a link",
    ("GET", "/static/{path:path}"): "styles and scripts of the sign-in page too",
}
FOR_THE_VIEWER = {
    ("PATCH", "/api/v1/me"): "one's own language",
    ("POST", "/api/v1/me/password"): "one's own password",
    ("DELETE", "/api/v1/tokens/{token_id}"): "one's own token",
    ("POST", "/api/v1/me/codes"): "one's own second factor",
    ("POST", "/api/v1/me/codes/confirm"): "one's own second factor",
    ("DELETE", "/api/v1/me/codes"): "one's own second factor",
    ("POST", "/api/v1/me/recovery-codes"): "one's own second factor",
    ("POST", "/api/v1/me/passkeys/options"): "one's own passkey",
    ("POST", "/api/v1/me/passkeys"): "one's own passkey",
    ("PATCH", "/api/v1/me/passkeys/{passkey_id}"): "one's own passkey",
    ("DELETE", "/api/v1/me/passkeys/{passkey_id}"): "one's own passkey",
    ("DELETE", "/api/v1/me/sessions"): "one's own sessions",
    ("DELETE", "/api/v1/me/sessions/{session_id}"): "one's own session",
    ("POST", "/api/v1/me/tokens"): "one's own token",
    **{
        ("POST", path): "one's own sign-in"
        for path in (
            "/prove",
            "/prove/passkey",
            "/prove/passkey/options",
            "/security/password",
            "/security/codes",
            "/security/codes/remove",
            "/security/recovery-codes",
            "/security/passkeys/{passkey_id}/name",
            "/security/passkeys/{passkey_id}/remove",
            "/security/sessions/end-others",
            "/security/sessions/{session_id}/end",
            "/security/tokens/new",
            "/security/tokens/{token_id}/revoke",
        )
    },
    ("POST", "/api/v1/devices/{device_id}/preflight"): "asks, changes nothing",
    ("POST", "/api/v1/group-preflight"): "asks, changes nothing",
    ("PUT", "/api/v1/me/mail"): "one's own e-mails",
    ("POST", "/announcements/preferences"): "one's own e-mails",
    ("POST", "/api/v1/campaigns/preview"): "asks, changes nothing",
    ("POST", "/sign-out"): "one's own session",
    ("POST", "/preferences"): "one's own language",
    ("POST", "/api/v1/views"): "one's own view",
    ("DELETE", "/api/v1/views/{view_id}"): "one's own view",
    ("POST", "/devices/views/new"): "one's own view",
    ("POST", "/devices/views/{view_id}/remove"): "one's own view",
}
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Address:
    method: str
    path: str

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def url(self) -> str:
        """With something in place of each parameter."""
        return "/".join("x" if part.startswith("{") else part for part in self.path.split("/"))


def walk(routes: list[BaseRoute], prefix: str = "") -> Iterator[Address]:
    for route in routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            yield Address("GET", f"{prefix}{route.path}{route.app.openapi_url}")
            for path, operations in route.app.openapi()["paths"].items():
                yield from (Address(method.upper(), f"{prefix}{route.path}{path}") for method in operations)
        elif isinstance(route, Mount):
            yield from walk(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            methods = (route.methods or set()) - {"HEAD"}
            yield from (Address(method, prefix + route.path) for method in sorted(methods))
        else:
            raise AssertionError(f"a route of an unknown kind: {route!r}")


def _is_refused(answer: httpx.Response) -> bool:
    """A program is told 401; a person is sent to sign in."""
    to_sign_in = answer.status_code in (302, 303, 307) and answer.headers["location"].startswith("/sign-in")
    return answer.status_code == 401 or to_sign_in


async def test_the_walk_finds_the_routes(app: Starlette) -> None:
    found = {address.key for address in walk(app.routes)}

    assert len(found) > 60
    assert set(PUBLIC) | set(FOR_THE_VIEWER) <= found


async def test_every_route_of_the_admin_api_is_in_its_description(app: Starlette) -> None:
    """The walk reads the description, so a route hidden from it would escape."""
    mount = next(route for route in app.routes if isinstance(route, Mount) and route.path == "/api/v1")
    described = {(address.method, address.path) for address in walk([mount])}
    for context in iter_route_contexts(mount.routes):
        if context.path and context.path != "/openapi.json":
            for method in (context.methods or set()) - {"HEAD"}:
                assert (method, f"/api/v1{context.path}") in described


async def test_nobody_gets_past_the_door_unknown(app: Starlette) -> None:
    async with open_client(app) as nobody:
        for address in walk(app.routes):
            if address.key in PUBLIC:
                continue
            answer = await nobody.request(address.method, address.url)
            assert _is_refused(answer), (address, answer.status_code)


async def test_a_session_or_token_that_was_made_up_opens_nothing(app: Starlette) -> None:
    async with open_client(app, "cbt_made-up") as stranger:
        stranger.cookies.set(SESSION_COOKIE, "made-up")
        for address in walk(app.routes):
            if address.key not in PUBLIC:
                answer = await stranger.request(address.method, address.url)
                assert _is_refused(answer), (address, answer.status_code)


async def test_a_viewer_changes_nothing_through_the_api(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    viewer = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, nord))
    for address in walk(app.routes):
        if address.method not in CHANGING or not address.path.startswith("/api/v1/"):
            continue
        if address.key in PUBLIC or address.key in FOR_THE_VIEWER:
            continue
        answer = await viewer.request(address.method, address.url)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_may_not"), address


@pytest.mark.parametrize("role", [Role.ACCOUNT_VIEWER, Role.VENDOR_SUPPORT])
async def test_who_may_only_look_changes_nothing_through_the_pages(
    console: Console, app: Starlette, role: Role
) -> None:
    nord = await open_account(console, "Nord")
    session = await start_session(console, await hire(console, role, None if role is Role.VENDOR_SUPPORT else nord))
    async with open_client(app) as browser:
        browser.cookies.set(SESSION_COOKIE, session.secret)
        for address in walk(app.routes):
            if address.method not in CHANGING or address.path.startswith(("/api/v1/", "/device/")):
                continue
            if address.key in PUBLIC or address.key in FOR_THE_VIEWER:
                continue
            answer = await browser.request(address.method, address.url, data={"form_secret": session.form_secret})
            assert answer.status_code == 403, (address, answer.status_code)


async def test_a_form_without_the_sessions_secret_is_refused_everywhere(console: Console, app: Starlette) -> None:
    await open_account(console, "Nord")
    session = await start_session(console, await hire(console, Role.VENDOR_OPERATOR))
    async with open_client(app) as browser:
        browser.cookies.set(SESSION_COOKIE, session.secret)
        for address in walk(app.routes):
            if address.method in CHANGING and address.key not in PUBLIC:
                answer = await browser.request(address.method, address.url)
                assert answer.status_code == 403, (address, answer.status_code)


async def test_what_no_route_answers_is_a_problem_too(console: Console, app: Starlette) -> None:
    client = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    for method, path, status, code in (
        ("GET", "/api/v1/nothing", 404, "route_unknown"),
        ("DELETE", "/api/v1/me", 405, "method_not_allowed"),
        ("GET", "/device/v1/sync", 405, "method_not_allowed"),
        ("GET", "/api/v1/sites/%00", 422, "address_malformed"),
        ("GET", "/api/v1/sites?account=%00", 422, "address_malformed"),
        ("GET", "/api/v1/releases/not-a-version", 422, "version_malformed"),
        ("GET", "/api/v1/sites?limit=0", 422, "request_malformed"),
        ("GET", "/api/v1/sites/%F0%9F%92%A9", 404, "site_unknown"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"name": "\\ud800"}', b'{"name": "\\u0000"}', b"[" * 5000],
    ids=["empty", "cut", "null", "list", "text", "not-utf8", "lone-surrogate", "nul", "deep"],
)
async def test_a_hostile_body_is_refused(console: Console, app: Starlette, body: bytes) -> None:
    nord = await open_account(console, "Nord")
    client = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))

    answer = await client.post("/api/v1/sites", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] in ("request_malformed", "site_name_malformed")


async def test_a_body_without_end_is_refused(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    client = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))

    async def pour() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    declared = await client.post("/api/v1/sites", content=b" " * (2 << 20))
    streamed = await client.post("/api/v1/sites", content=pour())

    assert declared.status_code == streamed.status_code == 413
    assert declared.json()["code"] == streamed.json()["code"] == "body_too_large"


async def test_the_description_of_the_api_names_each_operation_once(app: Starlette) -> None:
    async with open_client(app) as nobody:
        description = (await nobody.get("/api/v1/openapi.json")).json()

    operations = [one for path in description["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["summary"] and one["tags"] for one in operations)
    assert "http" not in str(description.get("servers", ""))


async def test_the_watchdogs_are_answered(console: Console, app: Starlette) -> None:
    async with open_client(app) as nobody:
        alive, ready = await nobody.get("/healthz"), await nobody.get("/readyz")
        console.hub.close()
        leaving = await nobody.get("/readyz")

    assert (alive.status_code, ready.status_code, leaving.status_code) == (200, 200, 503)
    assert leaving.json()["code"] == "console_stopping"
