"""The list of devices: filters, order and pages, for one account and for the vendor."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.devices.jobs import note_silent_devices
from cebox.console.state import Console
from cebox.domain.device import PRESENCE
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase, ReportedEvent
from tests.integration.console.box import add_box, send_update
from tests.integration.console.office import NEW, OLD, add_site, hire, open_account, open_client, sign_in
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


class Fleet:
    """Four boxes of an account on NEW: alpha (on site, off), bravo (NEW), charlie (older), delta (staged)."""

    def __init__(self, viewer: httpx.AsyncClient, vendor: httpx.AsyncClient, site_id: str, account_id: str) -> None:
        self.viewer = viewer
        self.vendor = vendor
        self.site_id = site_id
        self.account_id = account_id

    async def names(self, **filters: Any) -> list[str]:
        answer = await self.viewer.get("/api/v1/devices", params=filters)
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] >= len(answer.json()["items"])
        return [item["name"] for item in answer.json()["items"]]


@pytest.fixture
async def fleet(console: Console, app: Starlette, clock: HandClock) -> Fleet:
    account = await open_account(console, "Atelier Nord", NEW)
    foreign = await open_account(console, "Clinique Sud", OLD)
    site = await add_site(console, account)
    client = open_client(app)
    await add_box(console, client, account, "Alpha", site_id=site.id)
    clock.advance(PRESENCE + timedelta(seconds=1))
    await add_box(console, client, account, "bravo", running=str(NEW))
    charlie = await add_box(console, client, account, "charlie_1", running="2026.9.1")
    await add_box(console, client, account, "Delta", phase=BoxPhase.STAGED, staged=str(NEW))
    await add_box(console, client, foreign, "foreign", running="2026.9.1")
    action = await send_update(console, charlie)
    await charlie.sync()
    await charlie.report(ReportedEvent.FAIL, action.id, code="disk_full")
    await note_silent_devices(console)
    viewer = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, account))
    vendor = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))
    return Fleet(viewer, vendor, site.id, account.id)


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all": ({}, ["Alpha", "bravo", "charlie_1", "Delta"]),
    "reversed": ({"sort": "-name"}, ["Delta", "charlie_1", "bravo", "Alpha"]),
    "search": ({"search": "LPH"}, ["Alpha"]),
    "search_takes_no_wildcards": ({"search": "a_"}, []),
    "search_underscore": ({"search": "e_1"}, ["charlie_1"]),
    "without_site": ({"site": "none"}, ["bravo", "charlie_1", "Delta"]),
    "on": ({"is_on": "true"}, ["bravo", "charlie_1", "Delta"]),
    "off": ({"is_on": "false"}, ["Alpha"]),
    "version": ({"version": str(NEW)}, ["bravo"]),
    "behind": ({"is_behind": "true"}, ["Alpha", "charlie_1", "Delta"]),
    "not_behind": ({"is_behind": "false"}, ["bravo"]),
    "phase": ({"phase": "staged"}, ["Delta"]),
    "kind": ({"kind": "wrs"}, []),
    "last_action": ({"last_action": "failed"}, ["charlie_1"]),
    "by_version": ({"sort": "version"}, ["charlie_1", "Alpha", "Delta", "bravo"]),
    "several": ({"is_behind": "true", "is_on": "true", "phase": "staged"}, ["Delta"]),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_list_shows_what_was_asked_for(fleet: Fleet, case: str) -> None:
    filters, expected = CASES[case]

    found = await fleet.names(**filters)

    # Devices of one version come in no order of their own.
    if case == "by_version":
        found[1:3] = sorted(found[1:3])
    assert found == expected


async def test_the_list_of_a_site_shows_its_devices(fleet: Fleet) -> None:
    assert await fleet.names(site=fleet.site_id) == ["Alpha"]
    assert await fleet.names(site="sit_another") == []


@pytest.mark.parametrize("sort", ["name", "-name", "version", "-version", "seen", "-seen", "site", "-site"])
async def test_pages_show_every_device_once_in_every_order(fleet: Fleet, sort: str) -> None:
    found: list[str] = []
    after: str | None = None
    for _ in range(4):
        parameters = {"sort": sort, "limit": "1"} | ({"after": after} if after else {})
        answer = (await fleet.viewer.get("/api/v1/devices", params=parameters)).json()
        found += [item["name"] for item in answer["items"]]
        assert answer["total"] == 4
        after = answer["next"]

    assert after is None
    assert sorted(found) == ["Alpha", "Delta", "bravo", "charlie_1"]


async def test_the_vendor_sees_all_devices_or_those_of_the_account_it_names(fleet: Fleet) -> None:
    everything = (await fleet.vendor.get("/api/v1/devices")).json()
    one = (await fleet.vendor.get("/api/v1/devices", params={"account": fleet.account_id})).json()
    behind = (await fleet.vendor.get("/api/v1/devices", params={"is_behind": "true"})).json()

    assert (everything["total"], one["total"]) == (5, 4)
    assert [item["account_name"] for item in behind["items"]] == [
        "Atelier Nord",
        "Atelier Nord",
        "Atelier Nord",
        "Clinique Sud",
    ]


async def test_a_device_is_shown_with_what_it_runs_does_and_would_take(fleet: Fleet) -> None:
    (item,) = (await fleet.viewer.get("/api/v1/devices", params={"search": "charlie"})).json()["items"]

    assert (item["running"], item["is_on"], item["is_behind"]) == ("2026.9.1", True, True)
    assert (item["account_version"], item["would_take"]["version"]) == (str(NEW), str(NEW))
    assert (item["last_action"]["state"], item["last_action"]["code"]) == ("failed", "disk_full")
    assert item["open_actions"] == []
    events = (await fleet.viewer.get(f"/api/v1/devices/{item['id']}/events", params={"limit": 2})).json()
    assert [event["kind"] for event in events["items"]] == ["reported", "now_runs"]
    assert events["next"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"sort": "colour"}, "sort_unknown"),
        ({"after": "nonsense"}, "cursor_malformed"),
        ({"version": "latest"}, "version_malformed"),
        ({"kind": "toaster"}, "request_malformed"),
        ({"limit": 0}, "request_malformed"),
    ],
)
async def test_a_wrong_question_is_refused_clearly(fleet: Fleet, parameters: dict[str, Any], code: str) -> None:
    answer = await fleet.viewer.get("/api/v1/devices", params=parameters)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
