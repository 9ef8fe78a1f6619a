"""Campaigns on a real database: sent in waves, inside the window, within the limits, stopped when they must be."""

import asyncio
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.accounts.service import get_account
from cebox.console.actions.jobs import expire_actions
from cebox.console.actions.service import ActionService
from cebox.console.campaigns.jobs import CampaignDriver
from cebox.console.campaigns.records import EventKind, Selection, StopReason
from cebox.console.campaigns.service import list_events, start_campaign
from cebox.console.campaigns.stored import make_window
from cebox.console.database.paging import Page
from cebox.console.devices.service import remove_device
from cebox.console.journal.service import list_entries
from cebox.console.state import Console
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.campaign_rules import CampaignRules, Pace, StopRule
from cebox.domain.campaign_step import Waiting
from cebox.domain.campaign_waves import WaveOrder, parse_shares
from cebox.domain.migration import Phase
from cebox.errors import Conflict, InvalidInput
from cebox.protocol.device import ReportedEvent
from tests.integration.console.box import send_update
from tests.integration.console.campaign_fleet import Fleet, open_fleet
from tests.integration.console.office import NEW, NEXT, OLD, add_site, migrate
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

LAX = StopRule(wave_percent=100, campaign_percent=100)


@pytest.fixture
async def fleet(console: Console, app: Starlette, clock: HandClock) -> Fleet:
    return await open_fleet(console, app, clock, "box-1", "box-2")


async def test_a_campaign_updates_and_restarts_every_device_to_the_proof(fleet: Fleet) -> None:
    campaign_id = await fleet.start()
    await fleet.tick()
    sent = await fleet.states(campaign_id)
    for name in ("box-1", "box-2"):
        await fleet.update(name)
    await fleet.tick()

    view = await fleet.look(campaign_id)
    assert set(sent.values()) == {MemberState.UPDATING}
    assert (await fleet.states(campaign_id)) == {"box-1": MemberState.DONE, "box-2": MemberState.DONE}
    assert (view.campaign.state, view.campaign.version) == (CampaignState.COMPLETED, NEW)
    assert view.campaign.over_at is not None
    assert [len(box.orders) for box in fleet.boxes.values()] == [2, 2]


async def test_it_sends_without_a_tag_opens_production_and_leaves_a_trace(fleet: Fleet) -> None:
    await migrate(fleet.console, fleet.account.id, NEXT)
    campaign_id = await fleet.start()
    await fleet.tick()

    order = await fleet.order_of("box-1", "update")
    assert order is not None
    assert (order.tag, order.version) == (None, str(NEXT))
    async with fleet.console.database.read() as connection:
        account = await get_account(connection, local_operator().scope, fleet.account.id)
        entries = await list_entries(connection, local_operator().scope, Page())
    assert account.phase is Phase.PRODUCTION
    verbs = {entry.verb: entry for entry in entries.items}
    assert verbs["campaign_started"].subject == campaign_id
    assert verbs["command_sent"].facts["campaign_id"] == campaign_id


async def test_no_box_goes_before_its_wrs_and_all_go_after_it(fleet: Fleet) -> None:
    await fleet.add_site("Lyon", ["lyon-1"])
    campaign_id = await fleet.start(CampaignRules(stop_rule=LAX))
    await fleet.tick(2)
    before = await fleet.states(campaign_id)
    await fleet.update("Lyon-WRS")
    await fleet.tick()
    after = await fleet.states(campaign_id)

    assert before["Lyon-WRS"] is MemberState.UPDATING
    assert before["lyon-1"] is MemberState.PENDING
    assert after["Lyon-WRS"] is MemberState.DONE
    assert after["lyon-1"] is MemberState.UPDATING


