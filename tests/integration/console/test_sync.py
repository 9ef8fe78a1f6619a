"""The exchange with a box: told until acknowledged, done once, nothing lost, and quick."""

import asyncio
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.actions.records import ActionFilters
from cebox.console.actions.service import ActionService, list_actions
from cebox.console.database.paging import Page
from cebox.console.devices.records import EventKind
from cebox.console.devices.service import list_events
from cebox.console.state import Console
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase, Progress, ReportedEvent
from tests.integration.console.box import (
    ScriptedBox,
    add_box,
    look_at,
    reload_action,
    send_update,
    took,
    wait_for_waiters,
)
from tests.integration.console.office import NEW, OLD, migrate, open_account, open_client
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def box(console: Console, app: Starlette) -> ScriptedBox:
    """One box of an account that has moved on to NEW; it runs OLD."""
    account = await open_account(console, "Atelier Nord", NEW)
    return await add_box(console, open_client(app), account)


async def test_an_order_is_told_until_it_is_acknowledged_and_then_no_more(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)

    lost = await box.ask(box.prepare())
    again = await box.sync()
    after = await box.sync()

    assert [order.id for order in lost.orders] == [order.id for order in again.orders] == [action.id]
    assert again.orders[0].kind == "update"
    assert again.orders[0].version == str(NEW)
    assert after.orders == ()


async def test_a_delivered_order_counts_as_sent_once(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)

    await box.ask(box.prepare())
    first = await reload_action(console, action)
    await box.ask(box.prepare())
    second = await reload_action(console, action)

    assert first.state is ActionState.SENT
    assert first == second


