"""Campaigns through the API and the pages: the same checks, each account its own, and a report of every device."""

import csv
import io
import re
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.campaign_fleet import Fleet, open_fleet
from tests.integration.console.office import NEXT, add_site, hire, migrate, open_account, sign_in
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio
EVERYBODY = {"name": "Production", "selection": {"where": ""}}
FORM = {
    "name": "Production",
    "who": "all",
    "has_servers": "1",
    "order": "servers_first",
    "shares": "",
    "hours": "",
    "zone": "Europe/Paris",
    "in_all": "40",
    "per_site": "15",
    "wave_percent": "8",
    "campaign_percent": "10",
    "least_counted": "20",
    "silence_minutes": "45",
    "watch_hours": "0",
}


@pytest.fixture
async def fleet(console: Console, app: Starlette, clock: HandClock) -> Fleet:
    return await open_fleet(console, app, clock, "box-1", "box-2")


@pytest.fixture
async def operator(fleet: Fleet) -> httpx.AsyncClient:
    return await sign_in(fleet.app, await hire(fleet.console, Role.ACCOUNT_OPERATOR, fleet.account))


async def _draft(client: httpx.AsyncClient, **changes: Any) -> str:
    answer = await client.post("/api/v1/campaigns", json=EVERYBODY | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_an_operator_runs_a_campaign_from_the_draft_to_the_report(
    fleet: Fleet, operator: httpx.AsyncClient
) -> None:
    preview = (await operator.post("/api/v1/campaigns/preview", json=EVERYBODY)).json()
    campaign_id = await _draft(operator)
    path = f"/api/v1/campaigns/{campaign_id}"
    started = (await operator.post(f"{path}/start", json={"expected_count": preview["count"]})).json()
    await fleet.tick()
    await fleet.update("box-1")
    await fleet.update("box-2", is_bad=True)
    await fleet.tick()
    stopped = (await operator.get(path)).json()
    await operator.post(f"{path}/end", json={})
    await fleet.tick()
    ended = (await operator.get(path)).json()
    report = await operator.get(f"{path}/report")

    assert (preview["count"], preview["sent_count"], preview["download_bytes"]) == (2, 2, 80_000_000)
    assert [(one["name"], one["turn"], one["wave"]) for one in preview["devices"]] == [
        ("box-1", "send", 1),
        ("box-2", "send", 1),
    ]
    assert (started["state"], started["counts"]) == ("running", {"pending": 2})
    assert (stopped["state"], stopped["stop"]["facts"]["anomalies"]) == ("stopped", 1)
    assert ended["counts"] == {"done": 1, "rolled_back": 1}
    rows = {row["device"]: row for row in csv.DictReader(io.StringIO(report.text))}
    assert {name: row["outcome"] for name, row in rows.items()} == {"box-1": "done", "box-2": "rolled_back"}
    assert rows["box-1"]["internet_bytes"] == "40000000"


async def test_a_viewer_sees_everything_and_changes_nothing(fleet: Fleet, operator: httpx.AsyncClient) -> None:
    campaign_id = await _draft(operator)
    viewer = await sign_in(fleet.app, await hire(fleet.console, Role.ACCOUNT_VIEWER, fleet.account))
    path = f"/api/v1/campaigns/{campaign_id}"

    seen = await viewer.get(path)
    preview = await viewer.post("/api/v1/campaigns/preview", json=EVERYBODY)
    refused = [
        await viewer.post("/api/v1/campaigns", json=EVERYBODY),
        await viewer.patch(path, json={"name": "x"}),
        await viewer.post(f"{path}/start", json={}),
        await viewer.delete(path),
    ]

    assert (seen.status_code, preview.status_code) == (200, 200)
    assert {answer.json()["code"] for answer in refused} == {"role_may_not"}


async def test_another_accounts_campaign_and_devices_do_not_exist(fleet: Fleet, operator: httpx.AsyncClient) -> None:
    campaign_id = await _draft(operator)
    sud = await open_account(fleet.console, "Clinique Sud")
    stranger = await sign_in(fleet.app, await hire(fleet.console, Role.ACCOUNT_ADMIN, sud))
    path = f"/api/v1/campaigns/{campaign_id}"

    for method, address in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("GET", f"{path}/devices"),
        ("GET", f"{path}/events"),
        ("GET", f"{path}/report"),
        *(("POST", f"{path}/{verb}") for verb in ("start", "pause", "resume", "retry", "end")),
    ):
        answer = await stranger.request(method, address, json=None if method == "GET" else {})
        assert (answer.status_code, answer.json()["code"]) == (404, "campaign_unknown"), address
    theirs = {"name": "x", "selection": {"device_ids": [fleet.boxes["box-1"].device_id], "has_servers": False}}
    empty = await stranger.post("/api/v1/campaigns/preview", json=theirs)
    assert empty.json()["code"] == "campaign_empty"
    assert (await stranger.get("/api/v1/campaigns")).json()["items"] == []
    named = await stranger.get("/api/v1/campaigns", params={"account": fleet.account.id})
    assert named.json()["code"] == "account_unknown"


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"shares": "200%"}, "waves_malformed"),
        ({"in_all": 0}, "pace_out_of_range"),
        ({"silence_minutes": 0}, "stop_rule_out_of_range"),
        ({"wave_percent": 0}, "request_malformed"),
        ({"watch_minutes": -5}, "watch_out_of_range"),
        ({"window": {"hours": "25:00-26:00"}}, "maintenance_window_malformed"),
        ({"window": {"hours": "19:00-05:00", "days": [9]}}, "maintenance_window_malformed"),
        ({"window": {"hours": "19:00-05:00", "zone": "Mars/Phobos"}}, "time_zone_unknown"),
        ({"nonsense": 1}, "request_malformed"),
    ],
)
async def test_wrong_rules_are_refused(operator: httpx.AsyncClient, rules: dict[str, Any], code: str) -> None:
    for path in ("/api/v1/campaigns", "/api/v1/campaigns/preview"):
        answer = await operator.post(path, json=EVERYBODY | {"rules": rules})
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_draft_is_changed_and_removed_and_a_campaign_under_way_is_not(
    fleet: Fleet, operator: httpx.AsyncClient
) -> None:
    draft, begun = await _draft(operator), await _draft(operator)
    changed = (await operator.patch(f"/api/v1/campaigns/{draft}", json={"name": "Autumn"})).json()
    removed = await operator.delete(f"/api/v1/campaigns/{draft}")
    path = f"/api/v1/campaigns/{begun}"
    await operator.post(f"{path}/start", json={})
    refused = [await operator.patch(path, json={"name": "x"}), await operator.delete(path)]
    rules = (await operator.put(f"{path}/rules", json={"in_all": 3, "wave_percent": 50})).json()["rules"]
    await operator.post(f"{path}/pause", json={})
    twice = await operator.post(f"{path}/pause", json={})

    assert (changed["name"], removed.status_code) == ("Autumn", 204)
    assert {answer.json()["code"] for answer in refused} == {"campaign_begun"}
    assert (rules["in_all"], rules["wave_percent"]) == (3, 50)
    assert (twice.status_code, twice.json()["code"]) == (409, "campaign_event_refused")


