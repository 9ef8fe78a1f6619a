"""The exchange with a box: told until acknowledged, done once, nothing lost, and quick."""

import asyncio
import time
from datetime import timedelta

import msgspec
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
from cebox.domain.device import PRESENCE, DeviceKind
from cebox.domain.version import Version
from cebox.protocol.device import SYNC_PATH, BoxPhase, Progress, ReportedEvent, Result
from tests.integration.console.box import ScriptedBox, add_box, look_at, reload_action, send_update, took
from tests.integration.console.office import NEW, OLD, add_site, migrate, open_account, open_client
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def box(console: Console, app: Starlette) -> ScriptedBox:
    """One box of an account that has moved on to NEW; it runs OLD."""
    account = await open_account(console, "Atelier Nord", NEW)
    return await add_box(console, open_client(app), account)


async def _wait_for_waiters(console: Console, count: int) -> None:
    deadline = time.monotonic() + 5
    while console.hub.waiting_count != count:
        assert time.monotonic() < deadline, f"{console.hub.waiting_count} waiters, not {count}"
        await asyncio.sleep(0.005)


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


async def test_a_long_poll_answers_at_the_click_not_at_its_end(console: Console, box: ScriptedBox) -> None:
    await box.sync()
    waiting = asyncio.create_task(box.sync(wait=25))
    await _wait_for_waiters(console, 1)

    clicked_at = time.monotonic()
    action = await send_update(console, box)
    answer = await waiting

    assert time.monotonic() - clicked_at < 12
    assert [order.id for order in answer.orders] == [action.id]
    assert (await reload_action(console, action)).state is ActionState.SENT


async def test_a_box_without_news_is_not_answered_before_its_time(console: Console, box: ScriptedBox) -> None:
    await box.sync()

    asked_at = time.monotonic()
    answer = await box.sync(wait=1)

    assert time.monotonic() - asked_at >= 0.95
    assert (answer.orders, answer.cancelled) == ((), ())


async def test_a_box_that_never_acknowledges_does_not_spin(console: Console, box: ScriptedBox) -> None:
    await send_update(console, box)
    await box.ask(box.prepare())

    asked_at = time.monotonic()
    answers = [await box.ask(box.prepare(), wait=1) for _ in range(2)]

    assert time.monotonic() - asked_at >= 1.9
    assert all(answer.orders for answer in answers)


async def test_the_accounts_new_version_reaches_a_waiting_box_at_once(console: Console, app: Starlette) -> None:
    account = await open_account(console, "Atelier Nord", OLD)
    box = await add_box(console, open_client(app), account)
    waiting = asyncio.create_task(box.sync(wait=25))
    await _wait_for_waiters(console, 1)

    await migrate(console, account.id, NEW)

    async with asyncio.timeout(2):
        assert (await waiting).account_version == str(NEW)


async def test_a_box_that_was_away_during_a_migration_hears_of_it_at_once(console: Console, app: Starlette) -> None:
    account = await open_account(console, "Atelier Nord", OLD)
    box = await add_box(console, open_client(app), account)
    await migrate(console, account.id, NEW)

    async with asyncio.timeout(2):
        assert (await box.sync(wait=25)).account_version == str(NEW)


async def test_the_boxes_of_a_site_hear_of_their_wrs_and_what_it_serves(console: Console, app: Starlette) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    site = await add_site(console, account)
    box = await add_box(console, open_client(app), account, site_id=site.id)
    wrs = await add_box(console, open_client(app), account, "wrs", kind=DeviceKind.WRS, site_id=site.id)
    before = await box.sync()
    waiting = asyncio.create_task(box.sync(wait=25))
    await _wait_for_waiters(console, 1)

    told = await wrs.sync(served=str(OLD), server_url="http://10.20.4.2:8480")

    async with asyncio.timeout(2):
        after = await waiting
    assert before.site is not None
    assert before.site.server is None
    assert after.site is not None
    assert after.site.server is not None
    assert after.site.server.url == "http://10.20.4.2:8480"
    assert after.site.server.version == str(OLD)
    assert after.site.server.public_key == wrs.identity.public_key
    assert after.site.networks == ("10.20.4.0/24",)
    assert told.site is not None
    assert (told.site.server, told.site.box_versions) == (None, (str(OLD),))


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


