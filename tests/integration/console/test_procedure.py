"""The procedure of an account on its page and in the API: derived from what is so, whoever did it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.accounts.records import Account
from cebox.console.releases.service import withdraw_release
from cebox.console.sites.repository import Site
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase, ReportedEvent
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box, send_update
from tests.integration.console.test_pages import browse

pytestmark = pytest.mark.anyio

TAG = "essai-2026.12"
FRAGMENT = {"hx-request": "true", "hx-target": "refusal"}


@dataclass
class Nord:
    """An account in NEW that tests NEXT: Lyon with a WRS and two boxes, Lille without one, one box at home."""

    console: Console
    account: Account
    lyon: Site
    wrs: ScriptedBox
    boxes: dict[str, ScriptedBox]
    admin: httpx.AsyncClient

    async def look(self) -> dict[str, Any]:
        await self.console.heartbeats.flush(self.console.database)
        answer = await self.admin.get(f"/api/v1/accounts/{self.account.id}/procedure")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def choose(self, *names: str, tag: str | None = None) -> httpx.Response:
        ids = [self.boxes[name].device_id for name in names]
        path = f"/api/v1/accounts/{self.account.id}/procedure/test"
        return await self.admin.put(path, json={"tag": tag, "device_ids": ids})

    async def approve(self, version: str = str(office.NEXT), note: str = "") -> httpx.Response:
        path = f"/api/v1/accounts/{self.account.id}/procedure/approval"
        return await self.admin.put(path, json={"version": version, "note": note})

    async def next(self) -> tuple[str, str | None] | None:
        found = (await self.look())["next"]
        if found is None:
            return None
        names = {box.device_id: name for name, box in self.boxes.items()} | {self.wrs.device_id: "WRS"}
        return found["kind"], names.get(found["device_id"])


async def stage(box: ScriptedBox, version: object = office.NEXT) -> None:
    await box.sync(staged=str(version), phase=BoxPhase.STAGED)


async def restart(box: ScriptedBox, version: object = office.NEXT, **changes: Any) -> None:
    box.restart(running=str(version), staged=None, phase=BoxPhase.IDLE, **changes)
    await box.sync()


@pytest.fixture
async def nord(console: Console, app: Starlette) -> AsyncIterator[Nord]:
    account = await office.open_account(console, "Atelier Nord", office.NEW)
    lyon, lille = [await office.add_site(console, account, name) for name in ("Lyon", "Lille")]
    client = office.open_client(app)
    new = str(office.NEW)
    wrs = await add_box(console, client, account, "WRS", kind=DeviceKind.WRS, site_id=lyon.id, running=new)
    await wrs.sync(served=new, server_url="http://10.20.4.2:8480")
    boxes = {}
    for name, site_id in (("L1", lyon.id), ("L2", lyon.id), ("LIL", lille.id), ("TT", None)):
        boxes[name] = await add_box(console, client, account, name, site_id=site_id, running=new)
    await office.hand_out(console, TAG, office.NEXT, [account.id])
    admin = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with await office.sign_in(app, admin) as signed_in:
        yield Nord(console, account, lyon, wrs, boxes, signed_in)


async def test_the_whole_procedure_step_by_step(nord: Nord) -> None:
    assert (await nord.look())["hindrance"] == "no_boxes"
    await nord.choose("L1", "TT")
    assert await nord.next() == ("update_wrs", "WRS")
    await stage(nord.wrs)
    assert await nord.next() == ("reboot_wrs", "WRS")
    await restart(nord.wrs, served=str(office.NEXT))
    assert await nord.next() == ("update_boxes", "L1")
    await stage(nord.boxes["L1"])
    assert await nord.next() == ("reboot_boxes", None)
    await restart(nord.boxes["L1"])
    assert await nord.next() == ("update_boxes", "TT")
    await restart(nord.boxes["TT"])

    done = await nord.look()
    assert (done["stage"], done["is_test_over"], done["next"]) == ("test", True, None)
    assert (await nord.approve()).json()["stage"] == "migration"
    await office.migrate(nord.console, nord.account.id, office.NEXT)

    production = await nord.look()
    assert (production["stage"], production["target"]) == ("production", str(office.NEXT))
    by_name = {place["site_name"]: [step["state"] for step in place["steps"]] for place in production["fleet"]}
    assert by_name == {"Lille": ["open", "after"], "Lyon": ["done", "done", "open", "after"], "": ["done", "done"]}
    for name in ("L2", "LIL"):
        await restart(nord.boxes[name])
    assert (await nord.look())["next"] is None


async def test_boxes_at_home_do_not_wait_for_the_wrs(nord: Nord) -> None:
    await nord.wrs.sync(is_leaving=True)
    await nord.choose("L1", "TT")

    assert await nord.next() == ("update_boxes", "TT")
    places = {place["site_name"]: place["steps"] for place in (await nord.look())["places"]}
    assert [step["state"] for step in places["Lyon"]] == ["off", "after", "after", "after"]


async def test_a_site_without_a_wrs_has_only_the_steps_of_its_boxes(nord: Nord) -> None:
    await nord.choose("LIL")
    (place,) = (await nord.look())["places"]
    assert [step["kind"] for step in place["steps"]] == ["update_boxes", "reboot_boxes"]
    assert await nord.next() == ("update_boxes", "LIL")


async def test_what_is_under_way_failed_or_fell_back_is_said(nord: Nord) -> None:
    await nord.choose("LIL", "TT")
    sent = await send_update(nord.console, nord.boxes["TT"], TAG)
    await nord.boxes["TT"].sync()
    moving = await nord.look()
    await nord.boxes["TT"].report(ReportedEvent.FAIL, sent.id, code="disk_full")
    await restart(nord.boxes["LIL"], office.NEW, failed_versions=(str(office.NEXT),))
    ended = await nord.look()

    def read(found: dict[str, Any]) -> dict[str, str]:
        return {box["name"]: box["advance"] for place in found["places"] for box in place["boxes"]}

    assert read(moving) == {"LIL": "to_do", "TT": "moving"}
    assert read(ended) == {"LIL": "rolled_back", "TT": "failed"}
    assert {place["steps"][0]["state"] for place in ended["places"]} == {"trouble"}


async def test_a_test_that_is_not_over_is_approved_with_a_reason_only(nord: Nord) -> None:
    await nord.choose("TT")
    silent = await nord.approve()
    other = await nord.approve(str(office.NEW), "why not")
    said = await nord.approve(note="Une seule ceBox suffit.")
    path = f"/api/v1/accounts/{nord.account.id}/procedure/approval"
    back = await nord.admin.delete(path)

    assert (silent.status_code, silent.json()["code"]) == (422, "approval_note_missing")
    assert (other.status_code, other.json()["code"]) == (409, "test_moved_on")
    assert (said.json()["stage"], said.json()["approval"]["note"]) == ("migration", "Une seule ceBox suffit.")
    assert (back.json()["stage"], back.json()["approval"]) == ("test", None)


async def test_a_withdrawn_release_stops_its_test(nord: Nord) -> None:
    await nord.choose("TT")
    async with nord.console.database.write() as unit:
        await withdraw_release(unit, local_operator(), nord.console.clock, office.NEXT)

    found = await nord.look()
    assert (found["hindrance"], found["next"]) == ("release_withdrawn", None)
    assert (await nord.approve(note="egal")).json()["code"] == "test_hindered"


async def test_an_account_migrated_behind_its_back_is_in_production(nord: Nord) -> None:
    await nord.choose("L1", "TT")
    await office.migrate(nord.console, nord.account.id, office.NEXT)

    found = await nord.look()
    assert (found["stage"], found["target"], found["hindrance"]) == ("production", str(office.NEXT), None)
    assert (await nord.approve()).json()["code"] == "test_moved_on"


async def test_what_is_chosen_survives_and_several_may_choose(nord: Nord, app: Starlette) -> None:
    colleague = await office.hire(nord.console, Role.ACCOUNT_OPERATOR, nord.account)
    await nord.choose("L1")
    async with await office.sign_in(app, colleague) as client:
        ids = [nord.boxes[name].device_id for name in ("L1", "TT")]
        path = f"/api/v1/accounts/{nord.account.id}/procedure/test"
        theirs = (await client.put(path, json={"tag": TAG, "device_ids": ids})).json()
        approval = await client.put(path.replace("test", "approval"), json={"version": str(office.NEXT), "note": "x"})
    mine = await nord.look()

    assert mine == theirs
    assert {box["name"] for place in mine["places"] for box in place["boxes"]} == {"L1", "TT"}
    assert approval.status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"device_ids": ["dev_none"]}, 404, "device_unknown"),
        ({"device_ids": [], "tag": "essai-9999"}, 404, "tag_unknown"),
        ({"device_ids": [], "tag": "atelier-nord"}, 422, "tag_not_for_tests"),
        ({"device_ids": [], "tag": "Not A Tag"}, 422, "tag_malformed"),
    ],
)
async def test_a_choice_that_cannot_be_is_refused(nord: Nord, body: dict[str, Any], status: int, code: str) -> None:
    answer = await nord.admin.put(f"/api/v1/accounts/{nord.account.id}/procedure/test", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_wrs_is_no_test_box_and_a_removed_box_leaves_the_group(nord: Nord) -> None:
    path = f"/api/v1/accounts/{nord.account.id}/procedure/test"
    refused = await nord.admin.put(path, json={"device_ids": [nord.wrs.device_id]})
    await nord.choose("L1", "TT")
    await nord.admin.delete(f"/api/v1/devices/{nord.boxes['L1'].device_id}")

    assert (refused.status_code, refused.json()["code"]) == (422, "test_takes_boxes")
    assert [place["site_name"] for place in (await nord.look())["places"]] == [""]


async def test_no_account_sees_or_changes_another_ones(nord: Nord, app: Starlette) -> None:
    sud = await office.open_account(nord.console, "Clinique Sud", office.NEW)
    stranger = await office.hire(nord.console, Role.ACCOUNT_ADMIN, sud)
    path = f"/api/v1/accounts/{nord.account.id}/procedure"
    async with await office.sign_in(app, stranger) as client:
        answers = [
            await client.get(path),
            await client.put(f"{path}/test", json={"device_ids": []}),
            await client.put(f"{path}/approval", json={"version": str(office.NEXT), "note": "x"}),
            await client.delete(f"{path}/approval"),
        ]
        foreign = await client.put(
            f"/api/v1/accounts/{sud.id}/procedure/test", json={"device_ids": [nord.boxes["L1"].device_id]}
        )
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "account_unknown")}
    assert (foreign.status_code, foreign.json()["code"]) == (404, "device_unknown")


async def test_the_page_has_one_primary_button_that_opens_the_ordinary_dialog(nord: Nord, app: Starlette) -> None:
    user = await office.hire(nord.console, Role.ACCOUNT_ADMIN, nord.account, email="chef@nord.example")
    async with browse(app, user) as client:
        empty = (await client.get("/procedure")).text
        dialog = (await client.get("/procedure/test?search=L", headers={"hx-request": "true"})).text
        ids = [nord.boxes[name].device_id for name in ("L1", "TT")]
        kept = await client.post("/procedure/test", data={"box": ids, "tag": ""}, headers=FRAGMENT)
        chosen = (await client.get("/procedure")).text
        await stage(nord.wrs)
        ready = (await client.get("/procedure")).text
        approval = (await client.get("/procedure/approval", headers={"hx-request": "true"})).text

    assert "Choisir les ceBox de test…" in empty
    assert "reste 2" in empty
    assert "L1" in dialog
    assert kept.status_code == 204
    assert f"/devices/{nord.wrs.device_id}/update?choice=tag%3A{TAG}" in chosen
    assert chosen.count("btn-p") == empty.count("btn-p") == ready.count("btn-p") == 1
    assert f"/devices/{nord.wrs.device_id}/power?kind=reboot" in ready
    assert "0 ceBox de test sur 2 ont fait leurs preuves" in approval


async def test_a_viewer_reads_the_procedure_and_has_no_button(nord: Nord, app: Starlette) -> None:
    await nord.choose("L1")
    viewer = await office.hire(nord.console, Role.ACCOUNT_VIEWER, nord.account)
    async with browse(app, viewer) as client:
        page = (await client.get("/procedure")).text
        refused = await client.get("/procedure/test")
    assert "Groupe de test" in page
    assert "btn-p" not in page
    assert refused.status_code == 403


async def test_the_vendor_migrates_from_the_page_and_sees_what_the_customer_said(nord: Nord, app: Starlette) -> None:
    await nord.choose("TT")
    await nord.approve(note="Tout va bien.")
    operator = await office.hire(nord.console, Role.VENDOR_OPERATOR)
    async with browse(app, operator) as client:
        page = (await client.get(f"/procedure?account={nord.account.id}")).text
        dialog = (await client.get(f"/account/migration?version={office.NEXT}")).text
    assert "Le client attend la migration." in page
    assert "« Tout va bien. »" in page
    assert "Le client a validé 2026.12.1." in dialog
