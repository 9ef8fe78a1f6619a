"""Devices the rules cannot tell apart: a fleet of any size is a few hundred of these, and each is asked about once."""

from dataclasses import dataclass
from typing import Any

from cebox.console.actions.records import BUSY_PHASES
from cebox.domain.device import Device, DeviceKind, Place, Slots
from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase


@dataclass(frozen=True, slots=True)
class Chosen:
    """Devices named one by one, or (`device_ids` None) all that filters find but those `but`."""

    device_ids: tuple[DeviceId, ...] | None
    but: tuple[DeviceId, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """`count` devices that are alike. `key` is what the database has of them.

    `is_updating` and `is_starting`: such an action is under way, `has_open`: one that is in the way of another;
    `has_failed`: its newest action is an update that failed.
    """

    account_id: AccountId
    site_id: SiteId | None
    kind: DeviceKind
    place: Place
    phase: BoxPhase
    slots: Slots
    failed_versions: frozenset[Version]
    slot_bytes: int | None
    is_on: bool
    has_open: bool
    is_updating: bool
    is_starting: bool
    has_failed: bool
    has_lan_address: bool
    count: int
    key: tuple[Any, ...]

    @property
    def is_busy(self) -> bool:
        """As `actions.records.is_busy` says it of one device."""
        return self.has_open or (self.is_on and self.phase in BUSY_PHASES)

    def to_device(self) -> Device:
        """Any of them, as the rules see it."""
        return Device(
            id=DeviceId(""),
            account_id=self.account_id,
            kind=self.kind,
            place=self.place,
            slots=self.slots,
            is_on=self.is_on,
            site_id=self.site_id,
            is_busy=self.is_busy,
            slot_bytes=self.slot_bytes,
            failed_versions=self.failed_versions,
        )
