"""Jobs: one replica at a time, taken over when it dies, and what they notice."""

import asyncio
import time
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.actions.jobs import WITHDRAWALS_KEPT, expire_actions
from cebox.console.actions.service import ActionService
from cebox.console.database.paging import Page
from cebox.console.devices.jobs import note_silent_devices
from cebox.console.devices.records import EventKind
from cebox.console.devices.service import list_events
from cebox.console.jobs.job import Job
from cebox.console.jobs.loop import LEASE, JobLoop
from cebox.console.jobs.schedule import list_jobs
from cebox.console.live.hub import device_topic
from cebox.console.state import Console
from cebox.domain.action import EXPIRY_AT_NEXT_START, EXPIRY_WHEN_ON, ActionState
from cebox.domain.device import PRESENCE
from cebox.errors import Unavailable
from cebox.protocol.device import ReportedEvent
from tests.integration.console.box import ScriptedBox, add_box, look_at, reload_action, send_update, took
from tests.integration.console.office import NEW, open_account, open_client
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


class Counter:
    def __init__(self) -> None:
        self.runs = 0
        self.ran = asyncio.Event()

    async def run(self, _console: Console) -> None:
        self.runs += 1
        self.ran.set()


@pytest.fixture
async def box(console: Console, app: Starlette) -> ScriptedBox:
    account = await open_account(console, "Atelier Nord", NEW)
    return await add_box(console, open_client(app), account)


async def test_of_two_replicas_one_runs_a_job(console: Console) -> None:
    counter = Counter()
    job = Job("count", 1, counter.run)
    first, second = JobLoop(console, [job]), JobLoop(console, [job])

    ran = await asyncio.gather(first.run_once(job), second.run_once(job))

    assert sorted(ran) == [False, True]
    assert counter.runs == 1


async def test_the_job_of_a_replica_that_died_is_taken_over_after_its_lease(console: Console, clock: HandClock) -> None:
    counter = Counter()
    job = Job("count", 1, counter.run)
    dead, alive = JobLoop(console, [job]), JobLoop(console, [job])
    await dead.run_once(job)

    clock.advance(LEASE - timedelta(seconds=1))
    too_early = await alive.run_once(job)
    clock.advance(timedelta(seconds=1))
    in_time = await alive.run_once(job)

    assert (too_early, in_time, await dead.run_once(job)) == (False, True, False)


async def test_a_replica_that_stops_hands_its_jobs_over_at_once(console: Console) -> None:
    counter = Counter()
    job = Job("count", 3600, counter.run)
    async with JobLoop(console, [job]):
        await asyncio.wait_for(counter.ran.wait(), 5)

    assert await JobLoop(console, [job]).run_once(job)
    assert counter.runs == 2


async def test_a_job_that_fails_comes_again(console: Console) -> None:
    counter = Counter()

    async def fail_first(console: Console) -> None:
        await counter.run(console)
        if counter.runs == 1:
            raise ZeroDivisionError
        if counter.runs == 2:
            raise Unavailable("repository_away", "it does not answer")

    job = Job("fail", 0.01, fail_first)
    async with JobLoop(console, [job]):
        async with asyncio.timeout(5):
            while counter.runs < 3:
                counter.ran.clear()
                await counter.ran.wait()

    assert counter.runs >= 3


async def test_a_long_job_keeps_its_lease(console: Console, clock: HandClock) -> None:
    go = asyncio.Event()

    async def run_long(_console: Console) -> None:
        await go.wait()

    job = Job("long", 1, run_long)
    first = JobLoop(console, [job], lease=timedelta(seconds=0.3))
    running = asyncio.create_task(first.run_once(job))
    rival = JobLoop(console, [job], lease=timedelta(seconds=0.3))
    try:
        deadline = time.monotonic() + 2
        for _ in range(4):
            clock.advance(timedelta(seconds=0.2))
            # The holder renews by the real time between two moves of the hand.
            await asyncio.sleep(0.15)
            assert not await rival.run_once(job)
        assert time.monotonic() < deadline + 5
    finally:
        go.set()
        await running


async def test_every_job_of_the_console_runs_twice_without_harm(console: Console, box: ScriptedBox) -> None:
    for _ in range(2):
        for job in list_jobs(console):
            await job.run(console)

    assert (await look_at(console, box)).is_on


async def test_silence_is_noticed_once_and_shown(console: Console, box: ScriptedBox, clock: HandClock) -> None:
    await console.heartbeats.flush(console.database)
    clock.advance(PRESENCE + timedelta(seconds=1))

    async with console.hub.subscribe(device_topic(box.device_id)) as page:
        await note_silent_devices(console)
        shown = await page.wait(0)
        await note_silent_devices(console)
        again = await page.wait(0)

    assert (shown, again) == ({device_topic(box.device_id)}, set())
    async with console.database.read() as connection:
        events = await list_events(connection, local_operator().scope, box.device_id, Page())
    assert (events.items[0].kind, events.items[0].facts) == (EventKind.WENT_OFF, {"reason": "silence"})
    await box.sync()
    assert (await look_at(console, box)).is_on
    async with console.database.read() as connection:
        events = await list_events(connection, local_operator().scope, box.device_id, Page())
    assert events.items[0].kind is EventKind.CAME_ON


async def test_a_device_that_is_heard_of_is_not_noted_silent(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    clock.advance(PRESENCE - timedelta(seconds=1))
    await note_silent_devices(console)

    assert (await look_at(console, box)).record.noted_on


async def test_an_action_nobody_carries_out_expires_and_is_told_no_more(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    waiting = await send_update(console, box)
    clock.advance(EXPIRY_WHEN_ON)
    undelivered = await box.sync()
    await expire_actions(console)

    after = await reload_action(console, waiting)
    assert undelivered.orders == (await box.sync()).orders == ()
    assert (after.state, after.is_open, after.code) == (ActionState.EXPIRED, False, "not_started")


async def test_an_action_queued_for_the_next_start_outlives_the_night_but_not_its_expiry(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    await box.sync(is_leaving=True)
    queued = await send_update(console, box, at_next_start=True)

    clock.advance(EXPIRY_AT_NEXT_START - timedelta(seconds=1))
    await expire_actions(console)
    alive = await reload_action(console, queued)
    clock.advance(timedelta(seconds=1))
    await expire_actions(console)

    assert alive.state is ActionState.WAITING
    assert (await reload_action(console, queued)).state is ActionState.EXPIRED


async def test_a_silent_action_expires_and_late_evidence_corrects_it(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.sync()
    clock.advance(timedelta(minutes=10))
    await expire_actions(console)
    expired = await reload_action(console, action)

    box.token = ""
    await box.report(ReportedEvent.STAGE, action.id, taken=took(NEW))

    assert (expired.state, expired.code) == (ActionState.EXPIRED, "silence")
    corrected = await reload_action(console, action)
    assert (corrected.state, corrected.is_open, corrected.code) == (ActionState.STAGED, True, "")
    assert box.withdrawn == set()


async def test_a_withdrawal_nobody_answers_is_forgotten(console: Console, box: ScriptedBox, clock: HandClock) -> None:
    action = await send_update(console, box)
    await box.ask(box.prepare())
    async with console.database.write() as unit:
        await ActionService(unit, local_operator(), console.clock).cancel(action.id)
    assert (await box.sync()).cancelled == (action.id,)

    clock.advance(WITHDRAWALS_KEPT + timedelta(seconds=1))
    await expire_actions(console)
    box.token = ""

    assert (await box.sync()).cancelled == ()
