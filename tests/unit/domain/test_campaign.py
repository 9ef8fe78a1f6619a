import pytest

from cebox.domain.action import ActionState
from cebox.domain.campaign import (
    ANOMALIES,
    MEMBER_TRANSITIONS,
    OUTCOMES,
    RETRIABLE,
    TRANSITIONS,
    UNDER_WAY,
    CampaignEvent,
    CampaignState,
    MemberEvent,
    MemberState,
    next_campaign_state,
    next_member_state,
)
from cebox.domain.campaign_member import DeviceWord, Report, Turn, find_event, judge_turn
from cebox.domain.campaign_rules import CampaignRules, Pace, StopRule, verify_rules
from cebox.domain.device import Slots
from cebox.domain.preflight import Finding, Forecast
from cebox.domain.resolution import Reason, Resolution, Source
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput

OLD, NEW, NEXT = (Version.parse(text) for text in ("2026.10.1", "2026.11.1", "2026.12.0"))
ON_OLD = DeviceWord(Slots(OLD), frozenset(), is_busy=False)


def test_every_state_is_reached_from_a_draft() -> None:
    reached = {CampaignState.DRAFT}
    for _ in CampaignState:
        reached |= {target for (state, _event), target in TRANSITIONS.items() if state in reached}
    assert reached == set(CampaignState)


def test_what_has_ended_by_hand_stays_ended() -> None:
    for event in CampaignEvent:
        with pytest.raises(Conflict) as refusal:
            next_campaign_state(CampaignState.ENDED, event)
        assert refusal.value.code == "campaign_event_refused"


def test_a_device_is_to_come_or_under_way_or_has_one_outcome() -> None:
    assert {MemberState.PENDING} | UNDER_WAY | OUTCOMES == set(MemberState)
    assert not UNDER_WAY & OUTCOMES
    assert ANOMALIES < OUTCOMES
    left = {state for state, event in MEMBER_TRANSITIONS if state in OUTCOMES and event is not MemberEvent.RETRY}
    assert left == {MemberState.SILENT}, "only silence is corrected by a later word"


def test_a_rollback_is_not_tried_again() -> None:
    assert MemberState.ROLLED_BACK not in RETRIABLE
    with pytest.raises(Conflict):
        next_member_state(MemberState.ROLLED_BACK, MemberEvent.RETRY)


@pytest.mark.parametrize(
    ("state", "update", "reboot", "event"),
    [
        ("updating", Report(ActionState.DOWNLOADING), None, None),
        ("updating", Report(ActionState.STAGED), None, MemberEvent.STAGE),
        ("updating", Report(ActionState.EXPIRED, "not_started"), None, MemberEvent.PUT_BACK),
        ("updating", Report(ActionState.EXPIRED, "silence"), None, MemberEvent.FALL_SILENT),
        ("updating", Report(ActionState.REFUSED, "x"), None, MemberEvent.REFUSE),
        ("ready", Report(ActionState.STAGED), None, None),
        ("ready", Report(ActionState.ON_TRIAL), None, MemberEvent.RESTART),
        ("ready", Report(ActionState.CANCELLED, "superseded"), None, MemberEvent.WITHDRAW),
        ("restarting", Report(ActionState.STAGED), Report(ActionState.SENT), None),
        ("restarting", Report(ActionState.STAGED), Report(ActionState.EXPIRED, "not_started"), MemberEvent.PUT_BACK),
        # It holds the order: whoever sits there may have put it off.
        ("restarting", Report(ActionState.STAGED), Report(ActionState.EXPIRED, "silence"), None),
        ("restarting", Report(ActionState.STAGED), Report(ActionState.CANCELLED), MemberEvent.WITHDRAW),
        ("restarting", Report(ActionState.DONE), Report(ActionState.DONE), MemberEvent.FINISH),
        ("restarting", Report(ActionState.ROLLED_BACK), Report(ActionState.DONE), MemberEvent.ROLL_BACK),
        ("silent", Report(ActionState.STAGED), None, None),
        ("silent", Report(ActionState.DONE), None, MemberEvent.FINISH),
        ("silent", Report(ActionState.ROLLED_BACK), None, MemberEvent.ROLL_BACK),
    ],
)
def test_its_actions_say_what_became_of_a_device(
    state: str, update: Report, reboot: Report | None, event: MemberEvent | None
) -> None:
    found = find_event(MemberState(state), update=update, reboot=reboot, device=ON_OLD, target=NEW)
    assert found is event


