"""Campaigns in the reader's words: waves, hours, what is waited for, why it stopped, what happened."""

from collections.abc import Mapping
from types import MappingProxyType

from babel.dates import get_day_names

from cebox.console.campaigns.records import (
    Campaign,
    CampaignEventRecord,
    CampaignView,
    EventKind,
    Stop,
    StopReason,
    WaveView,
)
from cebox.console.campaigns.stored import name_zone
from cebox.console.web.formats import Formats
from cebox.console.web.refusals import REFUSALS
from cebox.console.web.status import MEMBER, WaveState
from cebox.console.web.words import mark as _
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.campaign_member import SERVER_NOT_UPDATED
from cebox.domain.campaign_step import Waiting
from cebox.domain.campaign_waves import WaveKind
from cebox.domain.campaign_window import EVERY_DAY, MaintenanceWindow

_NO_BREAK = "\u00a0"

MEMBER_CODES: Mapping[str, str] = MappingProxyType(
    {
        "already_there": _("It had this version already."),
        SERVER_NOT_UPDATED: _("The WRS of its site was not updated."),
        "cancelled": _("Its update was cancelled on its page."),
    }
)
COLUMN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "device": _("Device"),
        "kind": _("Kind"),
        "site": _("Site"),
        "wave": _("Wave"),
        "outcome": _("Outcome"),
        "reason": _("Reason"),
        "from_version": _("From version"),
        "to_version": _("To version"),
        "tries": _("Tries"),
        "ended_at": _("At"),
        "internet_bytes": _("Bytes over the Internet"),
        "site_network_bytes": _("Bytes over the site's network"),
    }
)


def code_words(formats: Formats, code: str) -> str:
    """Why a device ended as it did; empty for no reason."""
    if not code:
        return ""
    refusal = REFUSALS.get(code)
    return formats.words.get(MEMBER_CODES.get(code) or (refusal.message if refusal else code))


def report_words(formats: Formats, text: str) -> str:
    """Of the report for people: its columns, outcomes and reasons."""
    if text in COLUMN_WORDS:
        return formats.words.get(COLUMN_WORDS[text])
    if text in set(MemberState):
        return formats.words.get(MEMBER[MemberState(text)].message)
    return code_words(formats, text)


def wave_name(formats: Formats, kind: WaveKind, number: int, share: str, site_name: str | None) -> str:
    """`Wave 2, 25 %`; `WRS`; `Site of Lyon`."""
    words = formats.words
    if kind is WaveKind.SERVERS:
        return words.get(_("Wave %(number)s, WRS")) % {"number": number}
    if kind is WaveKind.SITE:
        return words.get(_("Wave %(number)s, site %(site)s")) % {"number": number, "site": site_name or "?"}
    if not share:
        return words.get(_("Wave %(number)s, the rest")) % {"number": number}
    amount = share.replace("%", f"{_NO_BREAK}%") if formats.language == "fr" else share
    return words.get(_("Wave %(number)s, %(share)s")) % {"number": number, "share": amount}


def name_wave(formats: Formats, view: WaveView) -> str:
    wave = view.wave
    return wave_name(formats, wave.kind, wave.number, wave.share, view.site_name)


def find_wave_state(campaign: Campaign, view: WaveView) -> WaveState:
    if view.wave.over_at is not None:
        return WaveState.OVER
    if view.wave.begun_at is None:
        return WaveState.TO_COME
    is_stopped = campaign.state is CampaignState.STOPPED
    return WaveState.STOPPED if is_stopped and not view.tally.under_way else WaveState.UNDER_WAY


def window_words(formats: Formats, window: MaintenanceWindow | None) -> str:
    """`19:00–05:00, Mon – Sat`."""
    if window is None:
        return formats.words.get(_("at any time"))
    return f"{window.opens:%H:%M}–{window.closes:%H:%M}, {_day_words(formats, window.days)}"


def zone_words(window: MaintenanceWindow | None) -> str:
    return name_zone(window) if window else ""


def list_day_names(formats: Formats) -> list[tuple[int, str]]:
    """ISO weekdays by their short names."""
    names = get_day_names("abbreviated", locale=formats.language)
    return [(number, names[number - 1]) for number in range(1, 8)]


