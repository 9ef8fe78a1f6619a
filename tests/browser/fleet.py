"""A served console with a small fleet, as a browser meets it: a real server on a free port, real rows, scripted boxes.

*Atelier Nord* tests 2026.12.1 on the site Lyon, whose WRS serves 2026.11.1; *Clinique Sud* has no WRS.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from cebox.console.accounts.records import Account
from cebox.console.app import build_app
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.role import VENDOR_ROLES, Role
from tests.browser.scripted_box import ScriptedBox
from tests.integration.console import office

_PATIENCE_SECONDS = 20.0
SLOT_BYTES = 4_000_000_000


@dataclass
class Fleet:
    url: str
    boxes: dict[str, ScriptedBox]
    client: httpx.Client
    keys: dict[str, str]

    def enrol(self, name: str, key: str, kind: str = "cebox") -> ScriptedBox:
        """`key`: the name of one of `keys`."""
        self.boxes[name] = box = ScriptedBox.enrol(self.client, self.keys[key], name, kind)
        return box

    def box(self, name: str) -> ScriptedBox:
        return self.boxes[name]

    def keep_on(self) -> None:
        """A box that says nothing for a minute counts as off; real ones never stay silent so long."""
        for box in self.boxes.values():
            if not box.observed.is_leaving:
                box.say(acknowledge=False)

    def page_of(self, name: str) -> str:
        return f"{self.url}/devices/{self.boxes[name].id}"


@dataclass
class _Office:
    """What was prepared, told by the server's thread to the test's."""

    keys: dict[str, str]
    is_ready: threading.Event


@contextmanager
def serve_fleet(folder: Path) -> Iterator[Fleet]:
    """The console runs in a thread with a loop of its own, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    prepared = _Office({}, threading.Event())
    stop: list[tuple[uvicorn.Server, Console, asyncio.AbstractEventLoop]] = []
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, listener, prepared, stop)))
    thread.start()
    try:
        assert prepared.is_ready.wait(_PATIENCE_SECONDS), "the console did not start"
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=_PATIENCE_SECONDS) as client:
            yield Fleet(url, _enrol_boxes(client, prepared.keys), client, prepared.keys)
    finally:
        for server, console, loop in stop:
            server.should_exit = True
            loop.call_soon_threadsafe(console.hub.close)
        thread.join(_PATIENCE_SECONDS)
        listener.close()


async def _serve(
    folder: Path,
    listener: socket.socket,
    prepared: _Office,
    stop: list[tuple[uvicorn.Server, Console, asyncio.AbstractEventLoop]],
) -> None:
    settings = ConsoleSettings(state_folder=folder, has_secure_cookie=False)
    async with open_console(settings, passwords=office.cheap_passwords()) as console:
        prepared.keys.update(await _furnish(console))
        config = uvicorn.Config(build_app(console), log_config=None, ws="none", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        stop.append((server, console, asyncio.get_running_loop()))
        listener.listen()
        prepared.is_ready.set()
        await server.serve(sockets=[listener])


async def _furnish(console: Console) -> dict[str, str]:
    """Accounts, people, a site, a tag; the tokens of the installation keys by what they are for."""
    nord = await office.open_account(console, "Atelier Nord", office.NEW)
    sud = await office.open_account(console, "Clinique Sud", office.OLD)
    for role in Role:
        account = None if role in VENDOR_ROLES else nord
        await office.hire(console, role, account, email=f"{role}@example.org")
    await office.hire(console, Role.ACCOUNT_ADMIN, sud, email="sud@example.org")
    await office.hand_out(console, "essai-2026.12", office.NEXT, [nord.id])
    return await _make_keys(console, nord, sud)


async def _make_keys(console: Console, nord: Account, sud: Account) -> dict[str, str]:
    lyon = await office.add_site(console, nord)
    _, wrs = await office.make_key(console, nord, kind=DeviceKind.WRS, site_id=lyon.id)
    _, on_site = await office.make_key(console, nord, uses=20, site_id=lyon.id)
    _, away = await office.make_key(console, nord, uses=20)
    _, other = await office.make_key(console, sud, uses=20)
    lille = await office.add_site(console, nord, "Lille")
    _, lille_wrs = await office.make_key(console, nord, kind=DeviceKind.WRS, site_id=lille.id)
    _, in_lille = await office.make_key(console, nord, uses=100, site_id=lille.id)
    return {
        "wrs": wrs,
        "site": on_site,
        "away": away,
        "sud": other,
        "lille_wrs": lille_wrs,
        "lille": in_lille,
    }


def _enrol_boxes(client: httpx.Client, keys: dict[str, str]) -> dict[str, ScriptedBox]:
    old, new = str(office.OLD), str(office.NEW)
    boxes = {}
    for name, key, kind in (
        ("LYO-WRS-01", "wrs", "wrs"),
        ("LYO-BE-0117", "site", "cebox"),
        ("LYO-BE-0142", "site", "cebox"),
        ("LYO-SAL-0009", "site", "cebox"),
        ("TT-0088", "away", "cebox"),
        ("SUD-0001", "sud", "cebox"),
    ):
        boxes[name] = box = ScriptedBox.enrol(client, keys[key], name, kind)
        place = "site" if key in ("wrs", "site") else "away"
        box.say(running=old, previous=None, place=place, slot_bytes=SLOT_BYTES)
    boxes["LYO-WRS-01"].say(running=new, previous=old, served=new, server_url="http://10.20.4.2:8480")
    boxes["LYO-BE-0142"].say(running=new, previous=old)
    boxes["LYO-SAL-0009"].leave()
    return boxes
