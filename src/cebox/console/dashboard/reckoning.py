"""From counts and records to the dashboard's facts. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from cebox.console.actions.records import Action
from cebox.console.dashboard.facts import (
    AttentionItem,
    AttentionKind,
    Figures,
    History,
    LateGroup,
    Series,
    SeriesRole,
    SiteLine,
    SiteState,
)
from cebox.console.devices.records import DeviceRecord, FleetGroup
from cebox.console.sites.repository import Site
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.lateness import Lateness, find_lateness
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

# A WRS that restarts is away for a while; only then does its silence need somebody.
WRS_PATIENCE = timedelta(minutes=10)
_Servers = Mapping[SiteId, DeviceRecord]
_WAITING_FIRST = (
    SiteState.SILENT,
    SiteState.BEHIND,
    SiteState.READY,
    SiteState.UPDATING,
    SiteState.NEVER_SERVED,
    SiteState.AHEAD,
)


def count_figures(groups: Iterable[FleetGroup], account_version: Version) -> Figures:
    boxes = [group for group in groups if group.kind is DeviceKind.CEBOX]
    known = [group for group in boxes if group.rank]
    top = account_version.rank
    behind = _count(group for group in known if group.rank < top)
    return Figures(
        boxes=_count(boxes),
        on=_count(group for group in boxes if group.is_on),
        away=_count(group for group in boxes if group.place is Place.AWAY),
        up_to_date=_count(known) - behind,
        ahead=_count(group for group in known if group.rank > top),
        behind=behind,
        unknown=_count(boxes) - _count(known),
    )


def group_lateness(
    groups: Iterable[FleetGroup],
    attention: Iterable[FleetGroup],
    under_way: Iterable[FleetGroup],
    account_version: Version,
    sites: Mapping[SiteId, Site],
    servers: _Servers,
) -> tuple[LateGroup, ...]:
    """The ceBox behind, each under one cause; the groups add up to all of them. The largest first, by cause.

    Held (R6): on its site, whose WRS serves less than the account's version.
    """
    failed, moving, top = _index(attention), _index(under_way), account_version.rank
    holding = {site_id for site_id, wrs in servers.items() if wrs.site_version and wrs.site_version < account_version}
    counts: dict[tuple[Lateness, SiteId | None], int] = {}
    for group in groups:
        if group.kind is not DeviceKind.CEBOX or not 0 < group.rank < top:
            continue
        own = {Lateness.FAILED: failed.get(_key(group)), Lateness.UNDER_WAY: moving.get(_key(group))}
        _add(counts, (Lateness.FAILED, None), own[Lateness.FAILED])
        _add(counts, (Lateness.UNDER_WAY, None), own[Lateness.UNDER_WAY])
        left = group.count - sum(one.count for one in own.values() if one)
        left_long_off = group.long_off_count - sum(one.long_off_count for one in own.values() if one)
        held = group.place is Place.SITE and group.site_id in holding
        for is_long_off, many in ((True, left_long_off), (False, left - left_long_off)):
            cause = find_lateness(
                has_failed=False,
                is_under_way=False,
                is_ready=group.phase is BoxPhase.STAGED,
                is_held=held,
                is_on=group.is_on,
                is_long_off=is_long_off,
            )
            place = (cause, group.site_id if cause is Lateness.HELD else None)
            counts[place] = counts.get(place, 0) + many
    found = [_make_late(cause, site_id, many, sites, servers) for (cause, site_id), many in counts.items() if many]
    return tuple(sorted(found, key=lambda one: (-one.boxes, list(Lateness).index(one.cause), one.site_name or "")))


def describe_sites(
    sites: Sequence[Site],
    servers: _Servers,
    groups: Iterable[FleetGroup],
    open_actions: Mapping[DeviceId, tuple[Action, ...]],
    account_version: Version,
    now: datetime,
) -> tuple[SiteLine, ...]:
    """What waits for somebody first, then the most behind; telework last."""
    boxes: dict[SiteId | None, int] = {}
    behind: dict[SiteId | None, int] = {}
    top = account_version.rank
    for group in groups:
        if group.kind is DeviceKind.CEBOX:
            place = group.site_id if group.place is Place.SITE else None
            boxes[place] = boxes.get(place, 0) + group.count
            if 0 < group.rank < top:
                behind[place] = behind.get(place, 0) + group.count
    lines = []
    for site in sites:
        wrs = servers.get(site.id)
        state = find_site_state(wrs, open_actions.get(wrs.id, ()) if wrs else (), account_version, now)
        lines.append(SiteLine(site, wrs, state, boxes.get(site.id, 0), behind.get(site.id, 0)))
    lines.sort(key=lambda line: (_urgency(line.state), -line.behind, line.site.name.lower() if line.site else ""))
    if boxes.get(None):
        lines.append(SiteLine(None, None, SiteState.CLOUD, boxes[None], behind.get(None, 0)))
    return tuple(lines)


def find_site_state(
    wrs: DeviceRecord | None, open_actions: Iterable[Action], account_version: Version, now: datetime
) -> SiteState:
    if wrs is None:
        return SiteState.CLOUD
    if is_silent(wrs, now):
        return SiteState.SILENT
    if wrs.phase is BoxPhase.STAGED or wrs.slots.staged is not None:
        return SiteState.READY
    if wrs.phase is not BoxPhase.IDLE or any(True for _ in open_actions):
        return SiteState.UPDATING
    if wrs.site_version is None:
        return SiteState.NEVER_SERVED
    if wrs.site_version == account_version:
        return SiteState.SAME
    return SiteState.BEHIND if wrs.site_version < account_version else SiteState.AHEAD


def is_silent(wrs: DeviceRecord, now: datetime) -> bool:
    return not wrs.is_on(now) and (wrs.last_seen_at or wrs.enrolled_at) < now - WRS_PATIENCE


def list_site_attention(lines: Iterable[SiteLine]) -> list[AttentionItem]:
    """Each WRS that is silent or behind with nothing under way; those that hold most boxes first."""
    kinds = {SiteState.SILENT: AttentionKind.WRS_SILENT, SiteState.BEHIND: AttentionKind.WRS_BEHIND}
    found = [
        AttentionItem(
            kind=kinds[line.state],
            device_id=line.wrs.id,
            name=line.wrs.name,
            site_name=line.site.name,
            since=(line.wrs.last_seen_at or line.wrs.enrolled_at) if line.state is SiteState.SILENT else None,
            version=line.wrs.site_version,
            boxes=line.boxes,
        )
        for line in lines
        if line.state in kinds and line.wrs and line.site
    ]
    return sorted(found, key=lambda item: (list(AttentionKind).index(item.kind), -item.boxes, item.name))


def plan_history(
    kept: Iterable[tuple[date, Version, int]],
    today_counts: Mapping[Version, int],
    account_version: Version,
    today: date,
    days: int,
) -> History:
    """The last `days` days at most, from the first one kept. A day nobody counted shows what the day before did."""
    by_day: dict[date, dict[Version, int]] = {}
    for day, version, boxes in kept:
        by_day.setdefault(day, {})[version] = boxes
    by_day[today] = dict(today_counts)
    first = max(min(by_day), today - timedelta(days=days - 1))
    before = [by_day[day] for day in sorted(by_day) if day <= first]
    counts, last = [], before[-1] if before else {}
    shown = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    for day in shown:
        last = by_day.get(day, last)
        counts.append(last)
    return History(tuple(shown), tuple(_plan_series(counts, account_version)))


def _plan_series(counts: Sequence[Mapping[Version, int]], account_version: Version) -> list[Series]:
    versions = sorted({version for one in counts for version, many in one.items() if many}, reverse=True)
    below = [version for version in versions if version < account_version]
    members = {
        SeriesRole.TEST: [version for version in versions if version > account_version],
        SeriesRole.ACCOUNT: [version for version in versions if version == account_version],
        SeriesRole.BEFORE: below[:1],
        SeriesRole.OLDER: below[1:],
    }
    return [
        Series(
            role=role,
            version=mine[0],
            oldest=mine[-1],
            counts=tuple(sum(one.get(version, 0) for version in mine) for one in counts),
        )
        for role, mine in members.items()
        if mine
    ]


def _make_late(
    cause: Lateness, site_id: SiteId | None, boxes: int, sites: Mapping[SiteId, Site], servers: _Servers
) -> LateGroup:
    if site_id is None:
        return LateGroup(cause, boxes)
    wrs = servers[site_id]
    site = sites.get(site_id)
    return LateGroup(cause, boxes, site_id, site.name if site else wrs.name, wrs.id, wrs.site_version)


def _urgency(state: SiteState) -> int:
    return _WAITING_FIRST.index(state) if state in _WAITING_FIRST else len(_WAITING_FIRST)


def _count(groups: Iterable[FleetGroup]) -> int:
    return sum(group.count for group in groups)


def _key(group: FleetGroup) -> tuple[object, ...]:
    return (group.account_id, group.kind, group.site_id, group.place, group.phase, group.rank, group.is_on)


def _index(groups: Iterable[FleetGroup]) -> dict[tuple[object, ...], FleetGroup]:
    return {_key(group): group for group in groups}


def _add(
    counts: dict[tuple[Lateness, SiteId | None], int], place: tuple[Lateness, None], one: FleetGroup | None
) -> None:
    if one:
        counts[place] = counts.get(place, 0) + one.count