async def test_the_boxes_of_a_wrs_that_fell_back_are_left_alone_and_retried_with_it(fleet: Fleet) -> None:
    await fleet.add_site("Lyon", ["lyon-1"])
    campaign_id = await fleet.start(CampaignRules(stop_rule=LAX))
    await fleet.tick()
    order = await fleet.order_of("Lyon-WRS", "update")
    assert order is not None
    await fleet.boxes["Lyon-WRS"].report(ReportedEvent.FAIL, order.id, code="disk_full")
    await fleet.tick(2)
    failed = await fleet.members(campaign_id)
    if (await fleet.look(campaign_id)).campaign.state is CampaignState.STOPPED:
        await fleet.steer(campaign_id, "resume")
        await fleet.tick(2)
        failed = await fleet.members(campaign_id)
    await fleet.steer(campaign_id, "retry")
    retried = await fleet.members(campaign_id)

    assert (failed["Lyon-WRS"].state, failed["Lyon-WRS"].code) == (MemberState.FAILED, "disk_full")
    assert (failed["lyon-1"].state, failed["lyon-1"].code) == (MemberState.SKIPPED, "wrs_not_updated")
    assert retried["Lyon-WRS"].state is MemberState.PENDING
    assert retried["lyon-1"].state is MemberState.PENDING


async def test_never_more_than_the_limits_are_under_way(fleet: Fleet) -> None:
    await fleet.add("box-3", "box-4")
    campaign_id = await fleet.start(CampaignRules(pace=Pace(in_all=2, per_site=1)))
    await fleet.tick(3)
    first = (await fleet.look(campaign_id)).tally
    await fleet.update("box-1")
    await fleet.tick(2)
    second = (await fleet.look(campaign_id)).tally

    assert (first.under_way, first.of(MemberState.PENDING)) == (2, 2)
    assert (second.under_way, second.of(MemberState.PENDING), second.of(MemberState.DONE)) == (2, 1, 1)


async def test_a_site_is_never_fuller_than_its_limit_while_others_go_on(fleet: Fleet) -> None:
    site = await add_site(fleet.console, fleet.account, "Metz")
    await fleet.add("a-metz-1", "a-metz-2", "a-metz-3", site_id=site.id)
    campaign_id = await fleet.start(CampaignRules(order=WaveOrder.SITE_BY_SITE, pace=Pace(in_all=4, per_site=1)))
    await fleet.tick(3)
    first = await fleet.states(campaign_id)
    await fleet.steer(campaign_id, "end")
    await fleet.tick()

    assert sorted(name for name, state in first.items() if state is MemberState.UPDATING) == ["a-metz-1"]


async def test_nothing_is_sent_outside_the_window(fleet: Fleet) -> None:
    window = make_window("19:00-21:00", [1, 2, 3, 4, 5, 6, 7], "Europe/Paris")
    campaign_id = await fleet.start(CampaignRules(window=window))
    await fleet.tick()
    waiting = (await fleet.look(campaign_id)).campaign
    quiet = await fleet.states(campaign_id)
    # It is 11:00 in Paris when the test begins.
    await fleet.wait(timedelta(hours=8, minutes=1))
    await fleet.tick()
    begun = await fleet.states(campaign_id)
    await fleet.install("box-1")
    await fleet.wait(timedelta(hours=2))
    await fleet.tick(2)
    late = await fleet.states(campaign_id)

    assert (waiting.waiting, waiting.waits_until) == (Waiting.WINDOW, fleet.clock().replace(hour=18, minute=0))
    assert set(quiet.values()) == {MemberState.PENDING}
    assert set(begun.values()) == {MemberState.UPDATING}
    assert late["box-1"] is MemberState.READY
    assert await fleet.order_of("box-1", "reboot") is None


