"""Starting a box over its site's network: the console picks the WRS, the box's own word is the proof."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.actions.jobs import expire_actions
from cebox.console.state import Console
from cebox.domain.action import START_DEADLINE
from cebox.domain.device import DeviceKind
from cebox.domain.role import Role
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

ADDRESS = "02:00:5e:10:00:07"


@dataclass
class Lyon:
    """A WRS that is on, a box that went off; and an operator of the account."""

    account: Account
    wrs: ScriptedBox
    box: ScriptedBox
    operator: httpx.AsyncClient

    async def ask(self, path: str = "actions", box: ScriptedBox | None = None) -> httpx.Response:
        return await self.operator.post(f"/api/v1/devices/{(box or self.box).device_id}/{path}", json={"kind": "start"})

    async def find_action(self) -> dict[str, Any]:
        action: dict[str, Any] = (
            await self.operator.get("/api/v1/actions", params={"device": self.box.device_id})
        ).json()["items"][0]
        return action


@pytest.fixture
async def lyon(console: Console, app: Starlette) -> AsyncIterator[Lyon]:
    account = await office.open_account(console, "Atelier Nord", office.NEW)
    site = await office.add_site(console, account)
    client = office.open_client(app)
    wrs = await add_box(
        console, client, account, "LYO-WRS", kind=DeviceKind.WRS, site_id=site.id, running=str(office.NEW)
    )
    await wrs.sync(served=str(office.NEW), server_url="http://10.20.4.2:8480")
    box = await add_box(console, client, account, "LYO-ACC-01", site_id=site.id, lan_addresses=(ADDRESS,))
    await box.sync(is_leaving=True)
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, account)
    async with await office.sign_in(app, operator) as signed_in:
        yield Lyon(account, wrs, box, signed_in)


async def test_the_wrs_is_told_the_addresses_and_the_box_that_comes_is_the_proof(lyon: Lyon) -> None:
    forecast = (await lyon.ask("preflight")).json()
    sent = (await lyon.ask()).json()
    told = await lyon.wrs.sync()
    waiting = await lyon.find_action()
    await lyon.wrs.report(ReportedEvent.REBOOT, sent["id"])
    called = await lyon.find_action()
    lyon.box.restart(is_leaving=False)
    answer = await lyon.box.sync()

    assert (forecast["admission"], forecast["findings"]) == ("send", [])
    assert forecast["through"] == {"device_id": lyon.wrs.device_id, "name": "LYO-WRS"}
    assert told.orders == (Order(id=sent["id"], kind="start", lan_addresses=(ADDRESS,)),)
    assert (waiting["state"], called["state"]) == ("sent", "rebooting")
    assert answer.orders == ()
    ended = await lyon.find_action()
    assert (ended["state"], ended["is_open"], ended["through_id"]) == ("done", False, lyon.wrs.device_id)


async def test_a_box_that_comes_on_before_the_wrs_has_said_anything_is_started_all_the_same(lyon: Lyon) -> None:
    await lyon.ask()
    await lyon.wrs.sync()
    lyon.box.restart(is_leaving=False)
    await lyon.box.sync()

    assert (await lyon.find_action())["state"] == "done"


async def test_a_box_that_does_not_come_on_in_time_has_failed(lyon: Lyon, console: Console, clock: HandClock) -> None:
    sent = (await lyon.ask()).json()
    await lyon.wrs.sync()
    await lyon.wrs.report(ReportedEvent.REBOOT, sent["id"])
    clock.advance(START_DEADLINE + timedelta(seconds=1))
    await expire_actions(console)

    failed = await lyon.find_action()
    assert (failed["state"], failed["code"]) == ("failed", "did_not_come_on")


async def test_an_older_wrs_refuses_what_it_does_not_know(lyon: Lyon) -> None:
    sent = (await lyon.ask()).json()
    await lyon.wrs.sync()
    await lyon.wrs.report(ReportedEvent.REFUSE, sent["id"], code="order_unknown")

    refused = await lyon.find_action()
    assert (refused["state"], refused["code"]) == ("refused", "order_unknown")


async def test_what_stands_in_the_way_is_a_refusal(lyon: Lyon, console: Console, app: Starlette) -> None:
    site_id = lyon.box.state.get("site_id")
    assert site_id is None
    telework = await add_box(console, office.open_client(app), lyon.account, "TT-01", lan_addresses=(ADDRESS,))
    on = await lyon.ask(box=telework)
    await telework.sync(is_leaving=True)
    alone = await lyon.ask(box=telework)
    await lyon.wrs.sync(is_leaving=True)
    without_wrs = await lyon.ask()

    assert [answer.status_code for answer in (on, alone, without_wrs)] == [409, 409, 409]
    assert [answer.json()["code"] for answer in (on, alone, without_wrs)] == [
        "already_on",
        "no_site_wrs",
        "site_wrs_off",
    ]


async def test_two_people_start_a_box_once(lyon: Lyon) -> None:
    assert (await lyon.ask()).status_code == 201
    again = await lyon.ask()
    assert (again.status_code, again.json()["code"]) == (409, "device_busy")


async def test_a_box_being_started_may_still_be_sent_an_update_for_its_next_start(lyon: Lyon) -> None:
    await lyon.ask()
    body = {"kind": "update", "at_next_start": True}
    answer = await lyon.operator.post(f"/api/v1/devices/{lyon.box.device_id}/actions", json=body)
    assert (answer.status_code, answer.json()["state"]) == (201, "waiting")


async def test_a_withdrawn_start_ends_at_once(lyon: Lyon) -> None:
    sent = (await lyon.ask()).json()
    await lyon.wrs.sync()
    ended = (await lyon.operator.post(f"/api/v1/actions/{sent['id']}/cancel")).json()
    told = await lyon.wrs.sync()

    assert (ended["state"], ended["is_open"]) == ("cancelled", False)
    assert (told.orders, told.cancelled) == ((), ())


async def test_a_group_is_started_and_those_that_are_on_are_left_out(lyon: Lyon) -> None:
    ids = [lyon.box.device_id, lyon.wrs.device_id]
    command = (await lyon.operator.post("/api/v1/commands", json={"kind": "start", "device_ids": ids})).json()
    told = await lyon.wrs.sync()

    assert (command["sent_count"], command["refusals"]) == (
        1,
        [{"device_id": lyon.wrs.device_id, "finding": "already_on"}],
    )
    assert [order.kind for order in told.orders] == ["start"]


async def test_another_account_cannot_start_it(lyon: Lyon, console: Console, app: Starlette) -> None:
    other = await office.open_account(console, "Clinique Sud", office.NEW)
    stranger = await office.hire(console, Role.ACCOUNT_OPERATOR, other)
    async with await office.sign_in(app, stranger) as client:
        answer = await client.post(f"/api/v1/devices/{lyon.box.device_id}/actions", json={"kind": "start"})
    assert (answer.status_code, answer.json()["code"]) == (404, "device_unknown")
    assert (await lyon.wrs.sync()).orders == ()


async def test_the_page_offers_it_for_a_box_that_is_off_and_says_who_calls(
    lyon: Lyon, console: Console, app: Starlette
) -> None:
    user = await office.hire(console, Role.ACCOUNT_OPERATOR, lyon.account, email="autre@nord.example")
    address = f"/devices/{lyon.box.device_id}"
    async with browse(app, user) as client:
        page = (await client.get(address)).text
        dialog = (await client.get(f"{address}/power?kind=start")).text
        fragment = {"hx-request": "true", "hx-target": "refusal"}
        sent = await client.post(f"{address}/power", data={"kind": "start"}, headers=fragment)
        after = (await client.get(address)).text
        of_the_wrs = (await client.get(f"/devices/{lyon.wrs.device_id}")).text

    assert "Démarrer par le réseau local…" in page
    assert "Démarrer par le réseau local…" not in of_the_wrs
    assert "LYO-WRS, le WRS de Lyon, l’appelle par le réseau du site." in dialog
    assert sent.status_code == 204
    assert "Démarrage par le réseau local" in after