@pytest.mark.parametrize(
    ("device", "event"),
    [
        (DeviceWord(Slots(OLD, staged=NEW), frozenset(), is_busy=False), None),
        (DeviceWord(Slots(NEW), frozenset(), is_busy=True), None),
        (DeviceWord(Slots(NEW), frozenset(), is_busy=False), MemberEvent.FINISH),
        (DeviceWord(Slots(OLD), frozenset({NEW}), is_busy=False), MemberEvent.ROLL_BACK),
    ],
    ids=["not-yet", "on-trial", "proved", "fell-back"],
)
def test_without_an_update_of_ours_its_own_word_counts(device: DeviceWord, event: MemberEvent | None) -> None:
    found = find_event(MemberState.RESTARTING, update=None, reboot=Report(ActionState.DONE), device=device, target=NEW)
    assert found is event


def forecast(version: Version, *findings: Finding) -> Forecast:
    resolution = Resolution(None, NEW, version, Source.CLOUD, Reason.ACCOUNT)
    return Forecast(resolution, findings, 1, 1)


@pytest.mark.parametrize(
    ("foretold", "running", "turn", "code"),
    [
        (forecast(NEW), OLD, Turn.SEND, ""),
        (forecast(NEW, Finding.WINDOW_CLOSED), OLD, Turn.SEND, ""),
        (forecast(NEW, Finding.ALREADY_THERE), NEW, Turn.ALREADY_DONE, ""),
        (forecast(NEW, Finding.ALREADY_THERE, Finding.DEVICE_BUSY), NEW, Turn.WAIT, ""),
        (forecast(NEW, Finding.ALREADY_STAGED), OLD, Turn.ALREADY_STAGED, ""),
        (forecast(NEW, Finding.DEVICE_OFF), OLD, Turn.WAIT, ""),
        (forecast(NEW, Finding.DEVICE_OFF, Finding.SLOT_TOO_SMALL), OLD, Turn.SKIP, "slot_too_small"),
        (forecast(NEW, Finding.ROLLED_BACK_BEFORE), OLD, Turn.SKIP, "rolled_back_before"),
        (forecast(NEW, Finding.WOULD_DOWNGRADE), NEXT, Turn.SKIP, "would_downgrade"),
        (forecast(OLD, Finding.SITE_DECIDES, Finding.ALREADY_THERE), OLD, Turn.SKIP, "other_version"),
    ],
)
def test_a_turn_is_judged_by_the_preflight(foretold: Forecast, running: Version, turn: Turn, code: str) -> None:
    verdict = judge_turn(foretold, Slots(running), NEW, is_server_done=False)
    assert (verdict.turn, verdict.code) == (turn, code)


def test_a_box_waits_for_the_wrs_that_is_about_to_serve() -> None:
    verdict = judge_turn(forecast(OLD, Finding.SITE_DECIDES), Slots(OLD), NEW, is_server_done=True)
    assert verdict.turn is Turn.WAIT


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (CampaignRules(pace=Pace(0, 1)), "pace_out_of_range"),
        (CampaignRules(pace=Pace(1, 5000)), "pace_out_of_range"),
        (CampaignRules(stop_rule=StopRule(wave_percent=0)), "stop_rule_out_of_range"),
        (CampaignRules(stop_rule=StopRule(campaign_percent=101)), "stop_rule_out_of_range"),
        (CampaignRules(stop_rule=StopRule(silence_minutes=1)), "stop_rule_out_of_range"),
        (CampaignRules(watch_minutes=-1), "watch_out_of_range"),
    ],
)
def test_rules_out_of_range_are_refused(rules: CampaignRules, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        verify_rules(rules)
    assert refusal.value.code == code


def test_the_usual_rules_are_allowed() -> None:
    verify_rules(CampaignRules())
