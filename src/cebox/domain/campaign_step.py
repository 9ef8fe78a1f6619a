"""plan_step(): what a campaign does next, and what it waits for. The console asks it every few seconds.

It decides from the situation alone, so a console that was killed goes on where it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cebox.domain.campaign import OUTCOMES, CampaignState, MemberState
from cebox.domain.campaign_rules import CampaignRules, StopRule
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import DeviceId, SiteId

# What is sent in the last moments of a window would be heard after it.
_LAST_MOMENTS = timedelta(minutes=1)
# Nobody waits for boxes that are off, as long as so much of their wave is over.
_ENOUGH_PERCENT = 50
# What a WRS may come to that leaves its site's ceBox without the version.
_LOST = OUTCOMES - {MemberState.DONE}


class Waiting(StrEnum):
    """What a running campaign waits for, when nothing can be sent."""

    NOTHING = "nothing"
    UNDER_WAY = "under_way"
    WINDOW = "window"
    WATCH = "watch"
    SERVERS = "servers"
    DEVICES_OFF = "devices_off"


@dataclass(frozen=True, slots=True)
class Member:
    """A device of a campaign at this moment. `wave` counts from 1."""

    id: DeviceId
    kind: DeviceKind
    site_id: SiteId | None
    place: Place
    wave: int
    state: MemberState
    is_on: bool


@dataclass(frozen=True, slots=True)
class WaveCount:
    """One wave in numbers. `held` are pending and behind their site's WRS; `reachable` are pending, on and not held.
    `counted` and `anomalies` are since the campaign last resumed after a stop. `over_at`: when the last of it ended.
    """

    number: int
    size: int
    pending: int
    reachable: int
    under_way: int
    counted: int
    anomalies: int
    held: int = 0
    over_at: datetime | None = None

    @property
    def ended(self) -> int:
        return self.size - self.pending - self.under_way

    @property
    def is_begun(self) -> bool:
        return self.pending < self.size

    @property
    def is_through(self) -> bool:
        """Whether the next one need not wait for it: all ended, or enough of it and the others are out of reach."""
        if self.under_way or self.reachable:
            return False
        return not self.pending or self.ended * 100 >= self.size * _ENOUGH_PERCENT


@dataclass(frozen=True, slots=True)
class Situation:
    """`under_way` is all of it; `candidates` are pending ones, in the order of their turn; `servers` are the WRS in the
    campaign by their site.
    """

    state: CampaignState
    now: datetime
    rules: CampaignRules
    waves: tuple[WaveCount, ...]
    under_way: tuple[Member, ...]
    candidates: tuple[Member, ...]
    servers: Mapping[SiteId, MemberState]


@dataclass(frozen=True, slots=True)
class Breach:
    """A threshold that was reached: of one wave, or, with `wave` None, of the campaign."""

    wave: int | None
    anomalies: int
    counted: int
    percent: int


@dataclass(frozen=True, slots=True)
class CampaignStep:
    """`lost_sites`: their WRS was not updated, so the ceBox on them cannot be. `closes`: installed, and no longer
    restarted, for the campaign ends.
    """

    starts: tuple[DeviceId, ...] = ()
    restarts: tuple[DeviceId, ...] = ()
    lost_sites: tuple[SiteId, ...] = ()
    closes: tuple[DeviceId, ...] = ()
    breach: Breach | None = None
    is_over: bool = False
    waiting: Waiting = Waiting.NOTHING
    waits_until: datetime | None = None


def plan_step(situation: Situation) -> CampaignStep:
    if situation.state is CampaignState.ENDING:
        closes = tuple(one.id for one in situation.under_way if one.state is MemberState.READY)
        return CampaignStep(closes=closes, is_over=len(closes) == len(situation.under_way))
    if situation.state is not CampaignState.RUNNING:
        return CampaignStep()
    if breach := find_breach(situation.waves, situation.rules.stop_rule):
        return CampaignStep(breach=breach)
    if not any(wave.pending or wave.under_way for wave in situation.waves):
        return CampaignStep(is_over=True)
    lost = tuple(sorted(site_id for site_id, server in situation.servers.items() if server in _LOST))
    if not _may_act(situation):
        window = situation.rules.window
        opens_at = window.opens_at(situation.now) if window else None
        return CampaignStep(lost_sites=lost, waiting=Waiting.WINDOW, waits_until=opens_at)
    restarts = tuple(one.id for one in situation.under_way if one.state is MemberState.READY and one.is_on)
    starts = _choose_starts(situation)
    waiting, until = (Waiting.NOTHING, None) if starts else _find_wait(situation)
    return CampaignStep(starts, restarts, lost, waiting=waiting, waits_until=until)


def find_breach(waves: Sequence[WaveCount], rule: StopRule) -> Breach | None:
    """The first threshold that is reached."""
    for wave in waves:
        least = min(rule.least_counted, wave.size)
        if breach := _judge(wave.number, wave.anomalies, wave.counted, least, rule.wave_percent):
            return breach
    least = min(rule.least_counted, sum(wave.size for wave in waves))
    anomalies, counted = sum(wave.anomalies for wave in waves), sum(wave.counted for wave in waves)
    return _judge(None, anomalies, counted, least, rule.campaign_percent)


def count_open_waves(waves: Sequence[WaveCount], rules: CampaignRules, now: datetime) -> int:
    """How many of them may be worked on: those before the first that is not through, and that one."""
    for position, wave in enumerate(waves, start=1):
        if not wave.is_through or _watched_until(wave, rules, now) is not None:
            return position
    return len(waves)


def is_held(member: Member, servers: Mapping[SiteId, MemberState]) -> bool:
    """A ceBox on a site takes its WRS's version (R6): before that one is done, its turn has not come."""
    return _find_server(member, servers) not in (None, MemberState.DONE)


