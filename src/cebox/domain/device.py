"""Devices: a ceBox or a WRS, where it stands, whether it is on, what its slots hold (R5, R8)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.domain.version import Version
from cebox.errors import Conflict

# A box on a 25 s long-poll is heard of at least this often; past it, it counts as off.
PRESENCE = timedelta(seconds=60)
# Off for longer than this, a box is not merely off for the night.
LONG_OFF = timedelta(days=7)


class DeviceKind(StrEnum):
    CEBOX = "cebox"
    WRS = "wrs"


class Place(StrEnum):
    """Where a box is now: on its site's network, or away from it (telework). A box without a site is away."""

    SITE = "site"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Slots:
    """The versions in a device's two slots. `staged` waits for a reboot; `previous` is where a fallback lands."""

    running: Version | None
    staged: Version | None = None
    previous: Version | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the rules see it. `failed_versions` rolled back here and are not tried again by themselves."""

    id: DeviceId
    account_id: AccountId
    kind: DeviceKind
    place: Place
    slots: Slots
    is_on: bool
    site_id: SiteId | None = None
    is_busy: bool = False
    slot_bytes: int | None = None
    failed_versions: frozenset[Version] = frozenset()


def is_on(last_seen: datetime | None, said_goodbye: bool, now: datetime) -> bool:
    """A device is on while it is heard of; a goodbye at shutdown counts at once, silence after `PRESENCE`."""
    return last_seen is not None and not said_goodbye and now - last_seen <= PRESENCE


def plan_install(slots: Slots, version: Version) -> Slots:
    """R8: installing fills the slot beside the running system, which stays as it is."""
    return replace(slots, staged=version)


def plan_finalise(slots: Slots) -> Slots:
    """R8: only the reboot finalises. Raises Conflict (`nothing_staged`) when no version waits for one."""
    if slots.staged is None:
        raise Conflict("nothing_staged", "no installed version waits for a reboot")
    return Slots(running=slots.staged, staged=None, previous=slots.running)


def served_version(wrs: Slots) -> Version | None:
    """R8: a WRS serves the version it runs; one it has only installed is not served before its reboot."""
    return wrs.running