async def test_a_bad_release_stops_the_campaign_and_what_was_not_sent_is_untouched(fleet: Fleet) -> None:
    await fleet.add("box-3", "box-4")
    rules = CampaignRules(shares=parse_shares("1"), stop_rule=StopRule(wave_percent=50))
    campaign_id = await fleet.start(rules)
    await fleet.tick()
    await fleet.update("box-1", is_bad=True)
    await fleet.tick(3)

    view = await fleet.look(campaign_id)
    assert view.campaign.state is CampaignState.STOPPED
    assert view.campaign.stop is not None
    assert view.campaign.stop.reason is StopReason.THRESHOLD
    assert view.campaign.stop.facts == {"wave": 1, "anomalies": 1, "counted": 1, "percent": 50}
    states = await fleet.states(campaign_id)
    assert states.pop("box-1") is MemberState.ROLLED_BACK
    assert set(states.values()) == {MemberState.PENDING}
    assert all(not box.orders for name, box in fleet.boxes.items() if name != "box-1")


async def test_silence_past_the_deadline_counts_and_a_late_word_corrects_it(fleet: Fleet) -> None:
    campaign_id = await fleet.start(CampaignRules(stop_rule=StopRule(100, 100, 1, silence_minutes=30)))
    await fleet.tick()
    fleet.began_at = fleet.clock()
    await fleet.install("box-1")
    await fleet.install("box-2")
    await fleet.tick(2)
    await fleet.order_of("box-1", "reboot")
    for _ in range(4):
        await fleet.wait(timedelta(minutes=8), silent=["box-1"])
    await fleet.tick()
    silent = (await fleet.members(campaign_id))["box-1"]
    await fleet.restart("box-1")
    await fleet.tick()

    assert (silent.state, silent.code) == (MemberState.SILENT, "silence")
    assert (await fleet.states(campaign_id))["box-1"] is MemberState.DONE


async def test_a_console_that_was_away_calls_nobody_silent(fleet: Fleet) -> None:
    campaign_id = await fleet.start(CampaignRules(stop_rule=StopRule(silence_minutes=30)))
    await fleet.tick()
    await fleet.install("box-1")
    fleet.clock.advance(timedelta(hours=3))
    fleet.began_at = fleet.clock()
    await fleet.tick()

    assert (await fleet.states(campaign_id))["box-1"] is MemberState.READY


async def test_what_never_reached_a_device_is_sent_again_when_it_is_back(fleet: Fleet) -> None:
    campaign_id = await fleet.start()
    await fleet.tick()
    fleet.clock.advance(timedelta(minutes=11))
    await expire_actions(fleet.console)
    await fleet.tick()
    put_back = await fleet.states(campaign_id)
    await fleet.wait(timedelta(0))
    await fleet.tick()

    assert set(put_back.values()) == {MemberState.PENDING}
    assert set((await fleet.states(campaign_id)).values()) == {MemberState.UPDATING}
    assert (await fleet.look(campaign_id)).tally.counted == 2


async def test_devices_that_are_off_are_waited_for_and_said_so(fleet: Fleet) -> None:
    for box in fleet.boxes.values():
        await box.sync(is_leaving=True)
    campaign_id = await fleet.start()
    await fleet.tick()
    waiting = (await fleet.look(campaign_id)).campaign.waiting
    await fleet.boxes["box-1"].sync(is_leaving=False)
    await fleet.tick()

    assert waiting is Waiting.DEVICES_OFF
    assert (await fleet.states(campaign_id)) == {"box-1": MemberState.UPDATING, "box-2": MemberState.PENDING}


async def test_who_has_the_version_or_cannot_take_it_is_told_so_at_the_start(fleet: Fleet) -> None:
    await fleet.add("there", running=str(NEW))
    await fleet.add("newer", running=str(NEXT))
    await fleet.add("set-aside", failed_versions=(str(NEW),))
    await fleet.add("small", slot_bytes=1000)
    campaign_id = await fleet.start()
    await fleet.tick()

    members = await fleet.members(campaign_id)
    assert {name: (members[name].state.value, members[name].code) for name in sorted(members) if "box" not in name} == {
        "newer": ("skipped", "would_downgrade"),
        "set-aside": ("skipped", "rolled_back_before"),
        "small": ("skipped", "slot_too_small"),
        "there": ("done", "already_there"),
    }
    assert not any(fleet.boxes[name].orders for name in ("there", "newer", "set-aside", "small"))


