"""The console dies at any moment, or says goodbye: no action is lost, none runs twice, no box waits for nothing."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.database.paging import Page
from cebox.console.devices.records import EventKind
from cebox.console.devices.service import get_device, list_events
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from cebox.domain.role import Role
from cebox.kit.clock import utc_now
from cebox.protocol.device import SYNC_PATH, ReportedEvent
from tests.integration.console.box import ScriptedBox, add_box, send_update, took, wait_for_waiters
from tests.integration.console.office import NEW, PASSWORD, cheap_passwords, hire, make_key, open_account
from tests.integration.console.test_serving import ConsoleProcess

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def _look_in(settings: ConsoleSettings) -> AsyncIterator[Console]:
    """The console's database and services, beside the process that serves it."""
    async with open_console(settings, passwords=cheap_passwords()) as console:
        yield console


@contextmanager
def _running(settings: ConsoleSettings, number: signal.Signals) -> Iterator[ConsoleProcess]:
    """A console process that ends with this signal."""
    process = ConsoleProcess(settings)
    try:
        yield process
    finally:
        process.stop(number)


async def _prepare(settings: ConsoleSettings) -> tuple[ScriptedBox, str]:
    """A box that can enrol with the returned key, in an account whose operator can sign in."""
    async with _look_in(settings) as console:
        account = await open_account(console, "Atelier Nord", NEW)
        await hire(console, Role.ACCOUNT_OPERATOR, account, email="operator@nord.example")
        _, token = await make_key(console, account)
    return ScriptedBox(httpx.AsyncClient(timeout=40), utc_now), token


async def _click_update(url: str, box: ScriptedBox) -> str:
    async with httpx.AsyncClient(base_url=url, timeout=40) as person:
        words = {"email": "operator@nord.example", "password": PASSWORD}
        token = (await person.post("/api/v1/tokens", json=words)).json()["token"]
        person.headers["authorization"] = f"Bearer {token}"
        answer = await person.post(f"/api/v1/devices/{box.device_id}/actions", json={"kind": "update"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.timeout(300)  # it starts a console process four times
async def test_a_console_killed_at_every_step_of_an_update_loses_nothing_and_repeats_nothing(
    database_url: str, tmp_path: Path
) -> None:
    settings = ConsoleSettings(port=0, state_folder=tmp_path / "state", database=database_url)
    box, key = await _prepare(settings)
    with _running(settings, signal.SIGKILL) as process:
        box.client.base_url = httpx.URL(process.url)
        await box.enrol(key)
        await box.sync()
        action_id = await _click_update(process.url, box)
    # Killed after the click, before the box heard of it.
    with _running(settings, signal.SIGKILL) as process:
        box.client.base_url = httpx.URL(process.url)
        delivered = await box.sync()
        assert [order.id for order in delivered.orders] == [action_id]
    # Killed after the delivery, before the acknowledgement: told again, executed once.
    with _running(settings, signal.SIGKILL) as process:
        box.client.base_url = httpx.URL(process.url)
        assert (await box.sync()).orders == ()
        box.note(ReportedEvent.DOWNLOAD, action_id)
        box.note(ReportedEvent.STAGE, action_id, taken=took(NEW))
        # The answer to these results is lost with the console.
        await box.ask(box.prepare(staged=str(NEW)))
    with _running(settings, signal.SIGKILL) as process:
        box.client.base_url = httpx.URL(process.url)
        again = await box.sync()
        assert len(again.received_results) == 2
        assert again.orders == ()
    await box.client.aclose()

    assert list(box.orders) == [action_id]
    async with _look_in(settings) as console, console.database.read() as connection:
        view = await get_device(connection, local_operator().scope, box.device_id, utc_now())
        events = await list_events(connection, local_operator().scope, box.device_id, Page())
    assert view.last_action is not None
    assert (view.last_action.id, view.last_action.state) == (action_id, "staged")
    assert view.record.slots.staged == NEW
    reported = [event.facts["event"] for event in events.items if event.kind is EventKind.REPORTED]
    assert sorted(reported) == ["download", "stage"]


async def test_a_console_that_stops_answers_waiting_boxes_at_once_and_keeps_their_last_heartbeat(
    database_url: str, tmp_path: Path
) -> None:
    settings = ConsoleSettings(port=0, state_folder=tmp_path / "state", database=database_url)
    box, key = await _prepare(settings)
    process = ConsoleProcess(settings)
    box.client.base_url = httpx.URL(process.url)
    await box.enrol(key)
    await box.sync()
    waiting = asyncio.create_task(box.ask(box.prepare(), wait=50))
    # The second exchange is answered behind the first: it is being held by then.
    await box.sync()
    await box.sync()
    heard_at = utc_now()
    await box.sync()

    code, seconds = await asyncio.to_thread(process.stop, signal.SIGTERM)

    async with asyncio.timeout(12):
        assert (await waiting).account_version == str(NEW)
    await box.client.aclose()
    assert code == 0
    assert seconds < 12
    async with _look_in(settings) as console, console.database.read() as connection:
        record = (await get_device(connection, local_operator().scope, box.device_id, utc_now())).record
    assert record.last_seen_at is not None
    assert record.last_seen_at >= heard_at
    assert record.sequence == box.sequence


class _QuietServer(uvicorn.Server):
    """A server inside the test's own loop; the signals stay the test runner's."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


@pytest.fixture
async def server_url(app: Starlette) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = _QuietServer(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    app.state.console.hub.close()
    await serving


async def _open_poll(url: str, box: ScriptedBox) -> asyncio.StreamWriter:
    """A long-poll on a connection of its own, whose answer nobody reads."""
    address = httpx.URL(url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    body = json.dumps({"observed": {"boot": 1, "sequence": 50, "phase": "idle", "place": "away"}})
    head = (
        f"POST {SYNC_PATH} HTTP/1.1\r\nHost: {address.host}\r\nAuthorization: Bearer {box.token}\r\n"
        f"Prefer: wait=50\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write((head + body).encode())
    await writer.drain()
    return writer


async def test_a_box_that_hangs_up_frees_its_place_and_is_told_nothing_it_cannot_hear(
    console: Console, server_url: str
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    async with httpx.AsyncClient(base_url=server_url) as client:
        box = await add_box(console, client, account)
        await box.sync(running=None)
        polls = [await _open_poll(server_url, box) for _ in range(3)]
        await wait_for_waiters(console, 3)

        for writer in polls:
            writer.close()
            await writer.wait_closed()
        await wait_for_waiters(console, 0)
        action = await send_update(console, box)

        assert [order.id for order in (await box.sync()).orders] == [action.id]


async def test_over_a_real_connection_a_click_reaches_a_waiting_box_at_once(console: Console, server_url: str) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    async with httpx.AsyncClient(base_url=server_url, timeout=40) as client:
        box = await add_box(console, client, account)
        waiting = asyncio.create_task(box.sync(wait=25))
        await wait_for_waiters(console, 1)

        clicked_at = time.monotonic()
        action = await send_update(console, box)
        answer = await waiting

    assert time.monotonic() - clicked_at < 12
    assert [order.id for order in answer.orders] == [action.id]
