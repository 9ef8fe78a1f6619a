"""A device's word about itself: reading it, telling old from new, and taking in what it changes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from cebox.console.actions.reports import clean_text
from cebox.console.database.columns import Word
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord, EventKind
from cebox.console.devices.repository import ALWAYS, DeviceRepository
from cebox.console.devices.service import notify_change, record_event
from cebox.console.live.hub import site_topic
from cebox.domain.device import DeviceKind, Place
from cebox.domain.start import clean_lan_addresses
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.kit.clock import format_utc
from cebox.protocol.device import BoxPhase, Observed, Progress

MOVING_PHASES = frozenset({BoxPhase.DOWNLOADING, BoxPhase.INSTALLING})
_LARGEST_COUNT = 2**62
_LONGEST_URL = 300
_MOST_FAILED = 20


def verify_counts(observed: Observed) -> None:
    """Raises InvalidInput (`observed_out_of_range`)."""
    if not (0 <= observed.boot <= _LARGEST_COUNT and 0 <= observed.sequence <= _LARGEST_COUNT):
        raise InvalidInput(
            "observed_out_of_range",
            "`boot` and `sequence` are counters from 0",
            hint="The agent counts wrongly: update it.",
        )


def is_newer(observed: Observed, known: tuple[int, int]) -> bool:
    """Whether this report was made after the one with the `known` boot and sequence."""
    return (observed.boot, observed.sequence) > known


def find_changes(record: DeviceRecord, observed: Observed) -> dict[str, Any]:
    """The columns that a report changes, besides its own counters; none for a pure heartbeat."""
    before = _columns_of(record)
    after = _read_observed(observed)
    changes = {name: value for name, value in after.items() if before[name] != value}
    if observed.boot != record.boot:
        changes["boot"] = observed.boot
    if record.noted_on is observed.is_leaving:
        changes["noted_on"] = not observed.is_leaving
    if observed.phase not in MOVING_PHASES and record.progress is not None:
        changes["progress"] = None
    return changes


async def apply_observed(
    unit: Unit,
    record: DeviceRecord,
    observed: Observed,
    changes: Mapping[str, Any],
    *,
    progress: Progress | None,
    now: datetime,
) -> None:
    """Write a report that matters, and what its changes mean to the device's history and its site."""
    values = dict(changes) | {"boot": observed.boot, "sequence": observed.sequence, "last_seen_at": now}
    values |= _derive(record, changes, now)
    if progress is not None and observed.phase in MOVING_PHASES:
        values["progress"] = msgspec.to_builtins(progress)
    await DeviceRepository(unit.connection, Scope.account(record.account_id)).change(record.id, values)
    for kind, facts in _list_events(record, observed, changes):
        await record_event(unit, record.id, record.account_id, kind, facts, at=now)
    if changes:
        notify_change(unit, record.id, record.account_id)
    if record.site_id is not None and _concerns_site(record, changes):
        unit.notify(site_topic(record.site_id))


def clean_progress(progress: Progress) -> Progress:
    """As a page can show it: bounded texts, no negative sizes."""
    return Progress(
        version=clean_text(progress.version, Word.length),
        done_bytes=_fit_count(progress.done_bytes),
        total_bytes=_fit_count(progress.total_bytes),
        rate_bytes_per_second=(
            None if progress.rate_bytes_per_second is None else _fit_count(progress.rate_bytes_per_second)
        ),
        action_id=clean_text(progress.action_id, Word.length) if progress.action_id else None,
        waits_until=format_utc(progress.waiting_until) if progress.waiting_until else "",
    )


def _derive(record: DeviceRecord, changes: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The columns that lists sort and count by, which follow from those that change."""
    values: dict[str, Any] = {}
    if "noted_on" in changes:
        values["quiet_since"] = ALWAYS if changes["noted_on"] else now
    if {"running", "failed_versions"} & changes.keys():
        told = changes.get("running", _write_version(record.slots.running))
        running_rank = Version.parse(told).rank if told else 0
        failed = changes.get("failed_versions", map(str, record.failed_versions))
        above = [rank for text in failed if (rank := Version.parse(text).rank) > running_rank]
        values |= {"running_rank": running_rank, "fallen_back_rank": min(above, default=0)}
    return values


def _list_events(
    record: DeviceRecord, observed: Observed, changes: Mapping[str, Any]
) -> list[tuple[EventKind, dict[str, Any]]]:
    events: list[tuple[EventKind, dict[str, Any]]] = []
    if changes.get("noted_on") is True:
        events.append((EventKind.CAME_ON, {"boot": observed.boot}))
    if changes.get("running"):
        before = record.slots.running
        facts = {"version": changes["running"], "previous": str(before) if before else None}
        events.append((EventKind.NOW_RUNS, facts))
    if changes.get("noted_on") is False:
        events.append((EventKind.WENT_OFF, {"reason": "goodbye"}))
    return events


def _concerns_site(record: DeviceRecord, changes: Mapping[str, Any]) -> bool:
    """A WRS's address and version are told to its site's boxes, the boxes' versions to the WRS."""
    told = {"served", "server_url", "running"} if record.kind is DeviceKind.WRS else {"running"}
    return not told.isdisjoint(changes)


def _read_observed(observed: Observed) -> dict[str, Any]:
    """The device's columns as it describes them; what makes no sense is left empty."""
    return {
        "place": Place.SITE.value if observed.place == Place.SITE else Place.AWAY.value,
        "phase": observed.phase.value,
        "running": _read_version(observed.running),
        "staged": _read_version(observed.staged),
        "previous": _read_version(observed.previous),
        "failed_versions": sorted(filter(None, map(_read_version, observed.failed_versions)))[:_MOST_FAILED],
        "slot_bytes": _fit_count(observed.slot_bytes) if observed.slot_bytes is not None else None,
        "agent_version": clean_text(observed.agent_version, Word.length),
        "is_leaving": observed.is_leaving,
        "wrs_reachable": observed.wrs_reachable,
        "served": _read_version(observed.served),
        "server_url": _read_url(observed.server_url),
        "lan_addresses": list(clean_lan_addresses(observed.lan_addresses)),
    }


def _columns_of(record: DeviceRecord) -> dict[str, Any]:
    slots = record.slots
    return {
        "place": record.place.value,
        "phase": record.phase.value,
        "running": _write_version(slots.running),
        "staged": _write_version(slots.staged),
        "previous": _write_version(slots.previous),
        "failed_versions": sorted(map(str, record.failed_versions)),
        "slot_bytes": record.slot_bytes,
        "agent_version": record.agent_version,
        "is_leaving": record.is_leaving,
        "wrs_reachable": record.wrs_reachable,
        "served": _write_version(record.served),
        "server_url": record.server_url,
        "lan_addresses": list(record.lan_addresses),
    }


def _read_version(text: str | None) -> str | None:
    try:
        return str(Version.parse(text)) if text else None
    except InvalidInput:
        return None


def _write_version(version: Version | None) -> str | None:
    return str(version) if version is not None else None


def _read_url(text: str | None) -> str | None:
    """An address the console will name to the site's boxes: http(s) only."""
    if not text or "\0" in text or len(text) > _LONGEST_URL or not text.startswith(("http://", "https://")):
        return None
    return text


def _fit_count(count: int) -> int:
    return max(0, min(count, _LARGEST_COUNT))
