"""The notice before a restart or shutdown: who sets it, who is told, and what the pages say of it."""

import asyncio
import secrets

import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.state import Console
from cebox.domain.role import Role
from cebox.protocol.device import Settings
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box, wait_for_waiters
from tests.integration.console.test_pages import browse

pytestmark = pytest.mark.anyio

LONG = {"countdown_minutes": 15, "postpone_minutes": 120, "most_postponements": 1}
LONG_TOLD = Settings(countdown_seconds=900, postpone_seconds=7200, most_postponements=1)


@pytest.fixture
async def account(console: Console) -> Account:
    return await office.open_account(console, "Atelier Nord", office.NEW)


@pytest.fixture
async def box(console: Console, app: Starlette, account: Account) -> ScriptedBox:
    box = await add_box(console, office.open_client(app), account)
    await box.sync()
    return box


async def give_notice(console: Console, app: Starlette, account: Account, body: dict[str, int]) -> None:
    email = f"{secrets.token_hex(4)}@nord.example"
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, account, email=email)
    async with await office.sign_in(app, administrator) as client:
        answer = await client.put(f"/api/v1/accounts/{account.id}/notice", json=body)
    assert (answer.status_code, answer.json()) == (200, body)


async def test_a_box_is_told_its_accounts_notice_with_a_site_or_without(
    console: Console, app: Starlette, account: Account, box: ScriptedBox
) -> None:
    assert (await box.sync()).settings == Settings()
    site = await office.add_site(console, account)
    on_site = await add_box(console, office.open_client(app), account, site_id=site.id)
    await give_notice(console, app, account, LONG)

    assert (await box.sync()).settings == LONG_TOLD
    assert (await on_site.sync(place="site")).settings == LONG_TOLD


async def test_a_box_that_waits_for_news_is_told_at_once(
    console: Console, app: Starlette, account: Account, box: ScriptedBox
) -> None:
    await box.sync()
    held = asyncio.create_task(box.sync(wait=50))
    await wait_for_waiters(console, 1)
    await give_notice(console, app, account, LONG)

    assert (await asyncio.wait_for(held, 10)).settings == LONG_TOLD


async def test_another_accounts_boxes_keep_theirs(console: Console, app: Starlette, account: Account) -> None:
    sud = await office.open_account(console, "Clinique Sud", office.NEW)
    other = await add_box(console, office.open_client(app), sud)
    await give_notice(console, app, account, LONG)

    assert (await other.sync()).settings == Settings()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"countdown_minutes": 61}, "countdown_out_of_range"),
        ({"countdown_minutes": -1}, "countdown_out_of_range"),
        ({"postpone_minutes": 4}, "postponement_out_of_range"),
        ({"most_postponements": 10**30}, "too_many_postponements"),
        ({"countdown_minutes": "soon"}, "request_malformed"),
        ({"countdown_minutes": None}, "request_malformed"),
        ({"countdown": 5}, "request_malformed"),
    ],
)
async def test_what_is_no_notice_is_refused(
    change: dict[str, object], code: str, console: Console, app: Starlette, account: Account
) -> None:
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with await office.sign_in(app, administrator) as client:
        answer = await client.put(f"/api/v1/accounts/{account.id}/notice", json=LONG | change)
        kept = (await client.get(f"/api/v1/accounts/{account.id}/notice")).json()

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert kept == {"countdown_minutes": 5, "postpone_minutes": 30, "most_postponements": 3}


async def test_only_who_administers_the_account_sets_its_notice(
    console: Console, app: Starlette, account: Account
) -> None:
    stranger = await office.open_account(console, "Clinique Sud", office.NEW)
    for role, of, status in (
        (Role.ACCOUNT_OPERATOR, account, 403),
        (Role.VENDOR_SUPPORT, None, 403),
        (Role.ACCOUNT_ADMIN, stranger, 404),
        (Role.VENDOR_OPERATOR, None, 200),
    ):
        async with await office.sign_in(app, await office.hire(console, role, of)) as client:
            answer = await client.put(f"/api/v1/accounts/{account.id}/notice", json=LONG)
            assert answer.status_code == status, role


async def test_a_change_stands_in_the_journal_once(console: Console, app: Starlette, account: Account) -> None:
    await give_notice(console, app, account, LONG)
    await give_notice(console, app, account, LONG)
    viewer = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with await office.sign_in(app, viewer) as client:
        entries = (await client.get("/api/v1/journal")).json()["items"]
        shown = (await client.get(f"/api/v1/accounts/{account.id}")).json()["notice"]
    async with browse(app, viewer) as client:
        journal = (await client.get("/journal")).text

    (entry,) = [one for one in entries if one["verb"] == "notice_changed"]
    assert (entry["subject"], entry["facts"], shown) == (account.id, LONG, LONG)
    assert "Préavis de redémarrage modifié" in journal
    assert "minutes par report <b>120</b>" in journal


async def test_an_administrator_sets_it_on_the_page_and_the_dialogs_say_it(
    console: Console, app: Starlette, account: Account, box: ScriptedBox
) -> None:
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    fragment = {"hx-request": "true", "hx-target": "refusal"}
    wanted = {"countdown": "10", "postponement": "60", "times": "2"}
    async with browse(app, administrator) as client:
        wrong = await client.post("/account/notice", data=wanted | {"postponement": "2 h"}, headers=fragment)
        changed = await client.post("/account/notice", data=wanted, headers=fragment)
        page = (await client.get("/account")).text
        dialog = (await client.get("/account/notice")).text
        restart = (await client.get(f"/devices/{box.device_id}/power?kind=reboot")).text
        many = await client.post("/devices/command/forecast", data={"kind": "shutdown", "device": box.device_id})

    said = "prévenue 10\u00a0min avant et peut le reporter 2 fois, de 1\u00a0h chaque fois."
    assert (wrong.status_code, "Cette durée de report ne peut pas être utilisée." in wrong.text) == (422, True)
    assert changed.status_code == 204
    assert 'name="postponement" value="60"' in dialog
    for text in (page, restart, many.text):
        assert said in text
    assert (await box.sync()).settings.countdown_seconds == 600


async def test_a_viewer_reads_the_notice_and_is_offered_no_change(
    console: Console, app: Starlette, account: Account
) -> None:
    viewer = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with browse(app, viewer) as client:
        page = (await client.get("/account")).text
        dialog = await client.get("/account/notice")

    assert "La personne connectée est prévenue 5\u00a0min avant" in page
    assert "Modifier le préavis" not in page
    assert dialog.status_code == 403
