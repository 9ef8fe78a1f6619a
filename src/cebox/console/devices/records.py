"""Devices as the console keeps them and shows them, and what their history is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cebox.console.actions.records import Action
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind, Place, Slots, is_on
from cebox.domain.ids import AccountId, CommandId, DeviceId, KeyId, SiteId
from cebox.domain.lateness import Lateness
from cebox.domain.pace import NO_RATES, Rates
from cebox.domain.resolution import Resolution
from cebox.domain.version import Version
from cebox.errors import NotFound
from cebox.protocol.device import BoxPhase, Progress


class EventKind(StrEnum):
    """What a device's history is made of; `facts` are, in this order, those in brackets."""

    ENROLLED = "enrolled"
    """[key_id, kind, name]"""
    CAME_ON = "came_on"
    """[boot]"""
    WENT_OFF = "went_off"
    """[reason: goodbye | silence]"""
    NOW_RUNS = "now_runs"
    """[version, previous]"""
    REPORTED = "reported"
    """A result of the device: [event, action_id, is_step, at, code, detail, version, source, reason, way, wan_bytes,
    lan_bytes]; without action_id nobody ordered it."""


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """One row: how the device was enrolled and its last word about itself."""

    id: DeviceId
    account_id: AccountId
    site_id: SiteId | None
    key_id: KeyId | None
    kind: DeviceKind
    name: str
    serial: str
    public_key: str
    enrolled_at: datetime
    place: Place
    phase: BoxPhase
    slots: Slots
    failed_versions: frozenset[Version]
    slot_bytes: int | None
    agent_version: str
    boot: int
    sequence: int
    last_seen_at: datetime | None
    is_leaving: bool
    noted_on: bool
    wrs_reachable: bool | None
    served: Version | None
    server_url: str | None
    progress: Progress | None
    lan_addresses: tuple[str, ...] = ()
    rates: Rates = NO_RATES

    def is_on(self, now: datetime) -> bool:
        return is_on(self.last_seen_at, self.is_leaving, now)

    @property
    def site_version(self) -> Version | None:
        """On a WRS: the version its site takes, once it has said how its site reaches it."""
        return (self.served or self.slots.running) if self.server_url else None


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as people see it. `would_take` is what an update without a tag would do (R3, R6, R7)."""

    record: DeviceRecord
    account_name: str
    account_version: Version
    site_name: str | None
    is_on: bool
    would_take: Resolution
    open_actions: tuple[Action, ...]
    last_action: Action | None

    @property
    def is_behind(self) -> bool:
        running = self.record.slots.running
        return running is not None and running < self.account_version


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a device, by the console's clock."""

    id: int
    device_id: DeviceId
    at: datetime
    kind: EventKind
    facts: dict[str, Any]


class Order(StrEnum):
    """How a list of devices is sorted; the reverse is asked for with a leading `-`."""

    NAME = "name"
    VERSION = "version"
    SEEN = "seen"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class DeviceFilters:
    """All given conditions hold together. `search` looks in names, serials and ids. `site_id` "" is: without a site.

    `last_states` is what its newest action may have come to; `is_updating`: an update of it is under way.
    `is_on` is what was last noted of it, which follows a silence within seconds. `needs_attention`: it failed, fell
    back or fell silent in an update, and nothing has been asked of it since.
    """

    search: str = ""
    site_id: SiteId | None = None
    kind: DeviceKind | None = None
    place: Place | None = None
    is_on: bool | None = None
    is_long_off: bool | None = None
    version: Version | None = None
    is_behind: bool | None = None
    phase: BoxPhase | None = None
    last_states: frozenset[ActionState] = frozenset()
    needs_attention: bool = False
    is_updating: bool | None = None
    lateness: Lateness | None = None
    command_id: CommandId | None = None
    order: Order = Order.NAME
    is_reversed: bool = False


@dataclass(slots=True)
class FleetGroup:
    """How many devices of a fleet are alike in this. Of those, `long_off_count` are off, and have been for long.

    There may be thousands of groups, hence not frozen, which costs more to make, and `rank`, that of the version they
    run (0: unknown), which compares much faster.
    """

    account_id: AccountId
    kind: DeviceKind
    site_id: SiteId | None
    place: Place
    phase: BoxPhase
    rank: int
    is_on: bool
    count: int
    long_off_count: int = 0


@dataclass(frozen=True, slots=True)
class FleetPart:
    """How many devices of an account are of this kind, in this phase and run this."""

    account_id: AccountId
    kind: DeviceKind
    phase: BoxPhase
    running: Version | None
    count: int


@dataclass(frozen=True, slots=True)
class FleetSummary:
    """An account's devices in numbers. `version` is the account's."""

    groups: tuple[FleetPart, ...]
    version: Version

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def server_count(self) -> int:
        return sum(group.count for group in self.groups if group.kind is DeviceKind.WRS)

    @property
    def box_count(self) -> int:
        return self.total - self.server_count

    @property
    def behind_count(self) -> int:
        return sum(count for version, count in self.versions.items() if version < self.version)

    @property
    def ready_count(self) -> int:
        return sum(group.count for group in self.groups if group.phase is BoxPhase.STAGED)

    @property
    def versions(self) -> dict[Version, int]:
        """What runs, and on how many; the newest first."""
        return count_versions(self.groups)


def count_versions(parts: Iterable[FleetPart]) -> dict[Version, int]:
    """What runs, and on how many; the newest first. What never said is left out."""
    counts: dict[Version, int] = {}
    for part in parts:
        if part.running is not None:
            counts[part.running] = counts.get(part.running, 0) + part.count
    return dict(sorted(counts.items(), reverse=True))


def device_unknown(device_id: str) -> NotFound:
    """The one answer for a device that does not exist and for one that is not the caller's."""
    return NotFound("device_unknown", f"no device {device_id!r}", hint="List the devices you see.")
