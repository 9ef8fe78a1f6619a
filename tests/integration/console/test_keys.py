"""Installation keys: made, used up, raced for, revoked, out of date after a migration (R13)."""

import asyncio
import re
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.access import Caller
from cebox.console.keys.service import KeyService, find_key_by_token, use_key
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.key import Key
from cebox.domain.role import Role
from cebox.errors import NotAuthenticated, NotPermitted
from tests.integration.console.box import ScriptedBox
from tests.integration.console.office import (
    NEW,
    add_site,
    hire,
    make_key,
    migrate,
    open_account,
    open_client,
    sign_in,
)
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


async def _use(console: Console, token: str) -> Key:
    async with console.database.write() as unit:
        key = await find_key_by_token(unit.connection, token)
        assert key is not None
        await use_key(unit, key, now=console.clock())
        return key


async def _try(console: Console, token: str) -> str:
    """`used`, or the code of the refusal."""
    try:
        await _use(console, token)
    except NotAuthenticated as error:
        return error.code
    return "used"


async def test_a_key_is_used_as_often_as_it_may_be(console: Console) -> None:
    _, token = await make_key(console, await open_account(console, "Nord"), uses=2)

    assert [await _try(console, token) for _ in range(3)] == ["used", "used", "key_used_up"]


async def test_two_machines_cannot_share_the_last_use(console: Console) -> None:
    _, token = await make_key(console, await open_account(console, "Nord"), uses=3)

    outcomes = await asyncio.gather(*(_try(console, token) for _ in range(8)))

    assert sorted(outcomes) == ["key_used_up"] * 5 + ["used"] * 3


async def test_an_enrolment_that_fails_gives_its_use_back(console: Console) -> None:
    _, token = await make_key(console, await open_account(console, "Nord"))

    async def use_and_fail() -> None:
        async with console.database.write() as unit:
            key = await find_key_by_token(unit.connection, token)
            assert key is not None
            await use_key(unit, key, now=console.clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use_and_fail()

    assert await _try(console, token) == "used"


async def test_an_expired_key_is_refused(console: Console, clock: HandClock) -> None:
    _, token = await make_key(console, await open_account(console, "Nord"))
    clock.advance(timedelta(days=30))

    assert await _try(console, token) == "key_expired"


async def test_a_revoked_key_is_refused_and_revoking_twice_is_once(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    made = (await admin.post("/api/v1/keys", json={"name": "Lyon, April"})).json()

    first = await admin.delete(f"/api/v1/keys/{made['id']}")
    second = await admin.delete(f"/api/v1/keys/{made['id']}")

    assert first.status_code == second.status_code == 204
    assert await _try(console, made["token"]) == "key_revoked"
    verbs = [entry["verb"] for entry in (await admin.get("/api/v1/journal")).json()["items"]]
    assert verbs.count("key_revoked") == 1


async def test_a_token_nobody_made_belongs_to_no_key(console: Console) -> None:
    async with console.database.read() as connection:
        assert await find_key_by_token(connection, "cbk_\udcffnothing") is None


async def test_a_migration_marks_the_old_keys_out_of_date(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    await admin.post("/api/v1/keys", json={"name": "before"})
    await migrate(console, nord.id, NEW)
    await admin.post("/api/v1/keys", json={"name": "after"})

    keys = (await admin.get("/api/v1/keys")).json()["items"]

    assert {key["name"]: (key["version"], key["is_out_of_date"]) for key in keys} == {
        "before": ("2026.10.1", True),
        "after": ("2026.11.1", False),
    }


async def test_the_token_is_shown_once_and_kept_as_a_hash(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))

    made = (await admin.post("/api/v1/keys", json={"name": "Lyon"})).json()

    assert made["token"].startswith("cbk_")
    assert made["token"] not in (await admin.get("/api/v1/keys")).text
    assert made["token"] not in (await admin.get("/api/v1/journal")).text


async def test_a_key_for_a_wrs_names_its_site(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    site = await add_site(console, nord)
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))

    without = await admin.post("/api/v1/keys", json={"name": "WRS", "kind": "wrs"})
    with_site = await admin.post("/api/v1/keys", json={"name": "WRS", "kind": "wrs", "site_id": site.id})

    assert (without.status_code, without.json()["code"]) == (422, "wrs_needs_site")
    assert with_site.status_code == 201


@pytest.mark.parametrize("role", [Role.ACCOUNT_OPERATOR, Role.ACCOUNT_VIEWER])
async def test_only_an_administrator_makes_and_revokes_keys(console: Console, role: Role) -> None:
    nord = await open_account(console, "Nord")
    key, _ = await make_key(console, nord)
    async with console.database.write() as unit:
        keys = KeyService(unit, Caller("usr_1", "a@b.example", "A", role, nord.id), console.clock)
        with pytest.raises(NotPermitted):
            await keys.create_key(nord.id, "Key", DeviceKind.CEBOX)
        with pytest.raises(NotPermitted):
            await keys.revoke_key(key.id)


async def test_a_key_shows_who_made_it_and_which_devices_used_it(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    nord = await open_account(console, "Nord")
    boss = await hire(console, Role.ACCOUNT_ADMIN, nord)
    admin = await sign_in(app, boss)
    made = (await admin.post("/api/v1/keys", json={"name": "Lyon", "uses": 20})).json()
    clock.advance(timedelta(seconds=1))
    await admin.post("/api/v1/keys", json={"name": "unused"})
    for number in range(12):
        await ScriptedBox(open_client(app), clock, DeviceKind.CEBOX, f"poste-{number:02}").enrol(made["token"])

    unused, used = (await admin.get("/api/v1/keys")).json()["items"]

    assert (used["created_by_name"], used["used_count"], used["uses_left"]) == (boss.name, 12, 8)
    assert len(used["used_by"]) == 10
    assert {use["name"] for use in used["used_by"]} <= {f"poste-{number:02}" for number in range(12)}
    assert (unused["used_count"], unused["used_by"]) == (0, [])


async def test_where_a_keys_release_comes_from_is_told_to_whoever_makes_a_stick(
    console: Console, app: Starlette
) -> None:
    viewer = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, await open_account(console, "Nord")))

    source = (await viewer.get("/api/v1/keys/source")).json()

    assert source == {
        "repository_url": console.settings.public_repository_url,
        "console_url": console.settings.public_url,
    }