async def test_an_open_long_poll_keeps_a_box_on_and_a_heartbeat_is_written_behind(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    clock.advance(PRESENCE + timedelta(seconds=1))
    assert not (await look_at(console, box)).is_on

    await box.sync()

    assert (await look_at(console, box)).is_on


async def test_the_hubs_close_releases_waiting_boxes_at_once(console: Console, box: ScriptedBox) -> None:
    await box.sync()
    waiting = [asyncio.create_task(box.ask(box.prepare(), wait=25)) for _ in range(3)]
    await _wait_for_waiters(console, 3)

    console.hub.close()

    async with asyncio.timeout(1):
        await asyncio.gather(*waiting)
    await _wait_for_waiters(console, 0)


async def test_a_withdrawn_order_is_told_to_the_box_until_it_has_answered(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    await box.sync()
    waiting = asyncio.create_task(box.sync(wait=25))
    await _wait_for_waiters(console, 1)

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


async def test_a_box_that_knows_fewer_or_more_fields_is_understood(console: Console, box: ScriptedBox) -> None:
    old = {"observed": {"boot": 7, "sequence": 1, "phase": "idle", "place": "away", "running": "2026.9.1"}}
    new = {
        "observed": {"boot": 7, "sequence": 2, "phase": "idle", "place": "moon", "running": "not one", "mood": "good"},
        "weather": {"is_nice": True},
        "acknowledged": ["act_unknown"],
    }

    for message in (old, new):
        answer = await box.post(SYNC_PATH, msgspec.json.encode(message), {"authorization": f"Bearer {box.token}"})
        assert answer.status_code == 200, answer.text

    record = (await look_at(console, box)).record
    assert (record.boot, record.place, record.slots.running) == (7, "away", None)


HOSTILE = {
    "not_json": (b"{", 422, "message_malformed"),
    "not_utf8": (b'{"observed": "\xff"}', 422, "message_malformed"),
    "another_shape": (b"[]", 422, "message_malformed"),
    "unknown_phase": (
        b'{"observed":{"boot":9,"sequence":1,"phase":"dancing","place":"away"}}',
        422,
        "message_malformed",
    ),
    "huge_counter": (
        b'{"observed":{"boot":99999999999999999999,"sequence":1,"phase":"idle","place":"away"}}',
        422,
        "",
    ),
    "negative_counter": (
        b'{"observed":{"boot":-1,"sequence":1,"phase":"idle","place":"away"}}',
        422,
        "observed_out_of_range",
    ),
    "too_large": (b" " * 65_537, 413, "message_too_large"),
    "deep": (b"[" * 60_000, 422, "message_malformed"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_malformed_message_is_refused_and_changes_nothing(box: ScriptedBox, case: str) -> None:
    body, status, code = HOSTILE[case]

    answer = await box.post(SYNC_PATH, body, {"authorization": f"Bearer {box.token}"})

    assert answer.status_code == status, answer.text
    assert code in answer.json()["code"]
    assert answer.json()["hint"]


async def test_nasty_words_of_a_box_are_kept_within_bounds(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    nasty = "\0" + "x" * 3000
    taken = msgspec.structs.replace(took(NEW), version=nasty, wan_bytes=-5, lan_bytes=2**70, way=nasty, reason=nasty)
    box.results = [
        Result(
            id=nasty, event=ReportedEvent.FAIL, at=nasty, action_id=action.id, code=nasty, detail=nasty, taken=taken
        ),
        Result(id=nasty + "2", event=ReportedEvent.FAIL, at="", action_id=nasty),
    ]
    progress = Progress(version=nasty, done_bytes=-1, total_bytes=2**70, action_id=nasty)

    await box.sync(
        progress=progress,
        phase=BoxPhase.DOWNLOADING,
        running=nasty,
        failed_versions=(nasty, str(NEW)),
        agent_version=nasty,
        server_url=nasty,
        served=nasty,
        slot_bytes=2**70,
        place=nasty,
    )

    assert box.results == []
    after = await reload_action(console, action)
    assert (after.state, after.taken) == (ActionState.FAILED, None)
    assert "\0" not in after.code + after.detail
    record = (await look_at(console, box)).record
    assert record.failed_versions == {NEW}
    assert (record.slots.running, record.server_url, record.served) == (None, None, None)


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
