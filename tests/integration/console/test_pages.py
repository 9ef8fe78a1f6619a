"""The pages over HTTP: who may open and change what, in which language, and how a refusal looks."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from cebox.console.accounts.records import Account
from cebox.console.gate import FORM_SECRET_HEADER
from cebox.console.identity.records import User
from cebox.console.state import Console
from cebox.console.web import routes
from cebox.domain.role import VENDOR_ROLES, Role
from tests.integration.console import office
from tests.integration.console.box import add_box

pytestmark = pytest.mark.anyio

PAGES = [
    "/",
    "/dashboard",
    "/devices",
    "/procedure",
    "/account",
    "/sites",
    "/releases",
    "/announcements",
    "/keys",
    "/journal",
    "/users",
]
_OPEN = {
    "/static/{path:path}",
    "/sign-in",
    "/sign-in/second",
    "/sign-in/second/passkey",
    "/sign-in/second/passkey/options",
    "/sign-in/passkey",
    "/sign-in/passkey/options",
    "/sign-in/oidc",
    "/sign-in/oidc/back",
    "/welcome/{secret}",
    "/announcements/unsubscribe",
}
_OWN_BUSINESS = {
    "/sign-out",
    "/preferences",
    "/announcements/preferences",
    "/devices/views/new",
    "/devices/views/{view_id}/remove",
}


def _is_own_business(path: str) -> bool:
    return path in _OPEN | _OWN_BUSINESS or path.startswith(("/security/", "/prove"))


@asynccontextmanager
async def browse(app: Starlette, user: User) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's session of `user`, which sends its form secret with every request as the pages do."""
    async with office.open_client(app) as client:
        answer = await client.post("/sign-in", data={"email": user.email, "password": office.PASSWORD, "next": "/"})
        assert answer.status_code == 303, answer.text
        page = await client.get("/devices")
        found = re.search(r'"X-CSRF-Token": "(\w+)"', page.text)
        assert found, page.text
        client.headers[FORM_SECRET_HEADER] = found[1]
        yield client


@pytest.fixture
async def account(console: Console) -> Account:
    return await office.open_account(console, "Atelier Nord", office.OLD)


def _list_routes(console: Console) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for route in routes.build_routes(console):
        assert isinstance(route, Route)
        found.extend((method, route.path) for method in sorted(route.methods or ()) if method != "HEAD")
    return found


async def test_nobody_opens_a_page_without_signing_in(console: Console, app: Starlette) -> None:
    async with office.open_client(app) as stranger:
        for method, path in _list_routes(console):
            if path in _OPEN:
                continue
            answer = await stranger.request(method, re.sub(r"{\w+}", "x", path))
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), path


async def test_a_viewer_changes_nothing_on_any_page(console: Console, app: Starlette, account: Account) -> None:
    viewer = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with browse(app, viewer) as client:
        for method, path in _list_routes(console):
            if method == "POST" and not _is_own_business(path):
                answer = await client.post(re.sub(r"{\w+}", "x", path))
                assert answer.status_code == 403, path


async def test_the_support_changes_nothing_on_any_page(console: Console, app: Starlette, account: Account) -> None:
    support = await office.hire(console, Role.VENDOR_SUPPORT)
    async with browse(app, support) as client:
        for method, path in _list_routes(console):
            if method == "POST" and not _is_own_business(path):
                answer = await client.post(re.sub(r"{\w+}", "x", path))
                assert answer.status_code == 403, path
        page = await client.get("/devices")
        assert "Lecture seule" in page.text
        assert account.name in page.text


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_page_opens_for_every_role_in_both_languages(
    console: Console, app: Starlette, account: Account, role: Role, language: str
) -> None:
    user = await office.hire(console, role, None if role in VENDOR_ROLES else account)
    async with browse(app, user) as client:
        await client.post("/preferences", data={"language": language, "back": "/devices"})
        for path in [*PAGES, "/accounts", f"/releases/{office.NEW}"]:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert f'<html lang="{language}"' in answer.text
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/account/tag", "/account/migration", "/accounts/new", "/sites/new", "/keys/new"])
async def test_a_dialog_opens_alone_and_in_a_page(
    console: Console, app: Starlette, account: Account, path: str
) -> None:
    operator = await office.hire(console, Role.VENDOR_OPERATOR)
    async with browse(app, operator) as client:
        alone = await client.get(path, headers={"hx-request": "true", "hx-target": "dialog"})
        in_a_page = await client.get(path)
    assert (alone.status_code, in_a_page.status_code) == (200, 200)
    assert "<html" not in alone.text
    assert "<html" in in_a_page.text


