"""Signs of life are written together, soon, and survive a database that is away for a moment."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from cebox.console.boxes.heartbeats import Heartbeats
from cebox.console.database.engine import Database, parse_database_url
from cebox.console.devices.repository import Heartbeat
from cebox.console.state import Console
from cebox.errors import Unavailable
from cebox.protocol.device import Progress
from tests.integration.console.box import ScriptedBox, add_box, look_at
from tests.integration.console.office import NEW, open_account, open_client
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def box(console: Console, app: Starlette) -> ScriptedBox:
    account = await open_account(console, "Atelier Nord", NEW)
    return await add_box(console, open_client(app), account)


async def test_many_heartbeats_are_one_write(console: Console, app: Starlette) -> None:
    # Nothing is written by itself while the boxes speak, however slow the machine is.
    console.heartbeats.flush_seconds = 600
    account = await open_account(console, "Atelier Nord", NEW)
    client = open_client(app)
    boxes = [await add_box(console, client, account, f"box-{number}") for number in range(5)]
    await console.heartbeats.flush(console.database)
    begun: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE devices"):
            begun.append(statement)

    event.listen(console.database.engine.sync_engine, "before_cursor_execute", count)
    try:
        for _ in range(3):
            for box in boxes:
                await box.sync()
        assert begun == []
        await console.heartbeats.flush(console.database)
    finally:
        event.remove(console.database.engine.sync_engine, "before_cursor_execute", count)

    assert len(begun) == 1
    assert [(await look_at(console, box)).record.sequence for box in boxes] == [4] * 5


async def test_a_heartbeat_is_written_by_itself_within_moments(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    clock.advance(timedelta(seconds=30))
    await box.sync()

    deadline = time.monotonic() + 10
    while console.heartbeats.find_newest(box.device_id) is not None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)

    async with console.database.read() as connection:
        seen = (await connection.exec_driver_sql("SELECT sequence FROM devices")).scalar_one()
    assert seen == box.sequence


async def test_heartbeats_that_could_not_be_written_are_kept_for_the_next_time(
    console: Console, box: ScriptedBox, clock: HandClock, tmp_path: Path
) -> None:
    away = Database(parse_database_url(f"sqlite:///{tmp_path / 'without-tables.db'}"))
    heartbeats = Heartbeats()
    record = (await look_at(console, box)).record
    clock.advance(timedelta(seconds=30))
    progress = Progress(version=str(NEW), done_bytes=1, total_bytes=2)
    beat = Heartbeat(box.device_id, record.boot, record.sequence + 1, clock(), progress)
    heartbeats.note(console.database, record.account_id, beat)

    with pytest.raises(Unavailable):
        await heartbeats.flush(away)
    kept = heartbeats.find_newest(box.device_id)
    await heartbeats.close(console.database)

    assert kept == (record.boot, record.sequence + 1)
    after = (await look_at(console, box)).record
    assert (after.sequence, after.last_seen_at, after.progress) == (record.sequence + 1, clock(), progress)
    await away.close()


async def test_an_older_heartbeat_never_takes_a_newer_ones_place(console: Console, box: ScriptedBox) -> None:
    heartbeats = Heartbeats()
    record = (await look_at(console, box)).record
    for sequence in (9, 8):
        beat = Heartbeat(box.device_id, record.boot, sequence, console.clock())
        heartbeats.note(console.database, record.account_id, beat)
    await heartbeats.close(console.database)
    stale = Heartbeat(
        box.device_id, record.boot, 5, console.clock(), Progress(version="x", done_bytes=1, total_bytes=2)
    )
    heartbeats.note(console.database, record.account_id, stale)
    await heartbeats.close(console.database)

    after = (await look_at(console, box)).record
    assert (after.sequence, after.progress) == (9, None)
