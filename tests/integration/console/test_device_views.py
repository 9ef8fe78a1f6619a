"""The devices page: filters in the address, views kept by a person, and a command to all that a filter finds."""

import re

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.devices.saved_views import MOST_VIEWS
from cebox.console.state import Console
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box
from tests.integration.console.test_pages import browse

pytestmark = pytest.mark.anyio

_FRAGMENT = {"hx-request": "true", "hx-trigger": "filters"}
_LIVE = {"hx-request": "true", "hx-trigger": "device-list"}


@pytest.fixture
async def account(console: Console) -> Account:
    return await office.open_account(console, "Atelier Nord", office.NEW)


@pytest.fixture
async def boxes(console: Console, app: Starlette, account: Account) -> list[ScriptedBox]:
    """alpha and bravo are behind, charlie is not, delta waits for a restart."""
    client = office.open_client(app)
    return [
        await add_box(console, client, account, "Alpha"),
        await add_box(console, client, account, "bravo"),
        await add_box(console, client, account, "charlie", running=str(office.NEW)),
        await add_box(console, client, account, "Delta", phase=BoxPhase.STAGED, staged=str(office.NEW)),
    ]


def _names(page: httpx.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r'<td class="t w"><a href="/devices/dev_\w+">([^<]+)</a>', page.text)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("", ["Alpha", "bravo", "charlie", "Delta"]),
        ("?order=-name", ["Delta", "charlie", "bravo", "Alpha"]),
        ("?version=behind", ["Alpha", "bravo", "Delta"]),
        (f"?version={office.NEW}", ["charlie"]),
        ("?phase=staged", ["Delta"]),
        ("?kind=wrs", []),
        ("?search=LPH", ["Alpha"]),
        ("?update=under_way", []),
        ("?update=attention", []),
        ("?version=behind&search=a&order=-name", ["Delta", "bravo", "Alpha"]),
        ("?version=latest&kind=toaster&on=perhaps&order=colour", ["Alpha", "bravo", "charlie", "Delta"]),
    ],
)
async def test_the_address_says_which_devices_are_shown(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox], address: str, names: list[str]
) -> None:
    async with browse(app, await office.hire(console, Role.ACCOUNT_VIEWER, account)) as client:
        assert _names(await client.get(f"/devices{address}")) == names


