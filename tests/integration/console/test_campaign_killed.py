"""A console killed at any moment of a campaign: the next one goes on exactly where it was, and sends nothing twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.domain.role import Role
from cebox.kit.clock import utc_now
from cebox.protocol.device import BoxPhase, ReportedEvent
from tests.integration.console.box import ScriptedBox, took
from tests.integration.console.office import NEW, OLD, PASSWORD, cheap_passwords, hire, make_key, open_account
from tests.integration.console.test_serving import ConsoleProcess

pytestmark = pytest.mark.anyio
_PATIENCE_SECONDS = 30.0


@contextmanager
def _killed(settings: ConsoleSettings) -> Iterator[str]:
    """A console process that dies at the end, without a word."""
    process = ConsoleProcess(settings)
    try:
        yield process.url
    finally:
        process.stop(signal.SIGKILL)


async def _prepare(settings: ConsoleSettings) -> list[tuple[ScriptedBox, str]]:
    async with open_console(settings, passwords=cheap_passwords()) as console:
        account = await open_account(console, "Atelier Nord", NEW)
        await hire(console, Role.ACCOUNT_OPERATOR, account, email="operator@nord.example")
        keys = [(await make_key(console, account))[1] for _ in range(2)]
    return [
        (ScriptedBox(httpx.AsyncClient(timeout=40), utc_now, name=f"box-{number}"), key)
        for number, key in enumerate(keys)
    ]


async def _let_leases_end(settings: ConsoleSettings) -> None:
    """As if the half minute had passed that a dead console's jobs are its own."""
    async with open_console(settings, passwords=cheap_passwords()) as console, console.database.write() as unit:
        await unit.connection.execute(text("DELETE FROM leases"))


@asynccontextmanager
async def _person(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=40, trust_env=False) as person:
        words = {"email": "operator@nord.example", "password": PASSWORD}
        person.headers["authorization"] = f"Bearer {(await person.post('/tokens', json=words)).json()['token']}"
        yield person


async def _wait_for(person: httpx.AsyncClient, path: str, look: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not look(answer := (await person.get(path)).json()):
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.1)
    return answer


@pytest.mark.timeout(300)  # it starts a console process four times
async def test_a_console_killed_in_the_middle_of_a_campaign_goes_on_where_it_was(
    database_url: str, tmp_path: Path
) -> None:
    settings = ConsoleSettings(port=0, state_folder=tmp_path / "state", database=database_url)
    boxes = await _prepare(settings)

    async def reach(url: str) -> None:
        for box, _ in boxes:
            box.client.base_url = httpx.URL(url)
            await box.sync()

    with _killed(settings) as url:
        for box, key in boxes:
            box.client.base_url = httpx.URL(url)
            await box.enrol(key)
            await box.sync()
        async with _person(url) as person:
            body = {"name": "Production", "selection": {"where": ""}, "rules": {"in_all": 1}}
            campaign_id = (await person.post("/campaigns", json=body)).json()["id"]
            path = f"/campaigns/{campaign_id}"
            assert (await person.post(f"{path}/start", json={"expected_count": 2})).status_code == 200
            await _wait_for(person, path, lambda seen: seen["counts"].get("updating") == 1)
    await _let_leases_end(settings)
    # Killed after the first was sent, before it heard of it.
    with _killed(settings) as url:
        await reach(url)
        async with _person(url) as person:
            await _wait_for(person, path, lambda seen: seen["waiting"] == "under_way")
            (first,) = [box for box, _ in boxes if box.orders]
            (order,) = first.orders
            first.note(ReportedEvent.STAGE, order, taken=took(NEW))
            await first.sync(staged=str(NEW), phase=BoxPhase.STAGED)
            await _wait_for(person, path, lambda seen: seen["counts"].get("restarting") == 1)
    await _let_leases_end(settings)
    # Killed after the restart was sent.
    with _killed(settings) as url:
        await reach(url)
        async with _person(url) as person:
            _, reboot = first.orders.values()
            first.note(ReportedEvent.FINISH, reboot.id)
            first.note(ReportedEvent.FINISH, order)
            first.restart(running=str(NEW), previous=str(OLD), staged=None, phase=BoxPhase.IDLE)
            await first.sync()
            await _wait_for(person, path, lambda seen: seen["counts"] == {"done": 1, "updating": 1})
    await _let_leases_end(settings)
    with _killed(settings) as url:
        await reach(url)
        async with _person(url) as person:
            seen = (await person.get(path)).json()
            history = (await person.get(f"{path}/events")).json()["items"]
    for box, _ in boxes:
        await box.client.aclose()

    assert seen["counts"] == {"done": 1, "updating": 1}
    assert [event["kind"] for event in history] == ["wave_begun", "started"]
    assert sorted(order.kind for box, _ in boxes for order in box.orders.values()) == ["reboot", "update", "update"]
