"""A console killed while it sends: what was announced arrives, and whatever comes twice comes under one id."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from cebox.console.deliveries.tables import deliveries
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from cebox.domain.role import Role
from cebox.kit.clock import utc_now
from tests.integration.console.office import cheap_passwords, hire, open_account
from tests.integration.console.outbox import look, tell
from tests.integration.console.test_serving import ConsoleProcess
from tests.servers.smtp_server import SmtpServer

pytestmark = pytest.mark.anyio

_PATIENCE_SECONDS = 40.0


@asynccontextmanager
async def _look_in(settings: ConsoleSettings) -> AsyncIterator[Console]:
    async with open_console(settings, passwords=cheap_passwords()) as console:
        yield console


async def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.timeout(200)  # it starts a console process twice
async def test_a_console_killed_in_the_middle_of_an_email_sends_it_again_under_the_same_id(
    database_url: str, tmp_path: Path
) -> None:
    with SmtpServer(hold=True) as server:
        settings = ConsoleSettings(
            port=0,
            state_folder=tmp_path / "state",
            database=database_url,
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_security="none",
            smtp_sender="news@vendor.example",
        )
        async with _look_in(settings) as console:
            nord = await open_account(console, "Nord")
            for name in ("first", "second"):
                await hire(console, Role.ACCOUNT_VIEWER, nord, email=f"{name}@nord.example")
            announcement_id = await tell(console, nord)
        process = ConsoleProcess(settings)
        # The server has the first e-mail and has not said so.
        assert await asyncio.to_thread(server.held.wait, _PATIENCE_SECONDS)
        process.stop(signal.SIGKILL)
        server.let_go()
        async with _look_in(settings) as console:
            before = await look(console, announcement_id)
            # As if the lease of the dead had run out.
            async with console.database.write() as unit:
                past = utc_now() - timedelta(minutes=1)
                await unit.connection.execute(
                    update(deliveries).where(deliveries.c.holder.is_not(None)).values(due_at=past)
                )
        process = ConsoleProcess(settings)
        await _wait_until(lambda: len(server.letters) == 3)
        process.stop(signal.SIGTERM)
        async with _look_in(settings) as console:
            after = await look(console, announcement_id)

    assert sorted(one.state for one in before.values()) == ["sending", "waiting"]
    assert [one.state for one in after.values()] == ["delivered", "delivered"]
    ids = [letter.message["Message-ID"] for letter in server.letters]
    assert len(set(ids)) == 2
    assert ids[0] in ids[1:]
