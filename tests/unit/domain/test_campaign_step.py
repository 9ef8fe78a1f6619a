"""A whole campaign, played with fleets, fates and clocks of every kind; after every move the promises are checked."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cebox.domain.campaign import (
    ANOMALIES,
    OUTCOMES,
    RETRIABLE,
    UNDER_WAY,
    CampaignEvent,
    CampaignState,
    MemberEvent,
    MemberState,
    next_campaign_state,
    next_member_state,
)
from cebox.domain.campaign_rules import CampaignRules, Pace, StopRule
from cebox.domain.campaign_step import (
    CampaignStep,
    Member,
    Situation,
    Waiting,
    WaveCount,
    count_open_waves,
    is_held,
    list_silent,
    plan_step,
)
from cebox.domain.campaign_waves import Candidate, WaveOrder, WaveShare, plan_waves
from cebox.domain.campaign_window import parse_maintenance_window
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import DeviceId, SiteId

START = datetime(2026, 10, 23, 16, tzinfo=UTC)
NIGHTS = parse_maintenance_window("19:00-05:00", range(1, 7), ZoneInfo("Europe/Paris"))
LYON, LILLE = SiteId("sit_lyon"), SiteId("sit_lille")
GOOD, BAD_RELEASE, DISK_FULL, DUMB = (
    MemberEvent.FINISH,
    MemberEvent.ROLL_BACK,
    MemberEvent.FAIL,
    MemberEvent.FALL_SILENT,
)


@dataclass(frozen=True)
class Planned:
    """A device and what would become of an update there; `is_off` ones are never switched on."""

    kind: DeviceKind
    site_id: SiteId | None
    place: Place
    fate: MemberEvent
    is_off: bool


@dataclass
class Play:
    """The campaign as a console keeps it, in memory."""

    rules: CampaignRules
    fleet: dict[DeviceId, Planned]
    members: dict[DeviceId, Member] = field(default_factory=dict)
    state: CampaignState = CampaignState.RUNNING
    now: datetime = START
    since: dict[DeviceId, datetime] = field(default_factory=dict)
    counted: set[DeviceId] = field(default_factory=set)
    ended_at: dict[DeviceId, datetime] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        candidates = [Candidate(i, str(i), one.kind, one.site_id) for i, one in self.fleet.items()]
        for wave in plan_waves(candidates, self.rules.order, self.rules.shares):
            self.sizes[wave.number] = len(wave.device_ids)
            for device_id in wave.device_ids:
                one = self.fleet[device_id]
                self.members[device_id] = Member(
                    device_id, one.kind, one.site_id, one.place, wave.number, MemberState.PENDING, not one.is_off
                )

    @property
    def servers(self) -> dict[SiteId, MemberState]:
        return {one.site_id: one.state for one in self.members.values() if one.kind is DeviceKind.WRS and one.site_id}

    @property
    def under_way(self) -> list[Member]:
        return [one for one in self.members.values() if one.state in UNDER_WAY]

    def count_wave(self, number: int) -> WaveCount:
        mine = [one for one in self.members.values() if one.wave == number]
        pending = [one for one in mine if one.state is MemberState.PENDING]
        held = [one for one in pending if is_held(one, self.servers)]
        counted = [one for one in mine if one.id in self.counted]
        return WaveCount(
            number=number,
            size=len(mine),
            pending=len(pending),
            reachable=sum(one.is_on for one in pending if one not in held),
            under_way=sum(one.state in UNDER_WAY for one in mine),
            counted=len(counted),
            anomalies=sum(one.state in ANOMALIES for one in counted),
            held=len(held),
            over_at=max((self.ended_at[one.id] for one in mine if one.id in self.ended_at), default=None),
        )

    def look(self) -> Situation:
        return Situation(
            state=self.state,
            now=self.now,
            rules=self.rules,
            waves=tuple(self.count_wave(number) for number in self.sizes),
            under_way=tuple(self.under_way),
            candidates=tuple(
                one
                for one in sorted(self.members.values(), key=lambda one: one.wave)
                if one.state is MemberState.PENDING
            ),
            servers=self.servers,
        )

    def move(self, device_id: DeviceId, event: MemberEvent) -> None:
        before = self.members[device_id]
        after = next_member_state(before.state, event)
        self.members[device_id] = replace(before, state=after)
        self.since[device_id] = self.now
        if event is MemberEvent.SEND:
            self.counted.add(device_id)
        if after in OUTCOMES:
            self.ended_at[device_id] = self.now

    def work(self) -> None:
        """Time passes on the devices: what was sent is installed, what restarts comes to its fate."""
        for one in self.under_way:
            fate = self.fleet[one.id].fate
            if fate is DUMB:
                continue
            if one.state is MemberState.UPDATING:
                self.move(one.id, fate if fate is DISK_FULL else MemberEvent.STAGE)
            elif one.state is MemberState.RESTARTING:
                self.move(one.id, fate)

    def notice_silence(self) -> None:
        silence = self.rules.stop_rule.silence_minutes
        heard = [
            (one.id, self.since[one.id] if self.fleet[one.id].fate is DUMB else self.now) for one in self.under_way
        ]
        for device_id in list_silent(heard, silence_minutes=silence, heard_since=START, now=self.now):
            self.move(device_id, MemberEvent.FALL_SILENT)

    def apply(self, step: CampaignStep) -> None:
        for site_id in step.lost_sites:
            for one in list(self.members.values()):
                is_theirs = one.site_id == site_id and one.kind is DeviceKind.CEBOX and one.place is Place.SITE
                if is_theirs and one.state is MemberState.PENDING:
                    self.move(one.id, MemberEvent.SKIP)
        for device_id in step.starts:
            self.move(device_id, MemberEvent.SEND)
        for device_id in step.restarts:
            self.move(device_id, MemberEvent.RESTART)
        for device_id in step.closes:
            self.move(device_id, MemberEvent.CLOSE)
        if step.breach:
            self.state = next_campaign_state(self.state, CampaignEvent.STOP)
        if step.is_over:
            self.state = next_campaign_state(self.state, CampaignEvent.COMPLETE)

    def end(self) -> None:
        self.state = next_campaign_state(self.state, CampaignEvent.END)
        for one in list(self.members.values()):
            if one.state is MemberState.PENDING:
                self.move(one.id, MemberEvent.CLOSE)

    def resume(self) -> None:
        self.state = next_campaign_state(self.state, CampaignEvent.RESUME)
        self.counted -= {one.id for one in self.members.values() if one.state in OUTCOMES}

    def retry(self) -> None:
        self.state = next_campaign_state(self.state, CampaignEvent.RETRY)
        self.counted -= {one.id for one in self.members.values() if one.state in OUTCOMES}
        for one in list(self.members.values()):
            if one.state in RETRIABLE:
                self.move(one.id, MemberEvent.RETRY)
                self.ended_at.pop(one.id, None)


planned = st.builds(
    Planned,
    st.just(DeviceKind.CEBOX),
    st.sampled_from([None, LYON, LILLE]),
    st.sampled_from([Place.SITE, Place.SITE, Place.AWAY]),
    st.sampled_from([GOOD, GOOD, GOOD, GOOD, BAD_RELEASE, DISK_FULL, DUMB]),
    st.sampled_from([False, False, False, True]),
)
fates = st.sampled_from([GOOD, GOOD, GOOD, BAD_RELEASE, DUMB])


@st.composite
def plays(draw: st.DrawFn) -> Play:
    fleet = {DeviceId(f"dev_{n:02}"): one for n, one in enumerate(draw(st.lists(planned, min_size=1, max_size=25)))}
    for site_id in draw(st.sets(st.sampled_from([LYON, LILLE]))):
        fleet[DeviceId(f"wrs_{site_id}")] = Planned(
            DeviceKind.WRS, site_id, Place.SITE, draw(fates), draw(st.sampled_from([False, False, False, True]))
        )
    rules = CampaignRules(
        order=draw(st.sampled_from(WaveOrder)),
        shares=tuple(draw(st.lists(st.builds(WaveShare, st.integers(1, 40), st.booleans()), max_size=2))),
        window=draw(st.sampled_from([None, NIGHTS])),
        pace=Pace(draw(st.integers(1, 6)), draw(st.integers(1, 3))),
        stop_rule=StopRule(
            draw(st.integers(1, 60)), draw(st.integers(1, 100)), draw(st.integers(1, 20)), draw(st.integers(5, 90))
        ),
        watch_minutes=draw(st.sampled_from([0, 60])),
    )
    return Play(rules, fleet)


def check_step(play: Play, situation: Situation, step: CampaignStep) -> None:
    """What is promised of every single step."""
    window, pace = play.rules.window, play.rules.pace
    sent = [play.members[device_id] for device_id in step.starts]
    if sent or step.restarts:
        assert play.state is CampaignState.RUNNING
        assert window is None or window.is_open(play.now)
    assert len(play.under_way) + len(sent) <= max(pace.in_all, len(play.under_way))
    on_sites = Counter(one.site_id for one in [*play.under_way, *sent] if one.site_id)
    assert all(count <= pace.per_site for count in on_sites.values())
    for one in sent:
        assert one.state is MemberState.PENDING
        assert one.is_on
        assert one.wave <= count_open_waves(situation.waves, play.rules, play.now)
        if one.kind is DeviceKind.CEBOX and one.place is Place.SITE and one.site_id in play.servers:
            assert play.servers[one.site_id] is MemberState.DONE
    if step.breach:
        assert step.breach.anomalies * 100 >= step.breach.percent * step.breach.counted
        assert step.starts == step.restarts == ()


def check_threshold(play: Play) -> None:
    """While it runs after a step, no threshold is reached: silence, failures and rollbacks all count."""
    if play.state is not CampaignState.RUNNING:
        return
    rule = play.rules.stop_rule
    for number, size in play.sizes.items():
        counted = [one for one in play.members.values() if one.wave == number and one.id in play.counted]
        bad = sum(one.state in ANOMALIES for one in counted)
        assert bad == 0 or bad * 100 < rule.wave_percent * max(len(counted), min(rule.least_counted, size))


words = st.lists(st.sampled_from(["work", "work", "wait", "pause", "resume", "retry"]), min_size=5, max_size=60)


@settings(max_examples=150, deadline=None)
@given(plays(), words, st.data())
def test_whatever_happens_the_promises_hold(play: Play, story: list[str], data: st.DataObject) -> None:
    for word in story:
        if word == "work":
            play.work()
        elif word == "pause" and play.state is CampaignState.RUNNING:
            play.state = next_campaign_state(play.state, CampaignEvent.PAUSE)
        elif word == "resume" and play.state in (CampaignState.PAUSED, CampaignState.STOPPED):
            play.resume()
        elif word == "retry" and play.state in (CampaignState.STOPPED, CampaignState.COMPLETED):
            play.retry()
        play.now += timedelta(minutes=data.draw(st.sampled_from([1, 7, 30, 200])))
        play.notice_silence()
        situation = play.look()
        step = plan_step(situation)
        check_step(play, situation, step)
        play.apply(step)
        check_threshold(play)
        assert len(play.under_way) <= play.rules.pace.in_all
    finish(play)


def finish(play: Play) -> None:
    """Ended by hand if it has not ended by itself: every device then has exactly one outcome."""
    if play.state is not CampaignState.COMPLETED:
        play.end()
        for _ in range(200):
            if play.state is CampaignState.ENDED:
                break
            play.work()
            play.now += timedelta(minutes=30)
            play.notice_silence()
            play.apply(plan_step(play.look()))
    assert play.state in (CampaignState.COMPLETED, CampaignState.ENDED)
    assert {one.state for one in play.members.values()} <= OUTCOMES
    assert sum(play.sizes.values()) == len(play.fleet) == len(play.members)


@settings(max_examples=60, deadline=None)
@given(plays())
def test_a_fleet_that_is_on_and_well_is_done_to_the_last(play: Play) -> None:
    play.fleet = {i: replace(one, fate=GOOD, is_off=False) for i, one in play.fleet.items()}
    play.members = {i: replace(one, is_on=True) for i, one in play.members.items()}
    for _ in range(2000):
        play.apply(plan_step(play.look()))
        if play.state is CampaignState.COMPLETED:
            break
        play.work()
        play.now += timedelta(minutes=30)

    assert {one.state for one in play.members.values()} == {MemberState.DONE}


def count(number: int = 1, **changes: int | datetime) -> WaveCount:
    base = WaveCount(number, size=100, pending=50, reachable=50, under_way=0, counted=50, anomalies=0)
    return replace(base, **changes)  # type: ignore[arg-type]


def run(*waves: WaveCount, rules: CampaignRules | None = None) -> CampaignStep:
    rules = rules or CampaignRules()
    return plan_step(Situation(CampaignState.RUNNING, START, rules, waves, (), (), {}))


def test_it_stops_at_the_threshold_and_not_before() -> None:
    rules = CampaignRules(stop_rule=StopRule(wave_percent=8, campaign_percent=100, least_counted=20))

    assert run(count(anomalies=3), rules=rules).breach is None
    stopped = run(count(anomalies=4), rules=rules).breach
    assert stopped is not None
    assert (stopped.wave, stopped.anomalies, stopped.counted) == (1, 4, 50)


def test_the_first_failure_of_a_large_wave_is_no_verdict_that_of_a_small_one_is() -> None:
    rules = CampaignRules(stop_rule=StopRule(wave_percent=8, campaign_percent=100, least_counted=20))

    assert run(count(counted=1, anomalies=1), rules=rules).breach is None
    assert run(count(size=3, pending=2, counted=1, anomalies=1), rules=rules).breach is not None


def test_many_small_anomalies_reach_the_threshold_of_the_campaign() -> None:
    rules = CampaignRules(stop_rule=StopRule(wave_percent=20, campaign_percent=10, least_counted=20))

    breach = run(count(1, anomalies=5), count(2, anomalies=5), rules=rules).breach

    assert breach is not None
    assert breach.wave is None


def test_the_next_wave_waits_until_the_one_before_was_watched() -> None:
    rules = CampaignRules(watch_minutes=60)
    over = count(1, pending=0, reachable=0, over_at=START - timedelta(minutes=59))
    step = run(over, count(2, pending=100, reachable=100), rules=rules)

    assert (step.waiting, step.waits_until) == (Waiting.WATCH, START + timedelta(minutes=1))
    assert count_open_waves((over, count(2)), rules, START + timedelta(minutes=1)) == 2


def test_boxes_that_are_off_hold_nobody_up_once_half_of_their_wave_is_over() -> None:
    late = count(2, pending=100, reachable=100)

    assert count_open_waves((count(1, pending=50, reachable=0), late), CampaignRules(), START) == 2
    assert count_open_waves((count(1, pending=51, reachable=0), late), CampaignRules(), START) == 1
    assert run(count(1, pending=51, reachable=0), late).waiting is Waiting.DEVICES_OFF


def test_it_says_that_boxes_wait_for_their_wrs() -> None:
    assert run(count(1, pending=90, reachable=0, held=90)).waiting is Waiting.SERVERS