async def test_a_report_is_no_formula_for_a_spreadsheet(fleet: Fleet, operator: httpx.AsyncClient) -> None:
    await fleet.add("=cmd()")
    campaign_id = await _draft(operator)
    await operator.post(f"/api/v1/campaigns/{campaign_id}/start", json={})
    report = (await operator.get(f"/api/v1/campaigns/{campaign_id}/report")).text

    assert "'=cmd()" in report
    assert "\n=cmd()" not in report


async def test_the_pages_lead_from_a_selection_to_the_report(fleet: Fleet) -> None:
    user = await hire(fleet.console, Role.ACCOUNT_OPERATOR, fleet.account)
    async with browse(fleet.app, user) as client:
        client.headers["hx-request"] = "true"
        made = await client.post("/campaigns/new", data={"device": [fleet.boxes["box-1"].device_id]})
        address = made.headers["hx-redirect"]
        form = FORM | {"who": "chosen", "device": fleet.boxes["box-1"].device_id}
        preview = await client.post(f"{address}/preview", data=form)
        wrong = await client.post(f"{address}/preview", data=form | {"shares": "200%"})
        changed = await client.post(f"{address}/start", data=form | {"expected": "2"})
        started = await client.post(f"{address}/start", data=form | {"expected": "1"})
        await fleet.tick()
        pages = [await client.get(f"{address}{end}") for end in ("", "/devices", "/report", "/report.csv", "/rules")]
        paused = await client.post(f"{address}/steer/pause")
        del client.headers["hx-request"]
        whole = [await client.get(path) for path in ("/campaigns", address, f"{address}/steer/end")]

    assert re.search(r"Commencer pour 1\s+périphérique", preview.text)
    assert (wrong.status_code, changed.status_code) == (422, 409)
    assert started.headers["hx-redirect"] == address
    assert {answer.status_code for answer in (*pages, *whole)} == {200}
    assert paused.status_code == 204
    assert "En pause" in whole[0].text
    assert "box-1" in pages[3].text
    assert "box-2" not in pages[2].text


