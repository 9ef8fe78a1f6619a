"""Signing in through an identity provider, a real one: who is let in, and which answers are none."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import RSAKey
from starlette.applications import Starlette

from cebox.console.app import build_app
from cebox.console.identity.records import User
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from cebox.domain.role import Role
from cebox.errors import InvalidInput
from tests.integration.console.office import cheap_passwords, hire, open_account, open_client, sign_in
from tests.servers.clock import HandClock
from tests.servers.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcServer, serve_oidc

pytestmark = pytest.mark.anyio

ME = "/api/v1/me"


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    with serve_oidc() as server:
        yield server


@pytest.fixture
def provider(server: OidcServer, clock: HandClock) -> OidcServer:
    """As new, and of the same time as the console."""
    server.claims, server.changes, server.signs_with = {"sub": "248289761001"}, {}, None
    server.now = clock().timestamp()
    return server


def _settings(provider: OidcServer, folder: Path, database_url: str, mode: int = 0o600) -> ConsoleSettings:
    secret = folder / "oidc-secret"
    secret.write_text(CLIENT_SECRET + "\n")
    secret.chmod(mode)
    return ConsoleSettings(
        state_folder=folder / "state",
        database=database_url,
        has_secure_cookie=False,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret_file=secret,
    )


@pytest.fixture
async def console(provider: OidcServer, database_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Console]:
    settings = _settings(provider, tmp_path, database_url)
    async with open_console(settings, clock=clock, passwords=cheap_passwords()) as console:
        yield console


@pytest.fixture
def app(console: Console) -> Starlette:
    return build_app(console)


async def _go(browser: httpx.AsyncClient) -> str:
    """There and to the address the provider sends the browser back to."""
    asked = await browser.get("/sign-in/oidc?next=/users")
    assert asked.status_code == 303, asked.text
    async with httpx.AsyncClient(trust_env=False) as outside:
        return str((await outside.get(asked.headers["location"])).headers["location"])


async def _sign_in(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(await _go(browser))


async def _expect_nobody(app: Starlette, code: int = 401) -> None:
    async with open_client(app) as browser:
        assert (await _sign_in(browser)).status_code == code
        assert (await browser.get(ME)).status_code == 401


@pytest.fixture
async def user(console: Console) -> User:
    nord = await open_account(console, "Nord")
    return await hire(console, Role.ACCOUNT_VIEWER, nord, email="claire@nord.example")


async def test_a_verified_address_is_the_users_and_the_subject_from_then_on(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    provider.claims.update(email="Claire@Nord.example", email_verified=True)
    async with open_client(app) as browser:
        done = await _sign_in(browser)
        me = await browser.get(ME)
    provider.claims.update(email="renamed@nord.example")
    async with open_client(app) as browser:
        await _sign_in(browser)
        again = await browser.get(ME)

    assert (done.status_code, done.headers["location"]) == (303, "/users")
    assert me.json()["user_id"] == again.json()["user_id"] == user.id


async def test_another_person_with_the_same_address_is_not_the_user(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    provider.claims.update(email=user.email, email_verified=True)
    async with open_client(app) as browser:
        await _sign_in(browser)
    provider.claims.update(sub="somebody else")

    await _expect_nobody(app)


async def test_an_address_that_is_not_verified_is_nobodys(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    for said in (False, None, "yes", 1):
        provider.claims.update(email=user.email, email_verified=said)
        await _expect_nobody(app)


async def test_an_invited_person_is_welcome_a_stranger_is_not(
    console: Console, app: Starlette, provider: OidcServer
) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    provider.claims.update(email="new@nord.example", email_verified=True, name="Somebody New")
    await _expect_nobody(app)
    await admin.post("/api/v1/invitations", json={"email": "new@nord.example", "role": "account-operator"})

    async with open_client(app) as browser:
        await _sign_in(browser)
        me = (await browser.get(ME)).json()

    assert (me["role"], me["account_id"], me["name"]) == ("account-operator", nord.id, "Somebody New")
    async with open_client(app) as nobody:
        for password in ("", "any password at all"):
            body = {"email": "new@nord.example", "password": password or " "}
            assert (await nobody.post("/api/v1/tokens", json=body)).status_code == 401


async def test_a_user_out_of_service_stays_out(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    provider.claims.update(email=user.email, email_verified=True)
    async with open_client(app) as browser:
        await _sign_in(browser)
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    await vendor.patch(f"/api/v1/users/{user.id}", json={"is_active": False})

    await _expect_nobody(app)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another client"},
        {"iss": "http://127.0.0.1:1"},
        {"nonce": "of another sign-in"},
        {"exp": 1},
        {"iat": 4102444800, "exp": 4102444900},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
    ],
    ids=["audience", "issuer", "nonce", "expired", "from-the-future", "other-party"],
)
async def test_an_id_token_for_something_else_lets_nobody_in(
    console: Console, app: Starlette, provider: OidcServer, user: User, changes: dict[str, object]
) -> None:
    provider.claims.update(email=user.email, email_verified=True)
    provider.changes = changes

    await _expect_nobody(app)


async def test_a_token_signed_by_another_key_lets_nobody_in(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    provider.claims.update(email=user.email, email_verified=True)
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "first"})

    await _expect_nobody(app)


async def test_a_provider_may_renew_its_keys(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    provider.claims.update(email=user.email, email_verified=True)
    async with open_client(app) as browser:
        await _sign_in(browser)
    provider.renew_key()
    async with open_client(app) as browser:
        assert (await _sign_in(browser)).status_code == 303


async def test_an_answer_counts_once_and_in_the_browser_that_asked(
    console: Console, app: Starlette, provider: OidcServer, user: User
) -> None:
    provider.claims.update(email=user.email, email_verified=True)
    async with open_client(app) as browser, open_client(app) as other:
        back = await _go(browser)
        await other.get("/sign-in/oidc")
        elsewhere = await other.get(back)
        forged = await browser.get(back.replace("state=", "state=x"))
        cookies = dict(browser.cookies)
        spent = await browser.get(back)

    assert [answer.status_code for answer in (elsewhere, forged, spent)] == [401, 401, 401]
    assert "cebox_session" not in cookies


async def test_the_secret_of_the_provider_is_for_the_console_alone(
    provider: OidcServer, tmp_path: Path, database_url: str
) -> None:
    for mode in (0o640, 0o604):
        with pytest.raises(InvalidInput) as caught:
            async with open_console(_settings(provider, tmp_path, database_url, mode)):
                pass
        assert caught.value.code == "secret_file_open_to_others"