async def test_an_update_goes_through_all_its_states_to_the_proof(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()

    seen = []
    for event in (ReportedEvent.DOWNLOAD, ReportedEvent.STAGE, ReportedEvent.REBOOT, ReportedEvent.TRY):
        await box.report(event, action.id, taken=took(NEW))
        seen.append((await reload_action(console, action)).state)
    box.restart(running=str(NEW), previous=str(OLD))
    await box.report(ReportedEvent.FINISH, action.id, taken=took(NEW))

    done = await reload_action(console, action)
    assert seen == [ActionState.DOWNLOADING, ActionState.STAGED, ActionState.REBOOTING, ActionState.ON_TRIAL]
    assert (done.state, done.is_open) == (ActionState.DONE, False)
    assert done.taken is not None
    assert (done.taken.version, done.taken.source, done.taken.wan_bytes) == (NEW, "cloud", 40_000_000)
    assert (await look_at(console, box)).record.slots.running == NEW


async def test_a_result_whose_answer_was_lost_is_received_again_and_changes_nothing(
    console: Console, box: ScriptedBox
) -> None:
    action = await send_update(console, box)
    await box.sync()
    result = box.note(ReportedEvent.STAGE, action.id)

    lost = await box.ask(box.prepare())
    once = await reload_action(console, action)
    again = await box.sync()

    assert lost.received_results == again.received_results == (result.id,)
    assert await reload_action(console, action) == once
    assert box.results == []


async def test_a_report_that_comes_late_does_not_turn_an_action_back(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.STAGE, action.id)

    await box.report(ReportedEvent.DOWNLOAD, action.id)

    assert (await reload_action(console, action)).state is ActionState.STAGED


async def test_two_exchanges_of_one_box_at_the_same_moment_deliver_one_action(
    console: Console, box: ScriptedBox
) -> None:
    action = await send_update(console, box)
    await box.renew_token()

    answers = await asyncio.gather(*(box.ask(box.prepare()) for _ in range(6)))

    for answer in answers:
        box.take_in(answer)
    assert list(box.orders) == [action.id]
    assert (await reload_action(console, action)).revision == 1


async def test_the_same_result_sent_by_two_exchanges_at_once_counts_once(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    box.note(ReportedEvent.STAGE, action.id)

    answers = await asyncio.gather(*(box.ask(box.prepare()) for _ in range(6)))

    assert all(answer.received_results for answer in answers)
    async with console.database.read() as connection:
        events = await list_events(connection, local_operator().scope, box.device_id, Page())
    assert [event.kind for event in events.items].count(EventKind.REPORTED) == 1


async def test_a_result_for_an_action_nobody_knows_is_received_and_remembered(
    console: Console, box: ScriptedBox
) -> None:
    answer = await box.report(ReportedEvent.FINISH, "act_of_another_console")

    assert len(answer.received_results) == 1
    async with console.database.read() as connection:
        newest = (await list_events(connection, local_operator().scope, box.device_id, Page())).items[0]
    assert newest.kind is EventKind.REPORTED
    assert newest.facts["action_id"] == "act_of_another_console"
    assert newest.facts["is_step"] is False


async def test_a_result_for_another_devices_action_changes_nothing(
    console: Console, app: Starlette, box: ScriptedBox
) -> None:
    foreign = await open_account(console, "Clinique Sud", NEW)
    other = await add_box(console, open_client(app), foreign)
    action = await send_update(console, other)

    answer = await box.report(ReportedEvent.FAIL, action.id, code="made_up")

    assert len(answer.received_results) == 1
    assert (await reload_action(console, action)).state is ActionState.WAITING


async def test_what_nobody_ordered_becomes_part_of_the_devices_history(console: Console, box: ScriptedBox) -> None:
    await box.report(ReportedEvent.ROLL_BACK, None, taken=took(NEW), code="trial_failed")

    async with console.database.read() as connection:
        newest = (await list_events(connection, local_operator().scope, box.device_id, Page())).items[0]
    assert newest.facts["event"] == "roll_back"
    assert newest.facts["version"] == str(NEW)
    assert newest.facts["code"] == "trial_failed"


async def test_an_older_word_of_a_box_about_itself_is_ignored(console: Console, box: ScriptedBox) -> None:
    late = box.prepare(staged=str(NEW), phase=BoxPhase.STAGED)
    await box.sync(staged=None, phase=BoxPhase.IDLE, running=str(NEW))

    await box.ask(late)

    record = (await look_at(console, box)).record
    assert (record.slots.running, record.slots.staged, record.phase) == (NEW, None, BoxPhase.IDLE)


async def test_an_older_word_is_ignored_even_before_the_newer_heartbeat_is_written(
    console: Console, box: ScriptedBox
) -> None:
    late = box.prepare(staged=str(NEW))
    await box.sync(staged=None)

    await box.ask(late)

    assert (await look_at(console, box)).record.slots.staged is None


async def test_a_new_boot_counts_from_the_start_again(console: Console, box: ScriptedBox) -> None:
    for _ in range(5):
        await box.sync()
    box.restart(running=str(NEW))
    await box.sync()

    assert (await look_at(console, box)).record.slots.running == NEW


async def test_a_goodbye_shows_the_box_off_at_once_and_its_return_shows_it_on(
    console: Console, box: ScriptedBox
) -> None:
    assert (await look_at(console, box)).is_on

    await box.sync(is_leaving=True, phase=BoxPhase.SHUTTING_DOWN)
    gone = await look_at(console, box)
    box.restart(is_leaving=False, phase=BoxPhase.IDLE)
    await box.sync()

    assert not gone.is_on
    assert (await look_at(console, box)).is_on
    async with console.database.read() as connection:
        events = await list_events(connection, local_operator().scope, box.device_id, Page())
    kinds = [event.kind for event in reversed(events.items)]
    assert kinds == [
        EventKind.ENROLLED,
        EventKind.CAME_ON,
        EventKind.NOW_RUNS,
        EventKind.WENT_OFF,
        EventKind.CAME_ON,
    ]


async def test_progress_is_shown_and_forgotten_when_the_download_ends(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.DOWNLOAD, action.id)
    progress = Progress(version=str(NEW), done_bytes=1000, total_bytes=4000, action_id=action.id)
    await box.sync(phase=BoxPhase.DOWNLOADING)
    await box.sync(progress=progress)

    during = await look_at(console, box)
    await box.sync(phase=BoxPhase.STAGED, staged=str(NEW))

    assert during.record.progress == progress
    assert (await look_at(console, box)).record.progress is None


async def test_progress_keeps_a_slow_download_from_expiring(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.DOWNLOAD, action.id)
    await box.sync(phase=BoxPhase.DOWNLOADING)
    before = (await reload_action(console, action)).deadline_at
    clock.advance(timedelta(minutes=10))

    await box.sync(progress=Progress(version=str(NEW), done_bytes=1, total_bytes=2, action_id=action.id))
    await console.heartbeats.flush(console.database)

    after = (await reload_action(console, action)).deadline_at
    assert before is not None
    assert after == before + timedelta(minutes=10)


async def test_a_withdrawn_order_is_told_to_the_box_until_it_has_answered(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.sync()
    waiting = asyncio.create_task(box.sync(wait=25))
    await wait_for_waiters(console, 1)

    async with console.database.write() as unit:
        asked = await ActionService(unit, local_operator(), console.clock).cancel(action.id)
    async with asyncio.timeout(2):
        await waiting
    assert (asked.state, asked.is_withdrawing) == (ActionState.SENT, True)
    assert box.withdrawn == {action.id}
    assert (await box.sync()).cancelled == (action.id,)

    await box.report(ReportedEvent.CANCEL, action.id, code="cancelled")

    assert (await reload_action(console, action)).state is ActionState.CANCELLED
    assert (await box.sync()).cancelled == ()


async def test_a_withdrawal_that_comes_too_late_leaves_the_truth(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.sync()
    async with console.database.write() as unit:
        await ActionService(unit, local_operator(), console.clock).cancel(action.id)

    await box.report(ReportedEvent.REBOOT, action.id)
    await box.report(ReportedEvent.FINISH, action.id, taken=took(NEW))

    after = await reload_action(console, action)
    assert (after.state, after.is_withdrawing) == (ActionState.DONE, False)


async def test_an_order_that_never_reached_the_box_is_withdrawn_at_once(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)

    async with console.database.write() as unit:
        cancelled = await ActionService(unit, local_operator(), console.clock).cancel(action.id)

    assert cancelled.state is ActionState.CANCELLED
    assert (await box.sync()).orders == ()


async def test_an_order_names_the_version_its_tag_points_at_when_it_is_delivered(
    console: Console, app: Starlette
) -> None:
    account = await open_account(console, "Atelier Nord", OLD)
    box = await add_box(console, open_client(app), account, running="2026.9.1")
    await box.sync(is_leaving=True)
    action = await send_update(console, box, at_next_start=True)
    await migrate(console, account.id, NEW)

    box.restart(is_leaving=False)
    answer = await box.sync()

    assert answer.orders[0].version == str(NEW)
    after = await reload_action(console, action)
    assert (after.asked_version, after.expected_version) == (NEW, OLD)


async def test_a_newer_update_replaces_the_one_that_waits_for_a_restart(console: Console, box: ScriptedBox) -> None:
    first = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.STAGE, first.id)
    await box.sync(staged=str(NEW), phase=BoxPhase.STAGED)
    account_id = (await look_at(console, box)).record.account_id
    await migrate(console, account_id, Version.parse("2026.12.1"))

    second = await send_update(console, box)
    await box.sync()
    await box.report(ReportedEvent.STAGE, second.id)

    superseded = await reload_action(console, first)
    assert (superseded.state, superseded.code) == (ActionState.CANCELLED, "superseded")
    assert (await reload_action(console, second)).state is ActionState.STAGED
    async with console.database.read() as connection:
        still_open = await list_actions(connection, local_operator().scope, ActionFilters(is_open=True), Page())
    assert [one.id for one in still_open.items] == [second.id]


async def test_a_reboot_goes_from_the_click_to_the_proof(console: Console, box: ScriptedBox) -> None:
    async with console.database.write() as unit:
        action = await ActionService(unit, local_operator(), console.clock).send_power(box.device_id, ActionKind.REBOOT)
    answer = await box.sync()
    await box.report(ReportedEvent.REBOOT, action.id)
    rebooting = await reload_action(console, action)
    box.restart()
    await box.report(ReportedEvent.FINISH, action.id)

    assert (answer.orders[0].kind, answer.orders[0].version) == ("reboot", None)
    assert rebooting.state is ActionState.REBOOTING
    assert (await reload_action(console, action)).state is ActionState.DONE