async def test_a_choice_stands_in_the_address_without_its_empty_fields_and_a_refresh_does_not(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    async with browse(app, await office.hire(console, Role.ACCOUNT_VIEWER, account)) as client:
        chosen = await client.get("/devices?search=&site=&version=behind&kind=&order=", headers=_FRAGMENT)
        refreshed = await client.get("/devices?version=behind", headers=_LIVE)
    assert chosen.headers["hx-push-url"] == "/devices?version=behind"
    assert "hx-push-url" not in refreshed.headers


async def test_columns_are_chosen_by_the_address(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    async with browse(app, await office.hire(console, Role.ACCOUNT_VIEWER, account)) as client:
        usual = await client.get("/devices")
        chosen = await client.get("/devices?columns=running.agent")
    assert "Dernier signe</a></th>" in usual.text.replace("\n", "")
    assert ">Agent</th>" not in usual.text
    assert ">Agent</th>" in chosen.text
    assert "Dernier signe</a></th>" not in chosen.text


async def test_a_view_is_kept_for_the_person_who_keeps_it(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    mine = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    other = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with browse(app, mine) as client, browse(app, other) as colleague:
        form = {"name": "Encore en retard", "query": "version=behind&order=-name&nonsense=1"}
        kept = await client.post("/devices/views/new", data=form, headers={"hx-request": "true"})
        again = await client.post("/devices/views/new", data=form, headers={"hx-request": "true"})
        page = await client.get("/devices")
        view = await client.get("/devices?version=behind&order=-name")
        theirs = await colleague.get("/devices")
        found = re.search(r"/devices/views/(\w+)/remove", (await client.get("/devices?version=behind")).text)
        (view_id,) = set(re.findall(r'hx-post="/devices/views/(\w+)/remove"', view.text)) or {""}
        stolen = await colleague.post(f"/devices/views/{view_id}/remove", headers={"hx-request": "true"})
        removed = await client.post(f"/devices/views/{view_id}/remove", headers={"hx-request": "true"})
        after = await client.get("/devices")
    assert (kept.status_code, again.status_code) == (204, 204)
    assert page.text.count("Encore en retard") == 1
    assert 'href="/devices?version=behind&amp;order=-name"' in page.text
    assert found is None, "the built-in view of the same filters comes first"
    assert "Encore en retard" not in theirs.text
    assert (stolen.status_code, removed.status_code) == (404, 204)
    assert "Encore en retard" not in after.text


async def test_a_person_keeps_a_bounded_number_of_views_with_a_name_each(
    console: Console, app: Starlette, account: Account
) -> None:
    async with browse(app, await office.hire(console, Role.ACCOUNT_VIEWER, account)) as client:
        for number in range(MOST_VIEWS):
            await client.post("/devices/views/new", data={"name": f"view {number}", "query": "on=1"})
        headers = {"hx-request": "true", "hx-target": "refusal"}
        one_more = await client.post("/devices/views/new", data={"name": "more", "query": "on=1"}, headers=headers)
        nameless = await client.post("/devices/views/new", data={"name": " ", "query": "on=1"}, headers=headers)
    assert (one_more.status_code, nameless.status_code) == (409, 422)
    assert "autant de vues" in one_more.text


async def test_a_command_to_all_that_a_filter_finds_leaves_out_the_unticked(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    alpha, bravo, charlie, _delta = boxes
    async with browse(app, await office.hire(console, Role.ACCOUNT_OPERATOR, account)) as client:
        form = {"kind": "reboot", "where": "version=behind", "but": bravo.device_id}
        preview = await client.post("/devices/command/forecast", data=form, headers={"hx-request": "true"})
        sent = await client.post("/devices/command", data=form | {"expected": "2"}, headers={"hx-request": "true"})
    assert "2 périphériques" in preview.text
    assert 'name="expected" value="2"' in preview.text
    assert sent.status_code == 204
    orders = [[order.kind for order in (await box.sync()).orders] for box in (alpha, bravo, charlie)]
    assert orders == [["reboot"], [], []]


async def test_a_filter_that_meanwhile_finds_others_is_shown_again_and_sends_nothing(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    async with browse(app, await office.hire(console, Role.ACCOUNT_OPERATOR, account)) as client:
        form = {"kind": "update", "where": "version=behind", "expected": "2"}
        answer = await client.post("/devices/command", data=form, headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-retarget"]) == (409, "#dialog")
    assert "La situation a changé depuis l’aperçu." in answer.text
    assert 'name="expected" value="3"' in answer.text
    assert (await boxes[0].sync()).orders == ()


async def test_a_filter_finds_only_devices_of_the_readers_account(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    foreign = await office.open_account(console, "Clinique Sud", office.NEW)
    stranger = await add_box(console, office.open_client(app), foreign, "stranger")
    async with browse(app, await office.hire(console, Role.ACCOUNT_OPERATOR, account)) as client:
        form = {"kind": "reboot", "where": "", "expected": "4"}
        answer = await client.post("/devices/command", data=form, headers={"hx-request": "true"})
    assert answer.status_code == 204
    assert (await stranger.sync()).orders == ()


async def test_pages_go_on_and_back(console: Console, app: Starlette, account: Account) -> None:
    client = office.open_client(app)
    for number in range(52):
        await add_box(console, client, account, f"box-{number:03}")
    async with browse(app, await office.hire(console, Role.ACCOUNT_VIEWER, account)) as reader:
        first = await reader.get("/devices")
        on = re.search(r'id="next" href="([^"]+)"', first.text)
        assert on
        second = await reader.get(on[1].replace("&amp;", "&"))
        back = re.search(r'id="previous" href="([^"]+)"', second.text)
        assert back
        again = await reader.get(back[1].replace("&amp;", "&"))
    assert "1 à 50 sur 52" in first.text
    assert _names(second) == ["box-050", "box-051"]
    assert "51 à 52 sur 52" in second.text
    assert _names(again) == _names(first)
    assert 'id="previous"' not in again.text


async def test_a_device_page_says_what_changes_on_the_way(
    console: Console, app: Starlette, account: Account, boxes: list[ScriptedBox]
) -> None:
    async with browse(app, await office.hire(console, Role.ACCOUNT_VIEWER, account)) as client:
        behind = await client.get(f"/devices/{boxes[0].device_id}")
        whole = await client.get(f"/releases/{office.NEW}?from={office.OLD}")
        there = await client.get(f"/devices/{boxes[2].device_id}")
        past = await client.get(f"/devices/{boxes[0].device_id}?history=updates")
    assert "6.1.147-1 → <b>6.1.153-1</b>" in behind.text
    assert behind.text.index("linux-image-amd64") < behind.text.index("cebox-workspace")
    assert "pcscd" in whole.text
    assert "Ce qui change" not in there.text
    assert "Enrôlement dans le compte" in behind.text
    assert "Enrôlement dans le compte" not in past.text
