"""Invitations and links for a new password: once, in time, for whom they are; and somebody always administers."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from cebox.console.identity.links import INVITATION_LIFETIME, PASSWORD_LIFETIME
from cebox.console.identity.tables import access_links
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.browsing import DIALOG, browse
from tests.integration.console.office import PASSWORD, hire, open_account, open_client, sign_in
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

INVITATIONS = "/api/v1/invitations"
NEW_PASSWORD = "battery staple horse"


async def _invite(admin: httpx.AsyncClient, email: str = "new@people.example", role: str = "account-viewer") -> str:
    answer = await admin.post(INVITATIONS, json={"email": email, "role": role})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["address"]).rpartition("/")[2]


async def _use(app: Starlette, secret: str, name: str = "Somebody New") -> httpx.Response:
    async with open_client(app) as stranger:
        body = {"secret": secret, "name": name, "password": NEW_PASSWORD}
        return await stranger.post("/api/v1/links/use", json=body)


async def test_an_invited_person_chooses_name_and_password_and_is_in(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    secret = await _invite(await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord)))
    async with open_client(app) as stranger:
        opened = [await stranger.get(f"/welcome/{secret}") for _ in range(2)]
        form = {"name": "Somebody New", "password": NEW_PASSWORD}
        done = await stranger.post(f"/welcome/{secret}", data=form)
        me = (await stranger.get("/api/v1/me")).json()

    assert [page.status_code for page in opened] == [200, 200]
    assert 'autocomplete="new-password"' in opened[0].text
    assert "referrer" in str(opened[0].headers).lower()
    assert done.status_code == 303
    assert (me["email"], me["role"], me["account_id"]) == ("new@people.example", "account-viewer", nord.id)
    assert (await _use(app, secret)).json()["code"] == "link_over"


async def test_of_two_who_open_a_link_at_once_one_gets_in(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    secret = await _invite(await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord)))

    answers = await asyncio.gather(*(_use(app, secret) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_link_ends_with_time_with_a_newer_one_and_when_it_is_revoked(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    replaced, other = await _invite(admin), await _invite(admin, "other@people.example")
    newer = await _invite(admin)
    listed = (await admin.get(INVITATIONS)).json()["items"]
    revoked = next(one for one in listed if one["email"] == "other@people.example")

    assert sorted(one["state"] for one in listed) == ["open", "open", "revoked"]
    assert (await admin.delete(f"{INVITATIONS}/{revoked['id']}")).status_code == 204
    for secret in (replaced, other):
        assert (await _use(app, secret)).json()["code"] == "link_over"
    assert (await _use(app, "made up")).json()["code"] == "link_unknown"
    clock.advance(INVITATION_LIFETIME)
    assert (await _use(app, newer)).json()["code"] == "link_over"


async def test_a_links_secret_is_shown_once_and_kept_nowhere(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    user = await hire(console, Role.ACCOUNT_ADMIN, nord)
    async with browse(app, user.email) as client:
        form = {"email": "new@people.example", "role": "account-viewer"}
        made = await client.post("/users/invite", data=form, headers=DIALOG)
        secret = re.search(r"/welcome/([\w-]{40,})", made.text)
        pages = [(await client.get(path)).text for path in ("/users", "/journal")]
    async with console.database.read() as connection:
        kept = str((await connection.execute(select(access_links))).all())

    assert secret
    assert all("new@people.example" in page for page in pages)
    assert not any(secret[1] in text for text in (*pages, kept))


async def test_an_administrator_invites_to_their_own_account_only(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    stranger = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))
    operator = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, nord))
    await _invite(admin)
    listed = (await admin.get(INVITATIONS)).json()["items"]

    for client, body, code in (
        (admin, {"email": "a@b.example", "role": "vendor-operator"}, "role_not_yours_to_give"),
        (admin, {"email": "a@b.example", "role": "account-viewer", "account_id": sud.id}, "account_unknown"),
        (operator, {"email": "a@b.example", "role": "account-viewer"}, "role_may_not"),
        (admin, {"email": f"account-operator@{nord.tag_name}.example", "role": "account-viewer"}, "user_exists"),
    ):
        assert (await client.post(INVITATIONS, json=body)).json()["code"] == code
    assert (await stranger.get(INVITATIONS)).json()["items"] == []
    assert (await stranger.delete(f"{INVITATIONS}/{listed[0]['id']}")).status_code == 404


async def test_inviting_does_not_tell_who_is_anothers_user(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    await hire(console, Role.ACCOUNT_VIEWER, sud, email="taken@people.example")

    secret = await _invite(admin, "taken@people.example")

    assert (await _use(app, secret)).json()["code"] == "user_exists"


async def test_a_link_for_a_new_password_ends_every_session(console: Console, app: Starlette, clock: HandClock) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    user = await hire(console, Role.ACCOUNT_VIEWER, nord)
    path = f"/api/v1/users/{user.id}/password-link"
    too_old = str((await admin.post(path)).json()["address"]).rpartition("/")[2]
    clock.advance(PASSWORD_LIFETIME)
    client = await sign_in(app, user)
    secret = str((await admin.post(path)).json()["address"]).rpartition("/")[2]

    assert (await client.get("/api/v1/me")).status_code == 200
    assert (await _use(app, too_old)).json()["code"] == "link_over"
    assert (await _use(app, secret)).status_code == 201
    assert (await client.get("/api/v1/me")).status_code == 401
    async with open_client(app) as nobody:
        for password, status in ((PASSWORD, 401), (NEW_PASSWORD, 201)):
            body = {"email": user.email, "password": password}
            assert (await nobody.post("/api/v1/tokens", json=body)).status_code == status


async def test_the_last_administrator_stays(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    first = await hire(console, Role.ACCOUNT_ADMIN, nord)
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))

    for change in ({"is_active": False}, {"role": "account-viewer"}):
        answer = await vendor.patch(f"/api/v1/users/{first.id}", json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")


async def test_of_two_administrators_who_put_each_other_out_one_remains(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    users = [await hire(console, Role.ACCOUNT_ADMIN, nord, email=f"{name}@nord.example") for name in "ab"]
    clients = [await sign_in(app, user) for user in users]

    answers = await asyncio.gather(
        *(
            client.patch(f"/api/v1/users/{other.id}", json={"role": "account-viewer"})
            for client, other in zip(clients, reversed(users), strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert sorted(answer.status_code for answer in answers)[1] in (403, 409)


async def test_a_dangerous_change_asks_again_who_it_is(console: Console, app: Starlette, clock: HandClock) -> None:
    nord = await open_account(console, "Nord")
    user = await hire(console, Role.ACCOUNT_ADMIN, nord)
    form = {"email": "new@people.example", "role": "account-viewer"}
    async with browse(app, user.email) as client:
        assert (await client.get("/users/invite", headers=DIALOG)).status_code == 200
        clock.advance(timedelta(minutes=16))
        refused = await client.get("/users/invite", headers={**DIALOG, "hx-current-url": "http://x/users?all=1"})
        in_time = await client.post("/users/invite", data=form, headers=DIALOG)
        clock.advance(timedelta(minutes=20))
        too_late = await client.post("/users/invite", data=form, headers=DIALOG)
        wrong = await client.post("/prove", data={"password": "not it at all", "next": "/users"})
        proved = await client.post("/prove", data={"password": PASSWORD, "next": "/users"})
        again = await client.get("/users/invite", headers=DIALOG)

    assert (refused.status_code, in_time.status_code, too_late.status_code) == (403, 200, 403)
    assert 'href="/prove?next=/users%3Fall%3D1"' in refused.text
    assert wrong.status_code == 401
    assert (proved.status_code, proved.headers["location"]) == (303, "/users")
    assert again.status_code == 200
