"""The stick of a key, downloaded from the page that shows its token: whole, signed, and for nobody else."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import zstandard
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.app import build_app
from cebox.console.keys.preparing import PREPARATION, PreparationState, StickShelf
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from cebox.console.web.refusals import REFUSALS
from cebox.domain.device import DeviceKind
from cebox.domain.role import Role
from cebox.domain.version import Version
from cebox.installer.disks import list_disks
from cebox.installer.opened_key import OpenedKey, find_stick, open_key
from tests.integration.console import office
from tests.integration.console.test_pages import browse
from tests.machines.blank_machine import BlankMachine
from tests.machines.key_maker import NOW, VERSION, KeyMaker
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> KeyMaker:
    maker = KeyMaker(tmp_path_factory.mktemp("vendor"))
    maker.publish()
    return maker


@pytest.fixture
async def console(maker: KeyMaker, tmp_path: Path) -> AsyncIterator[Console]:
    """Of one repository; on a database of its own."""
    settings = ConsoleSettings(
        state_folder=tmp_path / "state",
        repository=str(maker.repository),
        root_metadata=maker.keyring.anchor_path,
        public_url="https://console.example.org",
        has_secure_cookie=False,
    )
    async with open_console(settings, clock=HandClock(NOW), passwords=office.cheap_passwords()) as console:
        yield console


@pytest.fixture
async def nord(console: Console) -> Account:
    return await office.open_account(console, "Nord", Version.parse(VERSION))


@pytest.fixture
async def browser(app: Starlette, console: Console, nord: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with browse(app, await office.hire(console, Role.ACCOUNT_ADMIN, nord)) as browser:
        yield browser


@pytest.fixture
def app(console: Console) -> Starlette:
    return build_app(console)


def start_from(content: bytes, folder: Path) -> OpenedKey:
    """A machine started from what was downloaded."""
    image, room = folder / "stick.img", folder / "room"
    image.write_bytes(zstandard.ZstdDecompressor().stream_reader(content).read())
    machine = BlankMachine(folder / "machine")
    machine.start_from(image)
    room.mkdir()
    return open_key(find_stick(list_disks(machine.places), machine.places), room)


async def test_the_page_that_shows_the_token_leads_to_a_stick_that_installs(
    maker: KeyMaker, console: Console, browser: httpx.AsyncClient, nord: Account, tmp_path: Path
) -> None:
    site = await office.add_site(console, nord)
    made = await browser.post(
        "/keys/new", data={"name": "WRS / Lyon", "kind": "wrs", "site": site.id, "uses": "1", "days": "30"}
    )
    found = re.search(r'action="(/keys/[^"]+/stick)".*name="token" value="([^"]+)"', made.text, re.DOTALL)
    assert found, made.text

    answer = await browser.post(found[1], data={"token": found[2], "server_url": "http://10.20.4.2:8420"})

    assert answer.headers["content-disposition"] == 'attachment; filename="WRS-Lyon.img.zst"'
    key = start_from(answer.content, tmp_path)
    assert key.manifest == maker.get_signed().manifest
    assert (key.settings.account, key.settings.site, key.settings.kind) == ("Nord", "Lyon", DeviceKind.WRS)
    assert key.settings.token == found[2]
    assert key.settings.console_url == "https://console.example.org"
    assert key.settings.server_url == "http://10.20.4.2:8420"


async def test_a_download_uses_nothing_up_and_stands_in_the_journal(
    console: Console, browser: httpx.AsyncClient, nord: Account
) -> None:
    key, token = await office.make_key(console, nord)

    for _ in range(2):
        assert (await browser.post(f"/keys/{key.id}/stick", data={"token": token})).status_code == 200

    assert (await browser.get("/api/v1/keys")).json()["items"][0]["uses_left"] == 1
    verbs = [entry["verb"] for entry in (await browser.get("/api/v1/journal")).json()["items"]]
    assert verbs.count("stick_made") == 2
    assert list((console.settings.state_folder / "sticks").glob(".cebox-key-*")) == []


async def test_without_its_token_a_key_makes_no_stick(
    console: Console, browser: httpx.AsyncClient, nord: Account
) -> None:
    key, _ = await office.make_key(console, nord)
    _, other_token = await office.make_key(console, nord)

    for token in ("", "cbk_guess", other_token):
        answer = await browser.post(f"/keys/{key.id}/stick", data={"token": token})
        assert answer.status_code == 404
        assert token not in answer.text or not token


async def test_another_accounts_key_makes_no_stick(console: Console, browser: httpx.AsyncClient) -> None:
    key, token = await office.make_key(console, await office.open_account(console, "Sud", Version.parse(VERSION)))

    assert (await browser.post(f"/keys/{key.id}/stick", data={"token": token})).status_code == 404


async def test_a_revoked_key_makes_no_stick(console: Console, browser: httpx.AsyncClient, nord: Account) -> None:
    key, token = await office.make_key(console, nord)
    await browser.delete(f"/api/v1/keys/{key.id}")

    answer = await browser.post(f"/keys/{key.id}/stick", data={"token": token})

    assert answer.status_code == 401
    assert "Cette clé a été révoquée" in answer.text


async def test_an_address_that_is_none_is_refused_before_anything_is_fetched(
    console: Console, browser: httpx.AsyncClient, nord: Account
) -> None:
    site = await office.add_site(console, nord)
    key, token = await office.make_key(console, nord, site_id=site.id, kind=DeviceKind.WRS)

    answer = await browser.post(f"/keys/{key.id}/stick", data={"token": token, "server_url": "wrs.lan"})

    assert answer.status_code == 422
    assert not (console.settings.state_folder / "sticks").exists()


def join_preparations() -> None:
    for thread in threading.enumerate():
        if thread.name == PREPARATION:
            thread.join(30)


async def test_the_images_come_here_with_progress_and_only_once(
    console: Console, browser: httpx.AsyncClient, nord: Account
) -> None:
    before = (await browser.get("/api/v1/keys/preparation")).json()
    made = await browser.post("/keys/new", data={"name": "Lyon", "kind": "cebox", "uses": "1", "days": "30"})

    await asyncio.to_thread(join_preparations)
    found = (await browser.get("/api/v1/keys/preparation")).json()
    again = (await browser.post("/api/v1/keys/preparation")).json()
    page = await browser.get(f"/keys/preparation?version={VERSION}")

    assert (before["state"], before["version"]) == ("none", VERSION)
    assert 'id="preparation"' in made.text
    assert (found["state"], again["state"], found["code"]) == ("ready", "ready", "")
    assert found["done_bytes"] == found["total_bytes"] > 0
    assert "commence aussitôt" in page.text
    assert "every 1s" not in page.text


async def test_images_that_cannot_come_say_why(tmp_path: Path) -> None:
    settings = ConsoleSettings(state_folder=tmp_path, repository=str(tmp_path / "nowhere"), has_secure_cookie=False)
    shelf = StickShelf()
    version = Version.parse(VERSION)
    shelf.start(settings, version, HandClock(NOW))

    await asyncio.to_thread(join_preparations)

    assert shelf.look(version).state is PreparationState.FAILED
    assert shelf.look(version).code in REFUSALS
