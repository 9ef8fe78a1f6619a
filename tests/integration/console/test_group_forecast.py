"""What a command to a group comes to, summed up in the database: the very same as asking device by device."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.actions.forecast import Forecaster, choose_blocker
from cebox.console.actions.group_forecast import GroupForecaster, Summary
from cebox.console.actions.records import DeviceForecast
from cebox.console.database.scope import Scope
from cebox.console.devices.classes import Chosen
from cebox.console.devices.jobs import note_silent_devices
from cebox.console.devices.query import Query
from cebox.console.sites.repository import Site
from cebox.console.state import Console
from cebox.domain.action import ActionKind
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId
from cebox.domain.preflight import Admission, Finding
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase, Progress, ReportedEvent
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box, send_update
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

CARD = ("02:00:5e:10:00:07",)


@dataclass
class Fleet:
    """Of everything one: the account is in NEW, the WRS of Lyon serves OLD, Lille has none."""

    account: Account
    lyon: Site
    wrs: ScriptedBox
    boxes: list[ScriptedBox]

    @property
    def ids(self) -> tuple[DeviceId, ...]:
        return tuple(box.device_id for box in (self.wrs, *self.boxes))


@pytest.fixture
async def fleet(console: Console, app: Starlette, clock: HandClock) -> Fleet:
    account = await office.open_account(console, "Atelier Nord", office.NEW)
    lyon, lille = [await office.add_site(console, account, name) for name in ("Lyon", "Lille")]
    client = office.open_client(app)
    wrs = await add_box(console, client, account, "LYO-WRS", kind=DeviceKind.WRS, site_id=lyon.id)
    await wrs.sync(served=str(office.OLD), server_url="http://10.20.4.2:8480")
    old, new, later = map(str, (office.OLD, office.NEW, office.NEXT))
    states: list[dict[str, Any]] = [
        {"running": old},
        {"running": old, "place": "away"},
        {"running": new},
        {"running": later, "lan_addresses": CARD},
        {"running": old, "staged": new, "phase": BoxPhase.STAGED},
        {"running": old, "failed_versions": (new,)},
        {"running": old, "slot_bytes": 1000},
        {"running": old, "phase": BoxPhase.DOWNLOADING},
        {"running": None},
    ]
    boxes = []
    for site_id in (lyon.id, lille.id, None):
        for number, state in enumerate(states):
            name = f"{site_id or 'TT'}-{number}"
            boxes.append(await add_box(console, client, account, name, site_id=site_id, **state))
    for box in boxes[::4]:
        await box.sync(is_leaving=True)
    await send_update(console, boxes[1])
    failing = await send_update(console, boxes[19])
    await boxes[19].sync()
    await boxes[19].report(ReportedEvent.FAIL, failing.id, code="disk_full")
    await console.heartbeats.flush(console.database)
    return Fleet(account, lyon, wrs, boxes)


async def sum_up(console: Console, fleet: Fleet, kind: ActionKind, chosen: Chosen, where: str = "") -> Summary:
    async with console.database.read() as connection:
        forecaster = GroupForecaster(
            connection,
            Scope.account(fleet.account.id),
            console.clock(),
            kind,
            chosen,
            Query.parse(where).to_filters(),
        )
        return await forecaster.sum_up()


def key_of(one: DeviceForecast, kind: ActionKind) -> tuple[Finding | None, str | None]:
    version = str(one.forecast.resolution.version) if one.forecast else None
    if one.admission is Admission.SEND:
        return None, version
    if one.admission is Admission.QUEUE:
        return Finding.DEVICE_OFF, None
    finding = choose_blocker(one.findings, at_next_start=kind is ActionKind.UPDATE)
    return finding, version if finding is Finding.ALREADY_THERE else None


@pytest.mark.parametrize("kind", list(ActionKind))
async def test_the_sum_is_what_asking_each_device_gives(console: Console, fleet: Fleet, kind: ActionKind) -> None:
    summary = await sum_up(console, fleet, kind, Chosen(fleet.ids))
    async with console.database.read() as connection:
        forecaster = Forecaster(connection, Scope.account(fleet.account.id), console.clock())
        each = await forecaster.forecast_group(fleet.ids, kind, at_next_start=True)

    expected = Counter(key_of(one, kind) for one in each.devices)
    found: Counter[tuple[Finding | None, str | None]] = Counter()
    for outcome in summary.outcomes:
        says_version = kind is ActionKind.UPDATE or outcome.key.finding is not None
        version = str(outcome.key.version) if outcome.key.version and says_version else None
        found[outcome.key.finding, version] += outcome.count
    assert found == expected
    assert summary.total == len(fleet.ids)
    acting = [one for one in each.devices if one.admission is Admission.SEND and one.forecast]
    assert summary.download_bytes() == sum(one.forecast.download_bytes or 0 for one in acting if one.forecast)


async def test_a_query_finds_what_naming_the_devices_finds(console: Console, fleet: Fleet) -> None:
    update = ActionKind.UPDATE
    named = await sum_up(console, fleet, update, Chosen(fleet.ids))
    queried = await sum_up(console, fleet, update, Chosen(None))
    but = await sum_up(console, fleet, update, Chosen(None, fleet.ids[:3]))
    at_lyon = await sum_up(console, fleet, update, Chosen(None), f"site={fleet.lyon.id}&kind=cebox")

    def read(summary: Summary) -> dict[object, int]:
        return {outcome.key: outcome.count for outcome in summary.outcomes}

    assert read(queried) == read(named)
    assert (but.total, at_lyon.total) == (len(fleet.ids) - 3, 9)


async def test_who_is_meant_by_a_line_is_named(console: Console, fleet: Fleet) -> None:
    async with console.database.read() as connection:
        scope = Scope.account(fleet.account.id)
        forecaster = GroupForecaster(connection, scope, console.clock(), ActionKind.UPDATE, Chosen(fleet.ids))
        summary = await forecaster.sum_up()
        each = await Forecaster(connection, scope, console.clock()).forecast_group(fleet.ids, at_next_start=True)
        for outcome in summary.outcomes:
            version = str(outcome.key.version) if outcome.key.version else None
            expected = {
                one.name for one in each.devices if key_of(one, ActionKind.UPDATE) == (outcome.key.finding, version)
            }
            assert {name for _, name in await forecaster.list_names(outcome)} == expected, outcome.key


async def test_devices_of_another_account_are_not_counted(console: Console, app: Starlette, fleet: Fleet) -> None:
    other = await office.open_account(console, "Clinique Sud", office.NEW)
    stranger = await add_box(console, office.open_client(app), other, "SUD-01")
    named = await sum_up(console, fleet, ActionKind.UPDATE, Chosen((stranger.device_id,)))
    queried = await sum_up(console, fleet, ActionKind.UPDATE, Chosen(None))

    assert (named.total, queried.total) == (0, len(fleet.ids))


async def test_silence_counts_as_off_once_it_is_noted(console: Console, fleet: Fleet, clock: HandClock) -> None:
    clock.advance(timedelta(minutes=5))
    await note_silent_devices(console)
    summary = await sum_up(console, fleet, ActionKind.REBOOT, Chosen(None))

    assert {outcome.key.finding for outcome in summary.outcomes} == {Finding.DEVICE_OFF}


async def test_how_long_it_takes_is_known_once_a_box_of_the_site_has_downloaded(
    console: Console, app: Starlette, fleet: Fleet
) -> None:
    before = await sum_up(console, fleet, ActionKind.UPDATE, Chosen(None), "kind=cebox")
    downloading = fleet.boxes[16]
    for box, rate in ((downloading, 2_000_000), (fleet.boxes[25], 1_000_000)):
        progress = Progress(version=str(office.NEW), done_bytes=1, total_bytes=40_000_000, rate_bytes_per_second=rate)
        for _ in range(2):
            await box.sync(phase=BoxPhase.DOWNLOADING, is_leaving=False, progress=progress)
    await console.heartbeats.flush(console.database)
    after = await sum_up(console, fleet, ActionKind.UPDATE, Chosen(None), "kind=cebox")

    assert before.pace is not None
    assert (before.pace.least_seconds, before.pace.most_seconds) == (None, None)
    assert after.pace is not None
    assert (after.pace.least_seconds, after.pace.most_seconds) == (20, 20)
    # Those at home, without a site, were never measured: one line at home says nothing of another.
    assert after.pace.unknown_count == sum(
        one.members.count
        for outcome in after.acting
        for one in outcome.classes
        if one.members.site_id is None or one.members.place == "away"
    )


async def test_a_measured_download_is_foretold_in_seconds_and_the_limit_is_the_most(
    console: Console, app: Starlette, fleet: Fleet
) -> None:
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, fleet.account)
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, fleet.account)
    box = fleet.boxes[10]
    path = f"/api/v1/devices/{box.device_id}/preflight"
    async with await office.sign_in(app, operator) as client, await office.sign_in(app, administrator) as owner:
        unknown = (await client.post(path, json={})).json()
        limits = {"download_bytes_per_second": 1_000_000}
        assert (await owner.put(f"/api/v1/accounts/{fleet.account.id}/limits", json=limits)).status_code == 200
        await box.sync(place="site")
        limited = (await client.post(path, json={})).json()
        page_of = f"/devices/{box.device_id}/update"
    async with browse(app, operator) as reader:
        page = (await reader.get(page_of)).text

    assert unknown["duration"] is None
    assert limited["duration"] == {"seconds": 40, "basis": "limit"}
    assert "environ 40\u00a0s, puis un redémarrage" in page


async def test_the_api_sums_up_a_query_of_any_size(console: Console, app: Starlette, fleet: Fleet) -> None:
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, fleet.account)
    async with await office.sign_in(app, operator) as client:
        named = (await client.post("/api/v1/group-preflight", json={"device_ids": list(fleet.ids)})).json()
        queried = (await client.post("/api/v1/group-preflight", json={"where": ""})).json()
        twice = await client.post("/api/v1/group-preflight", json={"where": "", "device_ids": ["dev_1"]})
        nobody = await client.post("/api/v1/group-preflight", json={})

    assert len(named["devices"]) == named["total_count"] == len(fleet.ids)
    assert (queried["devices"], queried["outcomes"]) == ([], named["outcomes"])
    assert sum(one["count"] for one in queried["outcomes"]) == len(fleet.ids)
    assert (twice.status_code, twice.json()["code"]) == (422, "group_named_twice")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "group_empty")


async def test_the_dialog_of_a_query_names_the_wrs_that_holds_its_boxes_back(
    console: Console, app: Starlette, fleet: Fleet
) -> None:
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, fleet.account)
    fragment = {"hx-request": "true", "hx-target": "dialog"}
    asked = {"kind": "update", "where": f"site={fleet.lyon.id}&kind=cebox"}
    async with browse(app, operator) as client:
        dialog = (await client.post("/devices/command/forecast", data=asked, headers=fragment)).text
        everywhere = (await client.post("/devices/command/forecast", data=asked | {"where": ""}, headers=fragment)).text
        key = {"finding": "already_there", "version": str(office.OLD), "held_back": "1"}
        names = (await client.post("/devices/command/names", data=asked | key, headers=fragment)).text
        nonsense = await client.post("/devices/command/names", data=asked | {"finding": "x"}, headers=fragment)

    assert "Mettez d’abord à jour LYO-WRS" in dialog
    assert "du cloud" in everywhere
    assert f"/devices/{fleet.wrs.device_id}/update" in dialog
    assert f"{fleet.lyon.id}-5" in names
    assert nonsense.status_code == 422