async def test_a_version_installed_by_somebody_else_is_only_restarted(fleet: Fleet) -> None:
    await send_update(fleet.console, fleet.boxes["box-1"])
    await fleet.install("box-1")
    campaign_id = await fleet.start()
    await fleet.tick(2)
    await fleet.restart("box-1")
    await fleet.tick()

    assert (await fleet.states(campaign_id))["box-1"] is MemberState.DONE
    assert [order.kind for order in fleet.boxes["box-1"].orders.values()] == ["update", "reboot"]


async def test_pausing_holds_what_is_ready_and_resuming_goes_on(fleet: Fleet) -> None:
    campaign_id = await fleet.start(CampaignRules(pace=Pace(in_all=1)))
    await fleet.tick()
    await fleet.steer(campaign_id, "pause")
    await fleet.install("box-1")
    await fleet.tick(3)
    paused = await fleet.states(campaign_id)
    await fleet.steer(campaign_id, "resume")
    await fleet.tick()

    assert paused == {"box-1": MemberState.READY, "box-2": MemberState.PENDING}
    assert (await fleet.states(campaign_id))["box-1"] is MemberState.RESTARTING


async def test_resuming_after_a_stop_counts_from_zero_and_may_leave_a_site_out(fleet: Fleet) -> None:
    lyon = await fleet.add_site("Lyon", ["lyon-1"])
    campaign_id = await fleet.start(CampaignRules(shares=parse_shares("1"), stop_rule=StopRule(wave_percent=20)))
    await fleet.tick()
    await fleet.update("Lyon-WRS", is_bad=True)
    await fleet.tick()
    stopped = (await fleet.look(campaign_id)).campaign.state
    await fleet.steer(campaign_id, "resume", without_site=lyon)
    await fleet.tick(2)

    view = await fleet.look(campaign_id)
    assert stopped is CampaignState.STOPPED
    assert view.campaign.state is CampaignState.RUNNING
    assert view.tally.anomalies == 0
    assert view.tally.trouble == 1
    assert (await fleet.members(campaign_id))["lyon-1"].code == "left_out"
    assert view.tally.under_way == 2


async def test_ending_closes_what_was_not_sent_and_follows_the_rest(fleet: Fleet) -> None:
    await fleet.add("box-3", "box-4")
    campaign_id = await fleet.start(CampaignRules(pace=Pace(in_all=3)))
    await fleet.tick()
    await fleet.install("box-1")
    await fleet.install("box-2")
    await fleet.tick(2)
    await fleet.order_of("box-2", "reboot")
    await fleet.steer(campaign_id, "end")
    await fleet.tick()
    ending = (await fleet.look(campaign_id)).campaign.state
    await fleet.restart("box-1")
    await fleet.restart("box-2")
    await fleet.install("box-3")
    await fleet.tick(2)

    view = await fleet.look(campaign_id)
    assert ending is CampaignState.ENDING
    assert view.campaign.state is CampaignState.ENDED
    assert (await fleet.states(campaign_id)) == {
        "box-1": MemberState.DONE,
        "box-2": MemberState.DONE,
        "box-3": MemberState.INSTALLED,
        "box-4": MemberState.NOT_SENT,
    }
    assert await fleet.order_of("box-3", "reboot") is None


async def test_when_the_account_moves_on_or_the_release_is_withdrawn_it_stops(fleet: Fleet) -> None:
    campaign_id = await fleet.start(CampaignRules(pace=Pace(in_all=1)))
    await fleet.tick()
    await migrate(fleet.console, fleet.account.id, NEXT)
    await fleet.tick()

    campaign = (await fleet.look(campaign_id)).campaign
    assert campaign.state is CampaignState.STOPPED
    assert campaign.stop is not None
    assert (campaign.stop.reason, campaign.stop.facts) == (StopReason.VERSION_CHANGED, {"version": str(NEXT)})


