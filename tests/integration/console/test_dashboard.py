"""The dashboard: counts that add up, one cause for each box behind, what waits for a person, the history day by day."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.dashboard.jobs import note_fleet_history
from cebox.console.devices.jobs import mend_sort_keys, note_silent_devices
from cebox.console.devices.tables import devices
from cebox.console.sites.repository import Site
from cebox.console.state import Console
from cebox.domain.device import LONG_OFF, DeviceKind
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase, ReportedEvent
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box, send_update, took
from tests.integration.console.office import NEW, NEXT, OLD
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

_URL = "http://10.20.4.2:8480"


@pytest.fixture
async def account(console: Console) -> Account:
    return await office.open_account(console, "Atelier Nord", NEW)


@pytest.fixture
async def viewer(console: Console, app: Starlette, account: Account) -> httpx.AsyncClient:
    return await office.sign_in(app, await office.hire(console, Role.ACCOUNT_VIEWER, account))


async def _ask(client: httpx.AsyncClient, path: str = "/api/v1/dashboard", **parameters: str) -> Any:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _add_site(console: Console, client: httpx.AsyncClient, account: Account, name: str) -> Site:
    """With a WRS that serves OLD and one ceBox that runs it."""
    site = await office.add_site(console, account, name)
    wrs = await add_box(console, client, account, f"{name}-wrs", kind=DeviceKind.WRS, site_id=site.id, is_on=False)
    await wrs.sync(served=str(OLD), server_url=_URL)
    await add_box(console, client, account, f"{name}-1", site_id=site.id)
    return site


async def _fail(console: Console, box: ScriptedBox, event: ReportedEvent = ReportedEvent.FAIL) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.report(event, action.id, code="disk_full")


async def test_every_box_behind_has_one_cause_and_the_list_of_a_cause_finds_just_those(
    console: Console, app: Starlette, account: Account, viewer: httpx.AsyncClient, clock: HandClock
) -> None:
    client = office.open_client(app)
    await add_box(console, client, account, "asleep-for-long")
    clock.advance(LONG_OFF)
    await add_box(console, client, account, "off")
    clock.advance(timedelta(minutes=2))
    lyon = await _add_site(console, client, account, "Lyon")
    failed = await add_box(console, client, account, "failed")
    await _fail(console, failed)
    moving = await add_box(console, client, account, "moving")
    await send_update(console, moving)
    await add_box(console, client, account, "ready", phase=BoxPhase.STAGED, staged=str(NEW))
    await add_box(console, client, account, "unasked")
    await add_box(console, client, account, "current", running=str(NEW))
    await add_box(console, client, account, "ahead", running=str(NEXT))
    await add_box(console, client, account, "never", is_on=False)
    await note_silent_devices(console)

    board = await _ask(viewer)

    expected = {
        "failed": ["failed"],
        "under_way": ["moving"],
        "ready": ["ready"],
        "held": ["Lyon-1"],
        "long_off": ["asleep-for-long"],
        "off": ["off"],
        "unasked": ["unasked"],
    }
    assert {one["cause"]: one["boxes"] for one in board["late"]} == dict.fromkeys(expected, 1)
    for cause, names in expected.items():
        found = await _ask(viewer, "/api/v1/devices", late=cause)
        assert [item["name"] for item in found["items"]] == names
    held = next(one for one in board["late"] if one["cause"] == "held")
    assert (held["site_id"], held["version"]) == (lyon.id, str(OLD))
    figures = board["figures"]
    assert (figures["boxes"], figures["behind"], figures["up_to_date"], figures["ahead"], figures["unknown"]) == (
        10,
        7,
        2,
        1,
        1,
    )


async def test_what_waits_for_a_person_is_named_and_a_box_that_fell_back_alone_is_among_it(
    console: Console, app: Starlette, account: Account, viewer: httpx.AsyncClient, clock: HandClock
) -> None:
    client = office.open_client(app)
    await _add_site(console, client, account, "Lyon")
    await _fail(console, await add_box(console, client, account, "failed"))
    back = await add_box(console, client, account, "back")
    action = await send_update(console, back)
    await back.sync()
    back.note(ReportedEvent.ROLL_BACK, action.id, taken=took(NEW))
    await back.sync(failed_versions=(str(NEW),))
    await add_box(console, client, account, "alone", failed_versions=(str(NEW),))
    await add_box(console, client, account, "tested", running=str(NEW), failed_versions=(str(NEXT),))

    attention = (await _ask(viewer))["attention"]

    assert attention["counts"] == {"wrs_behind": 1, "failed": 1, "rolled_back": 2}
    assert {item["name"] for item in attention["items"]} == {"Lyon-wrs", "failed", "back", "alone"}
    listed = await _ask(viewer, "/api/v1/devices", needs_attention="true")
    assert [item["name"] for item in listed["items"]] == ["alone", "back", "failed"]
    clock.advance(timedelta(minutes=20))
    later = (await _ask(viewer))["attention"]
    assert (later["counts"]["wrs_silent"], "wrs_behind" in later["counts"]) == (1, False)


async def test_a_site_stands_against_the_account_and_telework_apart(
    console: Console, app: Starlette, account: Account, viewer: httpx.AsyncClient
) -> None:
    client = office.open_client(app)
    lyon = await _add_site(console, client, account, "Lyon")
    empty = await office.add_site(console, account, "Bordeaux")
    await add_box(console, client, account, "away", site_id=lyon.id, place="away")

    sites = (await _ask(viewer))["sites"]

    assert [(one["site_id"], one["state"], one["boxes"], one["behind"]) for one in sites] == [
        (lyon.id, "behind", 1, 1),
        (empty.id, "cloud", 0, 0),
        (None, "cloud", 1, 1),
    ]


async def test_the_history_keeps_each_day_and_today_is_of_this_moment(
    console: Console, app: Starlette, account: Account, viewer: httpx.AsyncClient, clock: HandClock
) -> None:
    client = office.open_client(app)
    box = await add_box(console, client, account)
    await note_fleet_history(console)
    await note_fleet_history(console)
    clock.advance(timedelta(days=2))
    await box.renew_token()
    await box.sync(running=str(NEW))
    await add_box(console, client, account, "second")

    history = (await _ask(viewer))["history"]

    assert history["days"] == ["2026-11-22", "2026-11-23", "2026-11-24"]
    counts = {one["role"]: (one["version"], one["counts"]) for one in history["series"]}
    assert counts == {"account": (str(NEW), [0, 0, 1]), "before": (str(OLD), [1, 1, 1])}


async def test_nobody_sees_another_accounts_facts(console: Console, app: Starlette, account: Account) -> None:
    other = await office.open_account(console, "Clinique Sud", OLD)
    client = office.open_client(app)
    await add_box(console, client, other, "foreign")
    await note_fleet_history(console)
    viewer = await office.sign_in(app, await office.hire(console, Role.ACCOUNT_VIEWER, account))
    support = await office.sign_in(app, await office.hire(console, Role.VENDOR_SUPPORT))

    mine = await _ask(viewer)
    refused = await viewer.get("/api/v1/dashboard", params={"account": other.id})
    overview = await _ask(viewer, "/api/v1/overview")
    vendors = await _ask(support, "/api/v1/overview")

    assert (mine["figures"]["boxes"], mine["history"]["series"]) == (0, [])
    assert (refused.status_code, refused.json()["code"]) == (404, "account_unknown")
    assert [line["account_name"] for line in overview["items"]] == ["Atelier Nord"]
    boxes = {line["account_name"]: line["boxes"] for line in vendors["items"]}
    assert (boxes["Atelier Nord"], boxes["Clinique Sud"]) == (0, 1)


async def test_the_first_page_is_the_accounts_and_the_vendors_is_all_accounts(
    console: Console, app: Starlette, account: Account
) -> None:
    client = office.open_client(app)
    await _add_site(console, client, account, "Lyon")
    await _fail(console, await add_box(console, client, account, "failed-box"))
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, account)
    async with browse(app, operator) as browser:
        board = (await browser.get("/")).text
        fragment = (await browser.get("/", headers={"hx-request": "true"})).text
    async with browse(app, await office.hire(console, Role.VENDOR_SUPPORT)) as browser:
        overview = (await browser.get("/")).text
        seen = (await browser.get(f"/dashboard?account={account.id}")).text
    assert "failed-box" in board
    assert "Mettre à jour le WRS…" in board
    assert "<html" not in fragment
    assert "Tous les comptes" in overview
    assert f"/dashboard?account={account.id}" in overview
    assert "failed-box" in seen
    assert "Mettre le WRS à jour…" not in seen


async def test_what_lists_sort_by_is_mended_after_an_earlier_console_wrote(
    console: Console, app: Starlette, account: Account, viewer: httpx.AsyncClient
) -> None:
    client = office.open_client(app)
    site = await office.add_site(console, account, "Lyon")
    box = await add_box(console, client, account, "Alpha", site_id=site.id)
    stale = {"running_rank": 0, "site_sort": "", "sort_name": "", "quiet_since": console.clock()}
    async with console.database.write() as unit:
        await unit.connection.execute(devices.update().where(devices.c.id == box.device_id).values(**stale))

    await mend_sort_keys(console)

    async with console.database.read() as connection:
        row = (await connection.execute(devices.select().where(devices.c.id == box.device_id))).one()
    assert (row.running_rank, row.site_sort, row.sort_name, row.quiet_since.year) == (OLD.rank, "lyon", "alpha", 9999)


async def test_a_renamed_site_is_sorted_by_its_new_name(
    console: Console, app: Starlette, account: Account, viewer: httpx.AsyncClient
) -> None:
    client = office.open_client(app)
    admin = await office.sign_in(app, await office.hire(console, Role.ACCOUNT_ADMIN, account))
    for name in ("Annecy", "Brest"):
        site = await office.add_site(console, account, name)
        await add_box(console, client, account, f"box-{name}", site_id=site.id)

    await admin.patch(f"/api/v1/sites/{site.id}", json={"name": "Aix"})

    listed = await _ask(viewer, "/api/v1/devices", sort="site")
    assert [item["name"] for item in listed["items"]] == ["box-Brest", "box-Annecy"]