async def test_a_stop_names_its_cause_and_offers_to_go_on_without_the_site(fleet: Fleet) -> None:
    site = await add_site(fleet.console, fleet.account, "Metz")
    await fleet.add("metz-1", "metz-2", "metz-3", site_id=site.id)
    user = await hire(fleet.console, Role.ACCOUNT_ADMIN, fleet.account)
    async with browse(fleet.app, user) as client:
        client.headers["hx-request"] = "true"
        address = (await client.post("/campaigns/new", data={"where": ""})).headers["hx-redirect"]
        form = FORM | {"wave_percent": "20", "per_site": "2", "least_counted": "1"}
        started = await client.post(f"{address}/start", data=form | {"expected": "5"})
        await fleet.tick()
        await fleet.update("box-1")
        await fleet.update("metz-1", is_bad=True)
        await fleet.tick()
        page = await client.get(address)
        dialog = await client.get(f"{address}/steer/resume?site={site.id}&name=Metz")
        resumed = await client.post(f"{address}/steer/resume", data={"site": site.id})
        await fleet.tick()
        after = await client.get(address)

    assert started.status_code == 204
    assert "Plus rien n’est envoyé" in page.text
    assert "Site de Metz" in page.text
    assert "Reprendre sans" in page.text
    assert "Metz" in dialog.text
    assert resumed.status_code == 204
    assert "Plus rien n’est envoyé" not in after.text
    states = await fleet.states(_last(address))
    assert states["metz-3"].value == "skipped"


async def test_a_stop_without_anything_in_common_is_shown_and_may_be_ended(fleet: Fleet) -> None:
    user = await hire(fleet.console, Role.ACCOUNT_ADMIN, fleet.account)
    async with browse(fleet.app, user) as client:
        client.headers["hx-request"] = "true"
        address = (await client.post("/campaigns/new", data={"where": ""})).headers["hx-redirect"]
        await client.post(f"{address}/start", data=FORM | {"shares": "1", "expected": "2"})
        await fleet.tick()
        await fleet.update("box-1", is_bad=True)
        await fleet.tick()
        page = await client.get(address)
        ended = await client.post(f"{address}/steer/end")
        await fleet.tick()
        after = await client.get(address)

    assert (page.status_code, ended.status_code, after.status_code) == (200, 204, 200)
    assert "Plus rien n’est envoyé" in page.text
    assert "Reprendre sans" not in page.text
    assert "Terminée avant la fin" in after.text


async def test_the_vendor_sees_and_steers_a_customers_campaign(fleet: Fleet, operator: httpx.AsyncClient) -> None:
    campaign_id = await _draft(operator)
    await operator.post(f"/api/v1/campaigns/{campaign_id}/start", json={})
    vendor = await sign_in(fleet.app, await hire(fleet.console, Role.VENDOR_OPERATOR))
    support = await sign_in(fleet.app, await hire(fleet.console, Role.VENDOR_SUPPORT))
    await migrate(fleet.console, fleet.account.id, NEXT)
    await fleet.tick()
    path = f"/api/v1/campaigns/{campaign_id}"

    seen = (await support.get(path)).json()
    refused = await support.post(f"{path}/end", json={})
    ended = await vendor.post(f"{path}/end", json={})

    assert (seen["state"], seen["stop"]["reason"]) == ("stopped", "version_changed")
    assert refused.json()["code"] == "role_may_not"
    assert ended.json()["state"] == "ending"


def _last(address: str) -> Any:
    return address.rpartition("/")[2]
