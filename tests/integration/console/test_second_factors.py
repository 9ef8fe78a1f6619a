"""One-time codes and recovery codes: asked for, used once, counted; and who has to have a second factor."""

import asyncio
from datetime import timedelta

import httpx
import pyotp
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from cebox.console.identity.attempts import MOST_PER_USER, WINDOW
from cebox.console.identity.records import User
from cebox.console.identity.tables import one_time_codes, recovery_codes
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.browsing import DIALOG, browse, keep_form_secret
from tests.integration.console.office import PASSWORD, hire, open_account, open_client, sign_in
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

ME = "/api/v1/me"


async def _set_up(client: httpx.AsyncClient, clock: HandClock) -> tuple[pyotp.TOTP, list[str]]:
    """What an authenticator knows, and the recovery codes."""
    begun = await client.post(f"{ME}/codes")
    assert begun.status_code == 201, begun.text
    totp = pyotp.TOTP(begun.json()["secret"])
    done = await client.post(f"{ME}/codes/confirm", json={"code": totp.at(clock())})
    assert done.status_code == 200, done.text
    return totp, done.json()["codes"]


async def _ask(app: Starlette, user: User, code: str = "") -> httpx.Response:
    async with open_client(app) as nobody:
        return await nobody.post("/api/v1/tokens", json={"email": user.email, "password": PASSWORD, "code": code})


async def test_a_code_is_asked_for_after_the_password(console: Console, app: Starlette, clock: HandClock) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    totp, _ = await _set_up(await sign_in(app, user), clock)
    clock.advance(timedelta(seconds=60))
    async with open_client(app) as browser:
        form = {"email": user.email, "password": PASSWORD, "next": "/users"}
        half = await browser.post("/sign-in", data=form)
        not_yet = await browser.get(ME)
        asked = await browser.get("/sign-in/second")
        wrong = await browser.post("/sign-in/second", data={"code": "000000"})
        right = await browser.post("/sign-in/second", data={"code": totp.at(clock())})
        me = await browser.get(ME)

    assert (half.status_code, half.headers["location"]) == (303, "/sign-in/second")
    assert not_yet.status_code == 401
    assert 'autocomplete="one-time-code"' in asked.text
    assert wrong.status_code == 401
    assert (right.status_code, right.headers["location"], me.status_code) == (303, "/users", 200)


async def test_a_code_opens_once(console: Console, app: Starlette, clock: HandClock) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    totp, _ = await _set_up(await sign_in(app, user), clock)
    used_at_set_up = totp.at(clock())
    clock.advance(timedelta(seconds=60))
    code = totp.at(clock())

    answers = await asyncio.gather(*(_ask(app, user, code) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]
    assert (await _ask(app, user, used_at_set_up)).json()["code"] == "second_factor_refused"
    assert (await _ask(app, user)).json()["code"] == "second_factor_needed"


async def test_codes_are_tried_a_few_times_only(console: Console, app: Starlette, clock: HandClock) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    totp, _ = await _set_up(await sign_in(app, user), clock)
    clock.advance(timedelta(seconds=60))
    for number in range(MOST_PER_USER):
        assert (await _ask(app, user, f"00000{number}")).status_code == 401

    throttled = await _ask(app, user, totp.at(clock()))
    clock.advance(WINDOW + timedelta(seconds=30))

    assert throttled.json()["code"] == "sign_in_throttled"
    assert (await _ask(app, user, totp.at(clock()))).status_code == 201


async def test_a_recovery_code_opens_once_and_none_is_kept_as_it_is(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    totp, recovery = await _set_up(await sign_in(app, user), clock)

    assert len(set(recovery)) == 10
    assert (await _ask(app, user, recovery[0].upper().replace("-", " "))).status_code == 201
    assert (await _ask(app, user, recovery[0])).status_code == 401
    async with console.database.read() as connection:
        kept = str([(await connection.execute(select(table))).all() for table in (one_time_codes, recovery_codes)])
    assert not any(code in kept or code.replace("-", "") in kept for code in (*recovery, totp.secret))


async def test_anothers_recovery_code_opens_nothing(console: Console, app: Starlette, clock: HandClock) -> None:
    user, other = await hire(console, Role.VENDOR_SUPPORT), await hire(console, Role.VENDOR_OPERATOR)
    _, recovery = await _set_up(await sign_in(app, user), clock)
    await _set_up(await sign_in(app, other), clock)

    assert (await _ask(app, other, recovery[0])).status_code == 401
    assert (await _ask(app, user, recovery[0])).status_code == 201


async def test_an_old_session_or_token_changes_no_way_of_signing_in(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    client = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))
    clock.advance(timedelta(minutes=31))

    for method, path in (("POST", "/codes"), ("POST", "/recovery-codes"), ("POST", "/passkeys/options")):
        answer = await client.request(method, f"{ME}{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "proof_too_old"), path


async def test_whoever_lost_everything_is_helped_by_an_administrator(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    user = await hire(console, Role.ACCOUNT_VIEWER, nord)
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    stranger = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))
    client = await sign_in(app, user)
    await _set_up(client, clock)
    path = f"/api/v1/users/{user.id}/second-factors"

    assert (await stranger.delete(path)).json()["code"] == "user_unknown"
    assert (await admin.get(path)).json()["has_codes"] is True
    assert (await admin.delete(path)).status_code == 204
    assert (await client.get(ME)).status_code == 401
    assert (await _ask(app, user)).status_code == 201


async def test_an_account_may_ask_everybody_for_a_second_factor(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    user = await hire(console, Role.ACCOUNT_VIEWER, nord)
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    neighbour = await hire(console, Role.ACCOUNT_VIEWER, sud)
    await admin.put("/api/v1/sign-in-rules", json={"requires_second_factor": True})

    assert (await _ask(app, user)).json()["code"] == "second_factor_required"
    assert (await _ask(app, neighbour)).status_code == 201
    async with browse(app, user.email) as client:
        kept_out = await client.get("/devices")
        api = await client.get("/api/v1/devices")
        own = await client.get("/security")
        totp, _ = await _set_up(client, clock)
        let_in = await client.get("/devices")
    assert (kept_out.status_code, kept_out.headers["location"]) == (303, "/security")
    assert api.json()["code"] == "second_factor_required"
    assert (own.status_code, let_in.status_code) == (200, 200)
    clock.advance(timedelta(seconds=60))
    assert (await _ask(app, user, totp.at(clock()))).status_code == 201


async def test_the_page_sets_codes_up_with_a_picture_and_shows_recovery_codes_once(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    await open_account(console, "Nord")
    async with browse(app, user.email) as client:
        shown = await client.get("/security/codes", headers=DIALOG)
        secret = shown.text.partition('tabindex="0">')[2].partition("<")[0].replace(" ", "")
        wrong = await client.post("/security/codes", data={"code": "000000"}, headers=DIALOG)
        done = await client.post("/security/codes", data={"code": pyotp.TOTP(secret).at(clock())}, headers=DIALOG)
        page = await client.get("/security")
        await keep_form_secret(client)
        removed = await client.post("/security/codes/remove", headers=DIALOG)

    assert "<svg" in shown.text
    assert wrong.status_code == 401
    assert done.text.count("-") >= 30
    assert secret not in page.text
    assert removed.status_code == 204
    assert (await _ask(app, user)).status_code == 201
