"""Signing in and staying signed in, API tokens, users, and who may make whom."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from cebox.console.gate import SESSION_COOKIE
from cebox.console.identity.attempts import MOST_PER_ADDRESS, MOST_PER_USER, WINDOW
from cebox.console.identity.sign_in import start_session
from cebox.console.identity.tables import api_tokens, sessions, users
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.office import NEW, PASSWORD, hire, open_account, open_client, sign_in
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

ME = "/api/v1/me"


async def _ask_for_token(app: Starlette, email: str, password: str = PASSWORD) -> httpx.Response:
    async with open_client(app) as nobody:
        return await nobody.post("/api/v1/tokens", json={"email": email, "password": password})


async def _with_session(console: Console, app: Starlette, role: Role) -> tuple[httpx.AsyncClient, str]:
    """A browser of a signed-in user, and the session's form secret."""
    session = await start_session(console, await hire(console, role))
    client = open_client(app)
    client.cookies.set(SESSION_COOKIE, session.secret)
    return client, session.form_secret


async def test_a_token_speaks_for_its_user(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    client = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, nord))

    me = (await client.get(ME)).json()

    assert (me["account_id"], me["role"], me["permissions"]) == (nord.id, "account-operator", ["view", "act"])
    assert me["console_id"] == console.console_id


async def test_the_address_is_read_as_people_write_it(console: Console, app: Starlette) -> None:
    await hire(console, Role.VENDOR_OPERATOR, email="Chef@Vendor.Example")

    assert (await _ask_for_token(app, " chef@vendor.EXAMPLE ")).status_code == 201


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(console: Console, app: Starlette) -> None:
    user = await hire(console, Role.VENDOR_OPERATOR)

    wrong = await _ask_for_token(app, user.email, "not the password")
    unknown = await _ask_for_token(app, "nobody@vendor.example", "not the password")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "sign_in_refused"


async def test_passwords_are_tried_a_few_times_only(console: Console, app: Starlette, clock: HandClock) -> None:
    user = await hire(console, Role.VENDOR_OPERATOR)
    for _ in range(MOST_PER_USER):
        assert (await _ask_for_token(app, user.email, "not the password")).status_code == 401

    throttled = await _ask_for_token(app, user.email)
    clock.advance(WINDOW + timedelta(seconds=1))
    later = await _ask_for_token(app, user.email)

    assert (throttled.status_code, throttled.json()["code"]) == (503, "sign_in_throttled")
    assert int(throttled.headers["retry-after"]) > 0
    assert later.status_code == 201


async def test_tries_at_the_same_moment_are_all_counted(console: Console, app: Starlette) -> None:
    user = await hire(console, Role.VENDOR_OPERATOR)

    answers = await asyncio.gather(*(_ask_for_token(app, user.email, "not the password") for _ in range(12)))

    assert [answer.status_code for answer in answers].count(401) == MOST_PER_USER


async def test_one_address_cannot_try_everybody(console: Console, app: Starlette) -> None:
    for number in range(MOST_PER_ADDRESS):
        console.attempts.take(f"user{number}@vendor.example", "127.0.0.1", console.clock())

    answer = await _ask_for_token(app, "another@vendor.example")

    assert (answer.status_code, answer.json()["code"]) == (503, "sign_in_throttled")


async def test_no_secret_is_kept_in_the_database(console: Console, app: Starlette) -> None:
    user = await hire(console, Role.VENDOR_OPERATOR)
    token = (await _ask_for_token(app, user.email)).json()["token"]
    session = await start_session(console, user)

    async with console.database.read() as connection:
        kept = [str(row) for table in (users, sessions, api_tokens) for row in await connection.execute(select(table))]

    assert len(kept) == 3
    for secret in (PASSWORD, token, session.secret):
        assert not any(secret in row for row in kept)


async def test_a_token_of_another_console_is_refused_with_a_hint(app: Starlette) -> None:
    async with open_client(app, "cbt_made-by-another-console") as client:
        answer = await client.get(ME)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_unknown")
    assert "one console" in answer.json()["hint"]
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_expires(console: Console, app: Starlette, clock: HandClock) -> None:
    client = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    clock.advance(timedelta(days=90))

    answer = await client.get(ME)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def test_a_user_lists_and_revokes_their_own_tokens_only(console: Console, app: Starlette) -> None:
    mine = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    other = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))
    token = (await mine.get("/api/v1/tokens")).json()["items"][0]
    assert token["last_used_at"] is not None

    refused = await other.delete(f"/api/v1/tokens/{token['id']}")
    revoked = await mine.delete(f"/api/v1/tokens/{token['id']}")

    assert (refused.status_code, revoked.status_code) == (404, 204)
    assert (await mine.get(ME)).json()["code"] == "token_unknown"
    assert (await other.get(ME)).status_code == 200


async def test_a_session_reads_and_ends(console: Console, app: Starlette, clock: HandClock) -> None:
    browser, _ = await _with_session(console, app, Role.VENDOR_OPERATOR)
    assert (await browser.get(ME)).status_code == 200

    clock.advance(timedelta(seconds=console.settings.session_lifetime_seconds))

    assert ((await browser.get(ME)).status_code, (await browser.get(ME)).json()["code"]) == (401, "session_missing")


async def test_a_session_changes_nothing_without_its_form_secret(console: Console, app: Starlette) -> None:
    await open_account(console, "Nord")
    browser, form_secret = await _with_session(console, app, Role.VENDOR_OPERATOR)
    body = {"name": "Sud", "version": str(NEW)}

    for given in (None, b"", b"0" * 64, "é".encode()):
        headers = [] if given is None else [(b"x-csrf-token", given)]
        answer = await browser.post("/api/v1/accounts", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "form_secret_wrong")
    answer = await browser.post("/api/v1/accounts", json=body, headers={"x-csrf-token": form_secret})
    assert answer.status_code == 201