async def test_a_change_without_the_sessions_form_secret_is_refused(
    console: Console, app: Starlette, account: Account
) -> None:
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with browse(app, admin) as client:
        for secret in ("", "0" * 64):
            client.headers[FORM_SECRET_HEADER] = secret
            answer = await client.post("/sites/new", data={"name": "Lille"})
            assert answer.status_code == 403
        assert "Lille" not in (await client.get("/sites")).text


async def test_a_sign_in_from_another_site_is_refused(console: Console, app: Starlette, account: Account) -> None:
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    form = {"email": admin.email, "password": office.PASSWORD}
    async with office.open_client(app) as client:
        answer = await client.post("/sign-in", data=form, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_a_wrong_password_says_no_more_than_an_unknown_address(
    console: Console, app: Starlette, account: Account
) -> None:
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with office.open_client(app) as client:
        wrong = await client.post("/sign-in", data={"email": admin.email, "password": "not this one"})
        unknown = await client.post("/sign-in", data={"email": "x" + admin.email, "password": "not this one"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text.replace(admin.email, "") == unknown.text.replace("x" + admin.email, "")


async def test_another_accounts_page_is_unknown_to_a_customer(
    console: Console, app: Starlette, account: Account
) -> None:
    other = await office.open_account(console, "Clinique Sud", office.OLD)
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with browse(app, admin) as client:
        for path in (f"/devices?account={other.id}", "/devices/dev_0000000000000000", "/events?device=dev_0"):
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert other.name not in answer.text


async def test_a_refusal_in_a_dialog_is_said_in_the_readers_language(
    console: Console, app: Starlette, account: Account
) -> None:
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with browse(app, admin) as client:
        form = {"name": "Lyon", "networks": "10.20.4.1/24"}
        headers = {"hx-request": "true", "hx-target": "refusal"}
        french = await client.post("/sites/new", data=form, headers=headers)
        await client.post("/preferences", data={"language": "en", "back": "/"})
        english = await client.post("/sites/new", data=form, headers=headers)
    assert (french.status_code, english.status_code) == (422, 422)
    assert "pas un réseau" in french.text
    assert "not a network" in english.text


async def test_a_migration_from_the_page_changes_the_account_and_says_so(
    console: Console, app: Starlette, account: Account
) -> None:
    operator = await office.hire(console, Role.VENDOR_OPERATOR)
    async with browse(app, operator) as client:
        preview = await client.get(f"/account/migration?version={office.NEW}", headers={"hx-request": "true"})
        form = {"version": str(office.NEW)}
        answer = await client.post("/account/migration", data=form, headers={"hx-request": "true"})
        page = await client.get("/procedure")
    assert f"Migrer {account.name} en {office.NEW}" in preview.text
    assert answer.status_code == 204
    assert str(office.NEW) in answer.headers["hx-trigger"]
    assert f"Compte en {office.NEW}" in page.text


async def test_a_keys_token_is_shown_once(console: Console, app: Starlette, account: Account) -> None:
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    form = {"name": "Lyon 3", "kind": "cebox", "site": "", "uses": "5", "days": "30"}
    async with browse(app, admin) as client:
        made = await client.post("/keys/new", data=form, headers={"hx-request": "true"})
        token = re.search(r"cbk_[\w-]+", made.text)
        page = await client.get("/keys")
    assert token
    assert "Lyon 3" in page.text
    assert token[0] not in page.text


async def test_a_device_is_removed_after_it_was_asked_whether(
    console: Console, app: Starlette, account: Account
) -> None:
    box = await add_box(console, office.open_client(app), account)
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with browse(app, admin) as client:
        asked = await client.get(f"/devices/{box.device_id}/remove", headers={"hx-request": "true"})
        still_there = await client.get(f"/devices/{box.device_id}")
        done = await client.post(f"/devices/{box.device_id}/remove", headers={"hx-request": "true"})
        gone = await client.get(f"/devices/{box.device_id}")
    assert box.name in asked.text
    assert still_there.status_code == 200
    assert done.status_code < 300
    assert gone.status_code == 404


async def test_a_sign_out_ends_the_session(console: Console, app: Starlette, account: Account) -> None:
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with browse(app, admin) as client:
        kept = dict(client.cookies)
        await client.post("/sign-out")
        client.cookies.update(kept)
        answer = await client.get("/devices")
    assert answer.status_code == 303


async def test_files_are_served_from_their_folder_only(app: Starlette) -> None:
    async with office.open_client(app) as client:
        good = await client.get("/static/console.css")
        bad = [
            await client.get(path)
            for path in ("/static/..%2fwords.py", "/static/%2e%2e/words.py", "/static/vendor", "/static//etc/passwd")
        ]
    assert good.status_code == 200
    assert {answer.status_code for answer in bad} == {404}
