"""Sessions seen and ended; tokens that may less than their user."""

from datetime import timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.browsing import DIALOG, browse
from tests.integration.console.office import NEW, PASSWORD, hire, open_account, open_client, sign_in
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

ME = "/api/v1/me"


async def _token(app: Starlette, email: str, scope: str) -> str:
    async with open_client(app) as nobody:
        body = {"email": email, "password": PASSWORD, "scope": scope}
        return str((await nobody.post("/api/v1/tokens", json=body)).json()["token"])


async def test_a_user_sees_their_sessions_and_ends_the_others(console: Console, app: Starlette) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    async with browse(app, user.email) as here, browse(app, user.email) as there:
        listed = (await here.get(f"{ME}/sessions")).json()["items"]
        other = next(one for one in listed if not one["is_this"])
        assert [one["method"] for one in listed] == ["password", "password"]
        assert other["address"] == "127.0.0.1"
        assert (await here.delete(f"{ME}/sessions/{other['id']}")).status_code == 204
        assert (await here.delete(f"{ME}/sessions/{other['id']}")).json()["code"] == "session_unknown"
        assert (await there.get(ME)).status_code == 401
        async with browse(app, user.email) as third:
            assert (await here.delete(f"{ME}/sessions")).status_code == 204
            assert (await third.get(ME)).status_code == 401
        assert (await here.get(ME)).status_code == 200


async def test_an_administrator_ends_sessions_and_tokens_of_their_own_people_only(
    console: Console, app: Starlette
) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    user = await hire(console, Role.ACCOUNT_VIEWER, nord)
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    stranger = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))
    viewer = await sign_in(app, user)
    base = f"/api/v1/users/{user.id}"
    async with browse(app, user.email) as browser:
        for kind in ("sessions", "tokens"):
            one = (await admin.get(f"{base}/{kind}")).json()["items"][0]
            assert (await stranger.get(f"{base}/{kind}")).json()["code"] == "user_unknown"
            assert (await stranger.delete(f"{base}/{kind}/{one['id']}")).json()["code"] == "user_unknown"
            assert (await viewer.get(f"{base}/{kind}")).json()["code"] == "role_may_not"
            assert (await admin.delete(f"{base}/{kind}/{one['id']}")).status_code == 204
        assert (await browser.get(ME)).status_code == 401
    assert (await viewer.get(ME)).status_code == 401


@pytest.mark.parametrize("session_id", ["ses_", "ses_%", "ses_________________", "%", "ses_0123456789abcde%", "x" * 64])
async def test_an_id_that_is_none_ends_no_session(console: Console, app: Starlette, session_id: str) -> None:
    user = await hire(console, Role.VENDOR_SUPPORT)
    client = await sign_in(app, user)
    async with browse(app, user.email) as browser:
        assert (await client.request("DELETE", f"{ME}/sessions/{session_id}")).status_code in (404, 422)
        assert (await browser.get(ME)).status_code == 200


async def test_a_token_may_what_its_scope_and_its_user_may(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    user = await hire(console, Role.ACCOUNT_ADMIN, nord)
    body = {"name": "Lyon"}
    for scope, permissions, code in (
        ("read", ["view"], "token_scope_too_narrow"),
        ("act", ["view", "act"], "token_scope_too_narrow"),
        ("manage", ["view", "act", "administer"], ""),
    ):
        async with open_client(app, await _token(app, user.email, scope)) as client:
            assert (await client.get(ME)).json()["permissions"] == permissions
            assert (await client.post("/api/v1/sites", json=body)).json().get("code", "") == code
            assert (await client.post("/api/v1/accounts", json={"name": "X", "version": str(NEW)})).status_code == 403


async def test_a_narrow_token_changes_nothing_of_its_users(console: Console, app: Starlette) -> None:
    user = await hire(console, Role.VENDOR_OPERATOR)
    async with open_client(app, await _token(app, user.email, "read")) as client:
        for method, path, body in (
            ("PATCH", ME, {"theme": "dark"}),
            ("POST", f"{ME}/password", {"current": PASSWORD, "new": "another good one"}),
            ("POST", f"{ME}/codes", None),
            ("POST", f"{ME}/tokens", {"name": "wider", "scope": "manage"}),
            ("DELETE", f"{ME}/sessions", None),
        ):
            answer = await client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "token_scope_too_narrow"), path


async def test_a_token_is_made_by_a_recent_session_and_shown_once(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    user = await hire(console, Role.VENDOR_OPERATOR)
    await open_account(console, "Nord")
    async with browse(app, user.email) as client:
        form = {"name": "monitoring", "scope": "read", "days": "30"}
        made = await client.post("/security/tokens/new", data=form, headers=DIALOG)
        secret = made.text.partition('aria-label="Jeton d’API">')[2].partition("<")[0]
        page = await client.get("/security")
        clock.advance(timedelta(minutes=31))
        refused = await client.post("/security/tokens/new", data=form, headers=DIALOG)

    assert secret.startswith("cbt_")
    assert "monitoring" in page.text
    assert secret not in page.text
    assert refused.status_code == 403
    async with open_client(app, secret) as program:
        assert (await program.get(ME)).json()["permissions"] == ["view"]
