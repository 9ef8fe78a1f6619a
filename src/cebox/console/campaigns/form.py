"""A campaign's form: from its fields to a selection and rules, and what it shows of a draft."""

from dataclasses import replace

from cebox.console.campaigns.records import Selection
from cebox.console.campaigns.stored import make_window
from cebox.console.web.visit import Visit
from cebox.domain.campaign_rules import CampaignRules, Pace, StopRule
from cebox.domain.campaign_waves import WaveOrder, WaveShare, parse_shares
from cebox.domain.campaign_window import MaintenanceWindow
from cebox.domain.ids import DeviceId, SiteId
from cebox.errors import InvalidInput

ALL, BEHIND, SITES, CHOSEN = "all", "behind", "sites", "chosen"
_BEHIND_QUERY = "version=behind"
_MOST_DIGITS = 6
USUAL_RULES = CampaignRules(shares=(WaveShare(5, True), WaveShare(25, True)), watch_minutes=24 * 60)
EVERYBODY_BEHIND = Selection(where=_BEHIND_QUERY)


def name_choice(selection: Selection) -> str:
    """Which of the form's ways to choose a selection is."""
    if selection.but or selection.device_ids:
        return CHOSEN
    if selection.site_ids:
        return SITES
    return {"": ALL, _BEHIND_QUERY: BEHIND}.get(selection.where if selection.where is not None else "?", CHOSEN)


def read_list_selection(visit: Visit) -> Selection:
    """What the devices page has selected: single devices, or all that its filters find but some."""
    where = visit.field("where") if "where" in visit.form else None
    return Selection(
        device_ids=tuple(DeviceId(text) for text in visit.fields("device")),
        where=where,
        but=tuple(DeviceId(text) for text in visit.fields("but")),
    )


def read_selection(visit: Visit) -> Selection:
    """Raises InvalidInput (`request_malformed`)."""
    chosen = {
        ALL: Selection(where=""),
        BEHIND: EVERYBODY_BEHIND,
        SITES: Selection(site_ids=tuple(SiteId(text) for text in visit.fields("site"))),
        CHOSEN: read_list_selection(visit),
    }.get(visit.field("who"))
    if chosen is None:
        raise InvalidInput("request_malformed", "no way to choose devices is named")
    return replace(chosen, has_servers=visit.field("has_servers") == "1")


def read_rules(visit: Visit, before: CampaignRules) -> CampaignRules:
    """What the form does not show stays as it was. Raises InvalidInput (`waves_malformed`, `pace_out_of_range`,
    `stop_rule_out_of_range`, `watch_out_of_range`, `maintenance_window_malformed`, `time_zone_unknown`).
    """
    has_waves = "order" in visit.form
    return CampaignRules(
        order=_read_order(visit) if has_waves else before.order,
        shares=parse_shares(visit.field("shares")) if has_waves else before.shares,
        window=_read_window(visit),
        pace=Pace(_read(visit, "in_all", "pace_out_of_range"), _read(visit, "per_site", "pace_out_of_range")),
        stop_rule=StopRule(
            _read(visit, "wave_percent", "stop_rule_out_of_range"),
            _read(visit, "campaign_percent", "stop_rule_out_of_range"),
            _read(visit, "least_counted", "stop_rule_out_of_range"),
            _read(visit, "silence_minutes", "stop_rule_out_of_range"),
        ),
        watch_minutes=60 * _read(visit, "watch_hours", "watch_out_of_range"),
    )


def _read_order(visit: Visit) -> WaveOrder:
    if visit.field("order") not in set(WaveOrder):
        raise InvalidInput("waves_malformed", "there is no such order")
    return WaveOrder(visit.field("order"))


def _read_window(visit: Visit) -> MaintenanceWindow | None:
    if not visit.field("hours"):
        return None
    days = [int(text) for text in visit.fields("day") if text in {"1", "2", "3", "4", "5", "6", "7"}]
    return make_window(visit.field("hours"), days, visit.field("zone"))


def _read(visit: Visit, name: str, code: str) -> int:
    text = visit.field(name)
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(code, f"{text!r} is no whole number", hint="Write a whole number, such as 5.")
    return int(text)