def _find_server(member: Member, servers: Mapping[SiteId, MemberState]) -> MemberState | None:
    if member.kind is DeviceKind.WRS or member.place is Place.AWAY or member.site_id is None:
        return None
    return servers.get(member.site_id)


def _may_act(situation: Situation) -> bool:
    window = situation.rules.window
    if window is None:
        return True
    closing = window.find_closing(situation.now)
    return closing is not None and closing - situation.now >= _LAST_MOMENTS


def _choose_starts(situation: Situation) -> tuple[DeviceId, ...]:
    pace = situation.rules.pace
    last_wave = count_open_waves(situation.waves, situation.rules, situation.now)
    room = pace.in_all - len(situation.under_way)
    on_sites: dict[SiteId, int] = {}
    for one in situation.under_way:
        if one.site_id is not None:
            on_sites[one.site_id] = on_sites.get(one.site_id, 0) + 1
    starts: list[DeviceId] = []
    for one in situation.candidates:
        if len(starts) >= room:
            break
        if one.wave > last_wave or not one.is_on or is_held(one, situation.servers):
            continue
        if one.site_id is not None:
            if on_sites.get(one.site_id, 0) >= pace.per_site:
                continue
            on_sites[one.site_id] = on_sites.get(one.site_id, 0) + 1
        starts.append(one.id)
    return tuple(starts)


def _find_wait(situation: Situation) -> tuple[Waiting, datetime | None]:
    if situation.under_way:
        return Waiting.UNDER_WAY, None
    for wave in situation.waves:
        if wave.is_through:
            if until := _watched_until(wave, situation.rules, situation.now):
                return Waiting.WATCH, until
        elif wave.pending:
            return Waiting.SERVERS if wave.held else Waiting.DEVICES_OFF, None
    return Waiting.DEVICES_OFF, None


def _watched_until(wave: WaveCount, rules: CampaignRules, now: datetime) -> datetime | None:
    """None once it was watched long enough."""
    if wave.over_at is None:
        return None
    until = wave.over_at + timedelta(minutes=rules.watch_minutes)
    return until if until > now else None


def _judge(wave: int | None, anomalies: int, counted: int, least: int, percent: int) -> Breach | None:
    of = max(counted, least, 1)
    is_reached = anomalies > 0 and anomalies * 100 >= percent * of
    return Breach(wave, anomalies, of, percent) if is_reached else None


def list_silent(
    members: Iterable[tuple[DeviceId, datetime]], *, silence_minutes: int, heard_since: datetime, now: datetime
) -> tuple[DeviceId, ...]:
    """Those of them, each with when it was last heard of, that have kept silent for too long. What lies before
    `heard_since` counts for nobody: the window was closed then, or the console itself was away.
    """
    longest = timedelta(minutes=silence_minutes)
    return tuple(one for one, heard_at in members if now - max(heard_at, heard_since) > longest)
