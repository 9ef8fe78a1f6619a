"""How much, and when, a site's machines may fetch from the cloud: who says it, who is told, and what is foretold."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.sites.repository import Site
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase, Progress, ReportedEvent, Settings
from tests.integration.console import office
from tests.integration.console.box import ScriptedBox, add_box, send_update, wait_for_waiters
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

NIGHT = {"download_bytes_per_second": 2_000_000, "download_window": "22:00–6:00", "time_zone": "Europe/Paris"}
NIGHT_TOLD = Settings(download_bytes_per_second=2_000_000, download_window="22:00-06:00", time_zone="Europe/Paris")
OPENS = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
"""In winter, of the day on which `HandClock` begins at 10:00."""


@pytest.fixture
async def account(console: Console) -> Account:
    return await office.open_account(console, "Atelier Nord", office.NEW)


@pytest.fixture
async def site(console: Console, account: Account) -> Site:
    return await office.add_site(console, account)


@pytest.fixture
async def box(console: Console, app: Starlette, account: Account, site: Site) -> ScriptedBox:
    box = await add_box(console, office.open_client(app), account, site_id=site.id)
    await box.sync(place="site")
    return box


async def limit(console: Console, app: Starlette, account: Account, path: str, body: dict[str, object] | None) -> None:
    email = f"{secrets.token_hex(4)}@nord.example"
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, account, email=email)
    async with await office.sign_in(app, administrator) as client:
        answer = await client.request("PUT" if body is not None else "DELETE", f"/api/v1{path}", json=body)
        assert answer.status_code == 200, answer.text


async def test_a_site_without_limits_has_the_accounts_and_its_machines_are_told(
    console: Console, app: Starlette, account: Account, site: Site, box: ScriptedBox
) -> None:
    assert (await box.sync()).settings == Settings()

    await limit(console, app, account, f"/accounts/{account.id}/limits", NIGHT)
    assert (await box.sync()).settings == NIGHT_TOLD

    await limit(console, app, account, f"/sites/{site.id}/limits", {})
    assert (await box.sync()).settings == Settings()

    await limit(console, app, account, f"/sites/{site.id}/limits", None)
    assert (await box.sync()).settings == NIGHT_TOLD


async def test_a_machine_that_waits_for_news_is_told_at_once(
    console: Console, app: Starlette, account: Account, site: Site, box: ScriptedBox
) -> None:
    await box.sync()
    held = asyncio.create_task(box.sync(wait=50))
    await wait_for_waiters(console, 1)
    await limit(console, app, account, f"/sites/{site.id}/limits", NIGHT)

    assert (await asyncio.wait_for(held, 10)).settings == NIGHT_TOLD


async def test_a_device_without_a_site_has_no_limits(console: Console, app: Starlette, account: Account) -> None:
    await limit(console, app, account, f"/accounts/{account.id}/limits", NIGHT)
    box = await add_box(console, office.open_client(app), account)

    assert (await box.sync()).settings == Settings()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"download_bytes_per_second": 100}, "download_rate_out_of_range"),
        ({"download_bytes_per_second": -5}, "download_rate_out_of_range"),
        ({"download_window": "22:00"}, "download_window_malformed"),
        ({"download_window": "22:00-22:00"}, "download_window_malformed"),
        ({"time_zone": "Europe/Lyon"}, "time_zone_unknown"),
        ({"time_zone": "../../etc/passwd"}, "time_zone_unknown"),
    ],
)
async def test_what_is_no_limit_is_refused(
    body: dict[str, object], code: str, console: Console, app: Starlette, account: Account, site: Site
) -> None:
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    async with await office.sign_in(app, administrator) as client:
        answer = await client.put(f"/api/v1/sites/{site.id}/limits", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_only_who_administers_the_account_limits_its_sites(
    console: Console, app: Starlette, account: Account, site: Site
) -> None:
    stranger = await office.open_account(console, "Clinique Sud", office.NEW)
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, account)
    foreign = await office.hire(console, Role.ACCOUNT_ADMIN, stranger)
    for user, path, status in (
        (operator, f"/sites/{site.id}/limits", 403),
        (operator, f"/accounts/{account.id}/limits", 403),
        (foreign, f"/sites/{site.id}/limits", 404),
        (foreign, f"/accounts/{account.id}/limits", 404),
    ):
        async with await office.sign_in(app, user) as client:
            assert (await client.put(f"/api/v1{path}", json=NIGHT)).status_code == status, path


async def test_a_change_stands_in_the_journal_once(
    console: Console, app: Starlette, account: Account, site: Site
) -> None:
    await limit(console, app, account, f"/sites/{site.id}/limits", NIGHT)
    await limit(console, app, account, f"/sites/{site.id}/limits", NIGHT | {"download_window": "22:00-06:00"})
    viewer = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with await office.sign_in(app, viewer) as client:
        entries = (await client.get("/api/v1/journal")).json()["items"]

    (entry,) = [one for one in entries if one["verb"] == "site_limited"]
    assert entry["facts"] == {"name": "Lyon"} | NIGHT | {"download_window": "22:00-06:00"}


async def test_outside_the_hours_an_update_is_foretold_for_their_beginning(
    console: Console, app: Starlette, account: Account, site: Site, box: ScriptedBox
) -> None:
    await limit(console, app, account, f"/sites/{site.id}/limits", NIGHT)
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, account)
    async with await office.sign_in(app, operator) as client:
        forecast = (await client.post(f"/api/v1/devices/{box.device_id}/preflight", json={"kind": "update"})).json()
        shutdown = await client.post(f"/api/v1/devices/{box.device_id}/preflight", json={"kind": "shutdown"})

    assert forecast["admission"] == "send"
    assert {"code": "window_closed", "severity": "informs"} in forecast["findings"]
    assert datetime.fromisoformat(forecast["begins_at"]) == OPENS
    assert shutdown.json()["installs"] is None


async def test_within_the_hours_and_away_from_the_site_nothing_waits(
    console: Console, app: Starlette, account: Account, site: Site, box: ScriptedBox, clock: HandClock
) -> None:
    await limit(console, app, account, f"/sites/{site.id}/limits", NIGHT)
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, account)
    async with await office.sign_in(app, operator) as client:
        await box.sync(place="away")
        away = (await client.post(f"/api/v1/devices/{box.device_id}/preflight", json={"kind": "update"})).json()
        clock.advance(timedelta(hours=12))
        await box.renew_token()
        await box.sync(place="site")
        at_night = (await client.post(f"/api/v1/devices/{box.device_id}/preflight", json={"kind": "update"})).json()

    assert (away["begins_at"], away["findings"]) == (None, [])
    assert (at_night["begins_at"], at_night["findings"]) == (None, [])


async def test_an_update_that_waits_for_its_hours_says_so_and_does_not_expire(
    console: Console, app: Starlette, account: Account, box: ScriptedBox, clock: HandClock
) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.DOWNLOAD, action.id)
    waiting = Progress(version=str(office.NEW), done_bytes=1_000_000, total_bytes=40_000_000, action_id=action.id)
    for _ in range(6):
        clock.advance(timedelta(hours=1))
        await box.renew_token()
        await box.sync(
            phase=BoxPhase.DOWNLOADING,
            progress=Progress(
                version=waiting.version,
                done_bytes=waiting.done_bytes,
                total_bytes=waiting.total_bytes,
                action_id=action.id,
                waits_until="2026-11-22T21:00:00Z",
            ),
        )
        await console.heartbeats.flush(console.database)

    viewer = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with await office.sign_in(app, viewer) as client:
        device = (await client.get(f"/api/v1/devices/{box.device_id}")).json()
    async with browse(app, viewer) as client:
        page = (await client.get(f"/devices/{box.device_id}")).text
        listing = (await client.get("/devices")).text

    assert device["open_actions"][0]["state"] == "downloading"
    assert datetime.fromisoformat(device["progress"]["waits_until"]) == OPENS
    assert device["progress"]["seconds_left"] is None
    assert "Attend la fenêtre de téléchargement du site, jusqu’à 21:00." in page
    assert "1,0\u00a0Mo sur 40,0\u00a0Mo" in page
    assert "Attend 21:00" in listing


async def test_a_download_shows_its_speed_and_what_is_left(
    console: Console, app: Starlette, account: Account, box: ScriptedBox
) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.DOWNLOAD, action.id)
    await box.sync(
        phase=BoxPhase.DOWNLOADING,
        progress=Progress(
            version=str(office.NEW),
            done_bytes=38_200_000,
            total_bytes=121_000_000,
            rate_bytes_per_second=1_400_000,
            action_id=action.id,
        ),
    )
    await console.heartbeats.flush(console.database)
    viewer = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with browse(app, viewer) as client:
        page = (await client.get(f"/devices/{box.device_id}")).text
    async with await office.sign_in(app, viewer) as client:
        progress = (await client.get(f"/api/v1/devices/{box.device_id}")).json()["progress"]

    assert "38,2\u00a0Mo sur 121,0\u00a0Mo" in page
    assert "1,4\u00a0Mo/s · encore 1\u00a0min" in page
    assert progress["seconds_left"] == 60


async def test_an_administrator_limits_a_site_and_all_sites_on_the_page(
    console: Console, app: Starlette, account: Account, site: Site, box: ScriptedBox
) -> None:
    administrator = await office.hire(console, Role.ACCOUNT_ADMIN, account)
    fragment = {"hx-request": "true", "hx-target": "refusal"}
    async with browse(app, administrator) as client:
        dialog = await client.get(f"/sites/{site.id}/limits")
        wrong = await client.post(f"/sites/{site.id}/limits", data={"whose": "own", "rate": "viel"}, headers=fragment)
        own = {"whose": "own", "rate": "16,5", "hours": "22:00-06:00", "zone": "Europe/Paris"}
        assert (await client.post(f"/sites/{site.id}/limits", data=own, headers=fragment)).status_code == 204
        listing = (await client.get("/sites")).text
        told = (await box.sync()).settings
        everywhere = {"rate": "50", "hours": "", "zone": "Europe/Paris"}
        assert (await client.post("/sites/limits", data=everywhere, headers=fragment)).status_code == 204
        assert (
            await client.post(f"/sites/{site.id}/limits", data={"whose": "account"}, headers=fragment)
        ).status_code == 204

    assert "Bande passante de Lyon" in dialog.text
    assert (wrong.status_code, "Ce débit ne peut pas être utilisé." in wrong.text) == (422, True)
    assert "16,5\u00a0Mbit/s au plus, 22:00–06:00 (Europe/Paris)" in listing
    assert told.download_bytes_per_second == 2_062_500
    assert (await box.sync()).settings.download_bytes_per_second == 6_250_000


async def test_a_wrs_is_told_and_foretold_like_its_site(
    console: Console, app: Starlette, account: Account, site: Site
) -> None:
    await limit(console, app, account, f"/sites/{site.id}/limits", NIGHT)
    wrs = await add_box(console, office.open_client(app), account, kind=DeviceKind.WRS, site_id=site.id)
    told = await wrs.sync(place="site")
    operator = await office.hire(console, Role.ACCOUNT_OPERATOR, account)
    async with browse(app, operator) as client:
        dialog = (await client.get(f"/devices/{wrs.device_id}/update")).text

    assert told.settings == NIGHT_TOLD
    assert "Commence à 21:00\u00a0: fenêtre de téléchargement du site." in dialog