async def test_a_key_out_of_date_is_made_again_like_the_old_one(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    site = await add_site(console, nord)
    old, old_token = await make_key(console, nord, uses=20, site_id=site.id)
    await _use(console, old_token)
    await migrate(console, nord.id, NEW)
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    stranger = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))

    foreign = await stranger.post(f"/api/v1/keys/{old.id}/remake", json={})
    made = await admin.post(f"/api/v1/keys/{old.id}/remake", json={"revoke": True})

    keys = {one["id"]: one for one in (await admin.get("/api/v1/keys")).json()["items"]}
    new = keys[made.json()["id"]]
    assert (foreign.status_code, foreign.json()["code"]) == (404, "key_unknown")
    assert (new["version"], new["uses"], new["uses_left"], new["site_id"]) == (str(NEW), 20, 20, site.id)
    assert (new["is_out_of_date"], keys[old.id]["is_out_of_date"]) == (False, True)
    assert await _try(console, old_token) == "key_revoked"
    assert await _try(console, made.json()["token"]) == "used"


async def test_the_page_makes_all_keys_that_are_out_of_date_again_at_once(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    old = [(await make_key(console, nord, uses=number))[0] for number in (1, 5)]
    await migrate(console, nord.id, NEW)
    async with browse(app, await hire(console, Role.ACCOUNT_ADMIN, nord)) as client:
        page = await client.get("/keys")
        [address] = re.findall(r'hx-get="(/keys/remake\?[^"]*&amp;[^"]*)"', page.text)
        asked = await client.get(address.replace("&amp;", "&"))
        made = await client.post("/keys/remake", data={"key": [key.id for key in old]})
        again = await client.get("/keys")

    assert "Refaire les 2 en" in page.text
    assert "Refaire 2 clés en" in asked.text
    assert len(set(re.findall(r"cbk_[\w-]+", made.text))) == 2
    assert again.text.count("0 sur 5") == 2
    assert "cbk_" not in again.text