def waiting_words(formats: Formats, campaign: Campaign) -> str:
    """What a campaign waits for now; empty when it waits for nothing."""
    words = formats.words
    if campaign.state is CampaignState.PAUSED:
        return words.get(_("Paused: nothing more is sent or restarted; what is under way goes on."))
    if campaign.state is CampaignState.ENDING:
        return words.get(_("Ending: nothing more is sent; what is under way is followed to its end."))
    if campaign.state is not CampaignState.RUNNING:
        return ""
    until = formats.when_ahead(campaign.waits_until) if campaign.waits_until else ""
    return {
        Waiting.NOTHING: "",
        Waiting.UNDER_WAY: words.get(_("Waits for the devices that are under way.")),
        Waiting.WINDOW: words.get(_("Waits for the maintenance window: it opens %(time)s.")) % {"time": until},
        Waiting.WATCH: words.get(_("Watches the wave that is over: the next one begins %(time)s.")) % {"time": until},
        Waiting.SERVERS: words.get(_("Waits for the WRS of the sites: their ceBox come after them.")),
        Waiting.DEVICES_OFF: words.get(
            _("Waits for devices that are off or busy: their turn comes when they are back.")
        ),
    }[campaign.waiting]


def stop_words(formats: Formats, view: CampaignView, stop: Stop) -> str:
    """What happened, against which threshold."""
    words, facts = formats.words, stop.facts
    if stop.reason is StopReason.VERSION_CHANGED:
        said = words.get(_("Stopped %(when)s: the version of the account is now %(version)s."))
        return said % {"when": formats.when(stop.at), "version": facts["version"]}
    if stop.reason is StopReason.RELEASE_WITHDRAWN:
        said = words.get(_("Stopped %(when)s: version %(version)s was withdrawn by the vendor."))
        return said % {"when": formats.when(stop.at), "version": facts["version"]}
    wave = next((one for one in view.waves if one.wave.number == facts["wave"]), None)
    values = {
        "when": formats.when(stop.at),
        "anomalies": formats.number(facts["anomalies"]),
        "counted": formats.number(facts["counted"]),
        "percent": formats.percent(facts["anomalies"] / facts["counted"]),
        "threshold": formats.percent(facts["percent"] / 100),
        "wave": name_wave(formats, wave) if wave else words.get(_("the whole campaign")),
    }
    said = words.count(
        "Stopped %(when)s: %(anomalies)s device of %(counted)s in trouble, %(percent)s (threshold: %(threshold)s). "
        "%(wave)s.",
        "Stopped %(when)s: %(anomalies)s devices of %(counted)s in trouble, %(percent)s (threshold: %(threshold)s). "
        "%(wave)s.",
        facts["anomalies"],
    )
    return said % values


def event_words(formats: Formats, event: CampaignEventRecord) -> str:
    words, facts = formats.words, event.facts
    numbers = {name: formats.number(value) for name, value in facts.items() if isinstance(value, int)}
    match event.kind:
        case EventKind.STARTED:
            return (
                words.count("Started, %(devices)s device", "Started, %(devices)s devices", facts["devices"]) % numbers
            )
        case EventKind.WAVE_BEGUN:
            return words.get(_("Wave %(wave)s begun, %(devices)s in it")) % numbers
        case EventKind.WAVE_OVER:
            return words.get(_("Wave %(wave)s over, %(done)s of %(devices)s done")) % numbers
        case EventKind.RETRIED:
            said = words.count("%(devices)s device tried again", "%(devices)s devices tried again", facts["devices"])
            return said % numbers
        case EventKind.ENDING:
            return words.get(_("End asked for, %(not_sent)s not sent")) % numbers
    return words.get(_EVENTS[event.kind])


_EVENTS: Mapping[EventKind, str] = MappingProxyType(
    {
        EventKind.STOPPED: _("Stopped automatically"),
        EventKind.PAUSED: _("Paused"),
        EventKind.RESUMED: _("Resumed"),
        EventKind.CHANGED: _("Rules changed"),
        EventKind.ENDED: _("Ended early"),
        EventKind.COMPLETED: _("Completed"),
    }
)
EVENT_LOOKS: Mapping[EventKind, tuple[str, str]] = MappingProxyType(
    {
        EventKind.STARTED: ("player-play", "run"),
        EventKind.WAVE_BEGUN: ("player-play", "run"),
        EventKind.WAVE_OVER: ("circle-check", "ok"),
        EventKind.STOPPED: ("hand-stop", "bad"),
        EventKind.PAUSED: ("player-pause", "warn"),
        EventKind.RESUMED: ("player-play", "run"),
        EventKind.RETRIED: ("refresh", "run"),
        EventKind.CHANGED: ("pencil", "idle"),
        EventKind.ENDING: ("x", "idle"),
        EventKind.ENDED: ("x", "idle"),
        EventKind.COMPLETED: ("circle-check", "ok"),
    }
)


def _day_words(formats: Formats, days: frozenset[int]) -> str:
    if days == EVERY_DAY:
        return formats.words.get(_("every day"))
    names = dict(list_day_names(formats))
    ordered = sorted(days)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{names[ordered[0]]} – {names[ordered[-1]]}"
    return ", ".join(names[day] for day in ordered)