async def test_an_update_withdrawn_by_hand_and_a_device_removed_have_their_outcome(fleet: Fleet) -> None:
    campaign_id = await fleet.start()
    await fleet.tick()
    member = (await fleet.members(campaign_id))["box-1"]
    assert member.update_id is not None
    async with fleet.console.database.write() as unit:
        await ActionService(unit, local_operator(), fleet.clock).cancel(member.update_id)
        await remove_device(unit, local_operator(), fleet.boxes["box-2"].device_id, fleet.clock())
    await fleet.tick(2)

    members = await fleet.members(campaign_id)
    assert (members["box-1"].state, members["box-1"].code) == (MemberState.WITHDRAWN, "cancelled")
    assert (members["box-2"].state, members["box-2"].code) == (MemberState.WITHDRAWN, "device_removed")
    assert (await fleet.look(campaign_id)).campaign.state is CampaignState.COMPLETED


async def test_two_consoles_on_one_database_start_nobody_twice(fleet: Fleet) -> None:
    await fleet.add("box-3", "box-4", "box-5")
    campaign_id = await fleet.start(CampaignRules(pace=Pace(in_all=3)))
    rivals = [CampaignDriver(fleet.clock()) for _ in range(4)]

    await asyncio.gather(*(one.drive_campaigns(fleet.console) for one in rivals))

    assert (await fleet.look(campaign_id)).tally.under_way == 3
    for name in fleet.boxes:
        await fleet.order_of(name, "update")
    assert sum(len(box.orders) for box in fleet.boxes.values()) == 3


async def test_a_device_is_in_one_campaign_at_a_time(fleet: Fleet) -> None:
    first = await fleet.start()
    second = await fleet.draft(selection=Selection(device_ids=(fleet.boxes["box-1"].device_id,)))

    async def start_second() -> None:
        await start_campaign(fleet.console.database, local_operator(), fleet.clock, second)

    with pytest.raises(Conflict) as refusal:
        await start_second()
    assert refusal.value.code == "devices_in_another_campaign"
    await fleet.steer(first, "end")
    await fleet.tick()
    await start_second()
    assert (await fleet.look(second)).campaign.state is CampaignState.RUNNING


async def test_a_start_is_refused_when_it_is_not_what_was_shown(fleet: Fleet) -> None:
    campaign_id = await fleet.draft()

    async def start(expected: int | None) -> None:
        database = fleet.console.database
        await start_campaign(database, local_operator(), fleet.clock, campaign_id, expected_count=expected)

    with pytest.raises(Conflict) as refusal:
        await start(3)
    assert refusal.value.code == "forecast_changed"
    await start(2)
    with pytest.raises(Conflict) as again:
        await start(2)
    assert again.value.code == "campaign_begun"


@pytest.mark.parametrize(
    ("selection", "code"),
    [(Selection(), "campaign_empty"), (Selection(where="search=nobody"), "campaign_empty")],
)
async def test_a_campaign_for_nobody_is_refused(fleet: Fleet, selection: Selection, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await fleet.start(selection=selection)
    assert refusal.value.code == code


async def test_a_campaign_without_anything_to_send_is_refused(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    fleet = await open_fleet(console, app, clock)
    await fleet.add("there", running=str(NEW))
    with pytest.raises(Conflict) as refusal:
        await fleet.start()
    assert refusal.value.code == "nothing_to_send"


async def test_its_history_says_what_happened(fleet: Fleet) -> None:
    campaign_id = await fleet.start()
    await fleet.tick()
    await fleet.update("box-1")
    await fleet.update("box-2")
    await fleet.tick()

    async with fleet.console.database.read() as connection:
        events = await list_events(connection, local_operator().scope, campaign_id, Page())
    assert [event.kind for event in reversed(events.items)] == [
        EventKind.STARTED,
        EventKind.WAVE_BEGUN,
        EventKind.WAVE_OVER,
        EventKind.COMPLETED,
    ]
    assert {event.facts.get("version", str(OLD)) for event in events.items} <= {str(NEW), str(OLD)}
