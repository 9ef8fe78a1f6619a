"""Campaigns as the admin API says and takes them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from cebox.console.campaigns.planning import Plan
from cebox.console.campaigns.records import (
    CampaignEventRecord,
    CampaignMember,
    CampaignView,
    EventKind,
    Selection,
    Stop,
    StopReason,
    Tally,
    WaveView,
)
from cebox.console.campaigns.stored import dump_rules, dump_selection, make_window
from cebox.console.wire import Answer, Asked, Identifier, Line, VersionText
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.campaign_member import Turn
from cebox.domain.campaign_rules import CampaignRules, Pace, StopRule
from cebox.domain.campaign_step import Waiting
from cebox.domain.campaign_waves import LARGEST_CAMPAIGN, WaveKind, WaveOrder, format_shares, parse_shares
from cebox.domain.campaign_window import EVERY_DAY
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId, SiteId

_Percent = Annotated[int, Field(ge=1, le=100)]
_MOST_SITES = 1000


class SelectionBody(Asked):
    """By name, by site, or by a query of the devices page (`""` is all of the account), in any mixture."""

    device_ids: list[Identifier] = Field(default_factory=list, max_length=LARGEST_CAMPAIGN)
    site_ids: list[Identifier] = Field(default_factory=list, max_length=_MOST_SITES)
    where: Annotated[str | None, Field(max_length=2000, examples=["version=behind"])] = None
    but: list[Identifier] = Field(default_factory=list, max_length=LARGEST_CAMPAIGN)
    has_servers: Annotated[bool, Field(description="The WRS of their sites come too.")] = True

    def make(self) -> Selection:
        return Selection(
            device_ids=tuple(map(DeviceId, self.device_ids)),
            site_ids=tuple(map(SiteId, self.site_ids)),
            where=self.where,
            but=tuple(map(DeviceId, self.but)),
            has_servers=self.has_servers,
        )


class WindowBody(Asked):
    """Hours of ISO weekdays (1 is Monday), those on which it opens."""

    hours: Annotated[str, Field(max_length=40, examples=["19:00-05:00"])]
    days: list[int] = Field(default_factory=lambda: sorted(EVERY_DAY), min_length=1, max_length=7)
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Paris"])] = "UTC"


class RulesBody(Asked):
    """What is left out is as usual. `shares` cuts the ceBox into waves: numbers or percentages, then the rest."""

    order: WaveOrder = WaveOrder.SERVERS_FIRST
    shares: Annotated[str, Field(max_length=200, examples=["5%, 25%"])] = ""
    window: WindowBody | None = None
    in_all: int = Pace().in_all
    per_site: int = Pace().per_site
    wave_percent: _Percent = StopRule().wave_percent
    campaign_percent: _Percent = StopRule().campaign_percent
    least_counted: int = StopRule().least_counted
    silence_minutes: int = StopRule().silence_minutes
    watch_minutes: int = 0

    def make(self) -> CampaignRules:
        """Raises InvalidInput (`waves_malformed`, `maintenance_window_malformed`, `time_zone_unknown`)."""
        return CampaignRules(
            order=self.order,
            shares=parse_shares(self.shares),
            window=make_window(self.window.hours, self.window.days, self.window.zone) if self.window else None,
            pace=Pace(self.in_all, self.per_site),
            stop_rule=StopRule(self.wave_percent, self.campaign_percent, self.least_counted, self.silence_minutes),
            watch_minutes=self.watch_minutes,
        )


class CampaignBody(Asked):
    name: Line
    selection: SelectionBody
    rules: RulesBody = RulesBody()


class CampaignChangeBody(Asked):
    """What is left out stays as it is."""

    name: Line | None = None
    selection: SelectionBody | None = None
    rules: RulesBody | None = None


class StartBody(Asked):
    """`expected_count` is how many devices the preview named: another number is refused with 409."""

    expected_count: int | None = None


class ResumeBody(Asked):
    """`without_site`: what has not been sent on this site is left out."""

    without_site: Identifier | None = None


class CampaignStopAnswer(Answer):
    reason: StopReason
    at: datetime
    facts: dict[str, Any]


class CampaignWaveAnswer(Answer):
    """`counts` says how many of its devices are in which state."""

    number: int
    kind: WaveKind
    site_id: str | None
    site_name: str | None
    share: str
    size: int
    begun_at: datetime | None
    over_at: datetime | None
    counts: dict[MemberState, int]


class CampaignAnswer(Answer):
    """`counted` and `anomalies` are what the automatic stop counts; `waiting` is what a running campaign waits for."""

    id: str
    account_id: str
    name: str
    state: CampaignState
    version: VersionText | None
    selection: dict[str, Any]
    rules: dict[str, Any]
    created_by: str
    created_at: datetime
    started_at: datetime | None
    changed_at: datetime
    over_at: datetime | None
    stop: CampaignStopAnswer | None
    waiting: Waiting
    waits_until: datetime | None
    counts: dict[MemberState, int]
    counted: int
    anomalies: int
    waves: list[CampaignWaveAnswer]


class CampaignDeviceAnswer(Answer):
    """`code` says why it ended as it did."""

    device_id: str
    name: str
    kind: DeviceKind
    site_id: str | None
    wave: int
    state: MemberState
    code: str
    from_version: VersionText | None
    update_id: str | None
    reboot_id: str | None
    tries: int
    changed_at: datetime
    over_at: datetime | None
    wan_bytes: int
    lan_bytes: int


class CampaignEventAnswer(Answer):
    """`facts` depend on `kind`; `by` is the name of a person, or empty."""

    id: int
    at: datetime
    kind: EventKind
    by: str
    facts: dict[str, Any]


class CampaignForeseenAnswer(Answer):
    """`turn` is what its turn will come to, `code` why it is skipped."""

    device_id: str
    name: str
    kind: DeviceKind
    site_id: str | None
    running: VersionText | None
    wave: int
    turn: Turn
    code: str
    is_on: bool
    download_bytes: int | None


class CampaignPlannedWaveAnswer(Answer):
    number: int
    kind: WaveKind
    site_id: str | None
    share: str
    size: int
    download_bytes: int


class CampaignPreviewAnswer(Answer):
    """The first `devices` of `count`, by name; `elsewhere` are in another campaign, which must end first."""

    version: str
    count: int
    sent_count: int
    download_bytes: int
    waves: list[CampaignPlannedWaveAnswer]
    devices: list[CampaignForeseenAnswer]
    elsewhere: list[str]


_MOST_NAMED = 1000


def make_campaign_answer(view: CampaignView) -> CampaignAnswer:
    campaign = view.campaign
    return CampaignAnswer(
        id=campaign.id,
        account_id=campaign.account_id,
        name=campaign.name,
        state=campaign.state,
        version=str(campaign.version) if campaign.version else None,
        selection=dump_selection(campaign.selection),
        rules=dump_rules(campaign.rules),
        created_by=campaign.created_by,
        created_at=campaign.created_at,
        started_at=campaign.started_at,
        changed_at=campaign.changed_at,
        over_at=campaign.over_at,
        stop=_make_stop(campaign.stop),
        waiting=campaign.waiting,
        waits_until=campaign.waits_until,
        counts=_make_counts(view.tally),
        counted=view.tally.counted,
        anomalies=view.tally.anomalies,
        waves=[_make_wave(one) for one in view.waves],
    )


def make_member_answer(member: CampaignMember) -> CampaignDeviceAnswer:
    return CampaignDeviceAnswer.model_validate(member)


def make_event_answer(event: CampaignEventRecord) -> CampaignEventAnswer:
    return CampaignEventAnswer(id=event.id, at=event.at, kind=event.kind, by=event.by, facts=dict(event.facts))


def make_preview_answer(plan: Plan) -> CampaignPreviewAnswer:
    wave_of = {device_id: wave.number for wave in plan.waves for device_id in wave.device_ids}
    named = sorted(plan.devices.values(), key=lambda one: (one.name.casefold(), one.id))[:_MOST_NAMED]
    return CampaignPreviewAnswer(
        version=str(plan.version),
        count=len(plan.devices),
        sent_count=plan.sent_count,
        download_bytes=plan.download_bytes,
        waves=[
            CampaignPlannedWaveAnswer(
                number=wave.number,
                kind=wave.kind,
                site_id=wave.site_id,
                share=format_shares([wave.share]) if wave.share else "",
                size=len(wave.device_ids),
                download_bytes=plan.bytes_of(wave.device_ids),
            )
            for wave in plan.waves
        ],
        devices=[
            CampaignForeseenAnswer(
                device_id=one.id,
                name=one.name,
                kind=one.kind,
                site_id=one.site_id,
                running=str(one.running) if one.running else None,
                wave=wave_of[one.id],
                turn=one.verdict.turn,
                code=one.verdict.code,
                is_on=one.is_on,
                download_bytes=one.download_bytes,
            )
            for one in named
        ],
        elsewhere=sorted(plan.elsewhere),
    )


def _make_stop(stop: Stop | None) -> CampaignStopAnswer | None:
    return CampaignStopAnswer(reason=stop.reason, at=stop.at, facts=dict(stop.facts)) if stop else None


def _make_wave(view: WaveView) -> CampaignWaveAnswer:
    wave = view.wave
    return CampaignWaveAnswer(
        number=wave.number,
        kind=wave.kind,
        site_id=wave.site_id,
        site_name=view.site_name,
        share=wave.share,
        size=wave.size,
        begun_at=wave.begun_at,
        over_at=wave.over_at,
        counts=_make_counts(view.tally),
    )


def _make_counts(tally: Tally) -> dict[MemberState, int]:
    return {state: tally.of(state) for state in MemberState if tally.of(state)}
