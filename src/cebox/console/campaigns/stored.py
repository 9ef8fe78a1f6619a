"""The selection, the rules and the stop of a campaign as JSON columns. What a newer console added is left aside."""

from datetime import datetime
from typing import Any

from cebox.console.campaigns.records import Selection, Stop, StopReason, Tally
from cebox.domain.campaign import MemberState
from cebox.domain.campaign_rules import CampaignRules, Pace, StopRule
from cebox.domain.campaign_waves import WaveOrder, format_shares, parse_shares
from cebox.domain.campaign_window import MaintenanceWindow, format_window_hours, parse_maintenance_window
from cebox.domain.ids import DeviceId, SiteId
from cebox.kit.clock import format_utc
from cebox.kit.zones import get_zone


def dump_selection(selection: Selection) -> dict[str, Any]:
    return {
        "device_ids": list(selection.device_ids),
        "site_ids": list(selection.site_ids),
        "where": selection.where,
        "but": list(selection.but),
        "has_servers": selection.has_servers,
    }


def load_selection(stored: dict[str, Any]) -> Selection:
    return Selection(
        device_ids=tuple(map(DeviceId, stored["device_ids"])),
        site_ids=tuple(map(SiteId, stored["site_ids"])),
        where=stored["where"],
        but=tuple(map(DeviceId, stored["but"])),
        has_servers=stored["has_servers"],
    )


def dump_rules(rules: CampaignRules) -> dict[str, Any]:
    return {
        "order": rules.order.value,
        "shares": format_shares(rules.shares),
        "window": _dump_window(rules.window) if rules.window else None,
        "in_all": rules.pace.in_all,
        "per_site": rules.pace.per_site,
        "wave_percent": rules.stop_rule.wave_percent,
        "campaign_percent": rules.stop_rule.campaign_percent,
        "least_counted": rules.stop_rule.least_counted,
        "silence_minutes": rules.stop_rule.silence_minutes,
        "watch_minutes": rules.watch_minutes,
    }


def load_rules(stored: dict[str, Any]) -> CampaignRules:
    return CampaignRules(
        order=WaveOrder(stored["order"]),
        shares=parse_shares(stored["shares"]),
        window=make_window(**stored["window"]) if stored["window"] else None,
        pace=Pace(stored["in_all"], stored["per_site"]),
        stop_rule=StopRule(
            stored["wave_percent"],
            stored["campaign_percent"],
            stored["least_counted"],
            stored["silence_minutes"],
        ),
        watch_minutes=stored["watch_minutes"],
    )


def make_window(hours: str, days: list[int], zone: str) -> MaintenanceWindow:
    """Raises InvalidInput (`maintenance_window_malformed`, `time_zone_unknown`)."""
    return parse_maintenance_window(hours, days, get_zone(zone.strip() or "UTC"))


def name_zone(window: MaintenanceWindow) -> str:
    """Its IANA name."""
    return str(window.zone)


def dump_stop(stop: Stop) -> dict[str, Any]:
    return {"reason": stop.reason.value, "at": format_utc(stop.at), "facts": dict(stop.facts)}


def load_stop(stored: dict[str, Any] | None) -> Stop | None:
    if stored is None:
        return None
    return Stop(StopReason(stored["reason"]), datetime.fromisoformat(stored["at"]), stored["facts"])


def dump_tally(tally: Tally) -> dict[str, Any]:
    return {
        "states": {state.value: many for state, many in tally.states.items()},
        "counted": tally.counted,
        "anomalies": tally.anomalies,
        "over_at": tally.over_at.isoformat() if tally.over_at else None,
    }


def load_tally(stored: dict[str, Any] | None) -> Tally:
    if stored is None:
        return Tally()
    return Tally(
        states={MemberState(state): many for state, many in stored["states"].items()},
        counted=stored["counted"],
        anomalies=stored["anomalies"],
        over_at=datetime.fromisoformat(stored["over_at"]) if stored["over_at"] else None,
    )


def _dump_window(window: MaintenanceWindow) -> dict[str, Any]:
    return {"hours": format_window_hours(window), "days": sorted(window.days), "zone": name_zone(window)}