async def test_preferences_are_kept(console: Console, app: Starlette) -> None:
    client = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))

    changed = await client.patch(ME, json={"language": "en", "theme": "dark"})
    refused = await client.patch(ME, json={"language": "xx"})

    me = (await client.get(ME)).json()
    assert (changed.status_code, refused.status_code) == (204, 422)
    assert (me["language"], me["theme"]) == ("en", "dark")


async def test_a_new_password_ends_every_session_and_token(console: Console, app: Starlette) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    client = await sign_in(app, user)
    wrong = await client.post(f"{ME}/password", json={"current": "not it at all", "new": "another good one"})
    short = await client.post(f"{ME}/password", json={"current": PASSWORD, "new": "short"})

    done = await client.post(f"{ME}/password", json={"current": PASSWORD, "new": "another good one"})

    assert (wrong.json()["code"], short.json()["code"]) == ("sign_in_refused", "password_too_short")
    assert done.status_code == 204
    assert (await client.get(ME)).status_code == 401
    assert (await _ask_for_token(app, user.email)).status_code == 401
    assert (await _ask_for_token(app, user.email, "another good one")).status_code == 201


def _body(role: Role, **changes: object) -> dict[str, object]:
    return {"email": "new@people.example", "name": "New", "role": role, "password": PASSWORD, **changes}


async def test_an_administrator_makes_users_of_their_own_account(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))

    made = await admin.post("/api/v1/users", json=_body(Role.ACCOUNT_VIEWER))
    again = await admin.post("/api/v1/users", json=_body(Role.ACCOUNT_VIEWER))
    elsewhere = await admin.post("/api/v1/users", json=_body(Role.ACCOUNT_VIEWER, account_id=sud.id))
    too_high = await admin.post("/api/v1/users", json=_body(Role.VENDOR_OPERATOR))

    assert (made.status_code, made.json()["account_id"]) == (201, nord.id)
    assert (again.status_code, again.json()["code"]) == (409, "user_exists")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "account_unknown")
    assert (too_high.status_code, too_high.json()["code"]) == (403, "role_not_yours_to_give")


async def test_the_vendor_makes_users_of_any_account_and_of_none(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    for body, status, code in (
        (_body(Role.ACCOUNT_ADMIN), 422, "role_needs_account"),
        (_body(Role.VENDOR_SUPPORT, account_id=nord.id), 422, "role_takes_no_account"),
        (_body(Role.ACCOUNT_ADMIN, account_id="acc_0000000000000000"), 404, "account_unknown"),
        (_body(Role.ACCOUNT_ADMIN, account_id=nord.id, email="not an address"), 422, "email_malformed"),
        (_body(Role.ACCOUNT_ADMIN, account_id=nord.id, password="short"), 422, "password_too_short"),
        (_body(Role.ACCOUNT_ADMIN, account_id=nord.id, is_active=True), 422, "request_malformed"),
    ):
        answer = await vendor.post("/api/v1/users", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body

    assert (await vendor.post("/api/v1/users", json=_body(Role.ACCOUNT_ADMIN, account_id=nord.id))).status_code == 201
    assert (await vendor.post("/api/v1/users", json=_body(Role.VENDOR_SUPPORT, email="s@v.example"))).status_code == 201


async def test_a_refused_body_is_not_repeated_in_the_answer(console: Console, app: Starlette) -> None:
    async with open_client(app) as nobody:
        answer = await nobody.post("/api/v1/tokens", json={"email": "a@b.example", "password": {"no": PASSWORD}})

    assert (answer.status_code, answer.json()["code"]) == (422, "request_malformed")
    assert PASSWORD not in answer.text


async def test_a_user_put_out_of_service_is_out_at_once(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    user = await hire(console, Role.ACCOUNT_OPERATOR, nord)
    leaver = await sign_in(app, user)
    session = await start_session(console, user)

    changed = await admin.patch(f"/api/v1/users/{user.id}", json={"is_active": False})

    assert (changed.status_code, changed.json()["is_active"]) == (200, False)
    assert (await leaver.get(ME)).status_code == 401
    async with open_client(app) as browser:
        browser.cookies.set(SESSION_COOKIE, session.secret)
        assert (await browser.get(ME)).status_code == 401
    assert (await _ask_for_token(app, user.email)).status_code == 401


async def test_nobody_takes_their_own_role_or_access_away(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    user = await hire(console, Role.ACCOUNT_ADMIN, nord)
    admin = await sign_in(app, user)

    for change in ({"is_active": False}, {"role": "account-viewer"}):
        answer = await admin.patch(f"/api/v1/users/{user.id}", json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "user_is_yourself")
    assert (await admin.patch(f"/api/v1/users/{user.id}", json={"name": "Chef"})).json()["name"] == "Chef"


async def test_a_user_stays_the_vendors_or_of_an_account(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    user = await hire(console, Role.ACCOUNT_ADMIN, nord)

    answer = await vendor.patch(f"/api/v1/users/{user.id}", json={"role": "vendor-operator"})

    assert (answer.status_code, answer.json()["code"]) == (422, "role_of_another_kind")


async def test_operators_and_viewers_do_not_see_who_else_works_here(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    operator = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, nord))

    answer = await operator.get("/api/v1/users")

    assert (answer.status_code, answer.json()["code"]) == (403, "role_may_not")
