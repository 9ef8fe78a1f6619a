"""preflight(): what stands in the way of an update, said before anything is sent (R6, R9, R11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from cebox.domain.device import Device, DeviceKind, Place
from cebox.domain.release import Release
from cebox.domain.resolution import Resolution, SiteServer, Source, resolve
from cebox.domain.tag import Asked
from cebox.domain.version import Version


class Severity(StrEnum):
    BLOCKS = "blocks"
    WARNS = "warns"
    INFORMS = "informs"


class Finding(StrEnum):
    """One thing worth saying before the click. The words for people are the console's."""

    DEVICE_OFF = "device_off"
    DEVICE_BUSY = "device_busy"
    RELEASE_UNKNOWN = "release_unknown"
    RELEASE_WITHDRAWN = "release_withdrawn"
    SLOT_TOO_SMALL = "slot_too_small"
    BELOW_FLOOR = "below_floor"
    ALREADY_THERE = "already_there"
    ALREADY_STAGED = "already_staged"
    ROLLED_BACK_BEFORE = "rolled_back_before"
    WOULD_DOWNGRADE = "would_downgrade"
    SITE_DECIDES = "site_decides"
    WRS_DOWN = "wrs_down"
    WRS_WOULD_SPREAD_TEST = "wrs_would_spread_test"
    WINDOW_CLOSED = "window_closed"
    ALREADY_ON = "already_on"
    NO_SITE_WRS = "no_site_wrs"
    SITE_WRS_OFF = "site_wrs_off"
    LAST_SEEN_AWAY = "last_seen_away"
    NO_LAN_ADDRESS = "no_lan_address"


SEVERITY: Mapping[Finding, Severity] = {
    Finding.DEVICE_OFF: Severity.BLOCKS,
    Finding.DEVICE_BUSY: Severity.BLOCKS,
    Finding.RELEASE_UNKNOWN: Severity.BLOCKS,
    Finding.RELEASE_WITHDRAWN: Severity.BLOCKS,
    Finding.SLOT_TOO_SMALL: Severity.BLOCKS,
    Finding.BELOW_FLOOR: Severity.BLOCKS,
    Finding.ALREADY_THERE: Severity.BLOCKS,
    Finding.ALREADY_STAGED: Severity.BLOCKS,
    Finding.ROLLED_BACK_BEFORE: Severity.WARNS,
    Finding.WOULD_DOWNGRADE: Severity.WARNS,
    Finding.SITE_DECIDES: Severity.WARNS,
    Finding.WRS_DOWN: Severity.INFORMS,
    Finding.WRS_WOULD_SPREAD_TEST: Severity.WARNS,
    Finding.WINDOW_CLOSED: Severity.INFORMS,
    Finding.ALREADY_ON: Severity.BLOCKS,
    Finding.NO_SITE_WRS: Severity.BLOCKS,
    Finding.SITE_WRS_OFF: Severity.BLOCKS,
    Finding.LAST_SEEN_AWAY: Severity.BLOCKS,
    Finding.NO_LAN_ADDRESS: Severity.BLOCKS,
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an update would do to one device. `download_bytes` is None when the release is unknown; `begins_at` is when
    the site's download window opens, None when the download begins at once.
    """

    resolution: Resolution
    findings: tuple[Finding, ...]
    download_bytes: int | None
    image_bytes: int | None
    begins_at: datetime | None = None

    @property
    def blockers(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if SEVERITY[finding] is Severity.BLOCKS)


class Admission(StrEnum):
    """R9: what becomes of the request."""

    SEND = "send"
    QUEUE = "queue"
    REFUSE = "refuse"


def preflight(
    device: Device,
    asked: Asked,
    *,
    account_version: Version,
    server: SiteServer | None,
    releases: Mapping[Version, Release],
    box_versions: Mapping[Version, int] = MappingProxyType({}),
    closed_until: datetime | None = None,
) -> Forecast:
    """Say what `device` would take and what stands in the way.

    `server` is the WRS of the device's site. `box_versions`, for a WRS, says how many ceBox of its site run which
    version: it mirrors the patches they need, and those below the account's version would take its own at their next
    shutdown (R10). `closed_until` is when the download window of the site opens, None while it is open.
    """
    resolution = resolve(device.kind, device.place, asked, server)
    release = releases.get(resolution.version)
    findings = (
        *_device_findings(device, resolution),
        *_release_findings(device, resolution.version, release, releases),
        *_site_findings(device, resolution, server, account_version, box_versions),
    )
    is_there = bool({Finding.ALREADY_THERE, Finding.ALREADY_STAGED} & set(findings))
    begins_at = closed_until if is_bound_by_window(device.kind, device.place, resolution) else None
    if begins_at is not None and not is_there:
        findings = (*findings, Finding.WINDOW_CLOSED)
    return Forecast(
        resolution=resolution,
        findings=findings,
        download_bytes=_plan_bytes(device, release, box_versions, is_there=is_there),
        image_bytes=release.image_bytes if release else None,
        begins_at=begins_at if Finding.WINDOW_CLOSED in findings else None,
    )


def _plan_bytes(
    device: Device, release: Release | None, box_versions: Mapping[Version, int], *, is_there: bool
) -> int | None:
    if release is None:
        return None
    return 0 if is_there else plan_download(device, release, box_versions)


def is_bound_by_window(kind: DeviceKind, place: Place, resolution: Resolution) -> bool:
    """The hours are those of the site's line to the cloud: its network and somebody's line at home have none."""
    return kind is DeviceKind.WRS or (place is Place.SITE and resolution.source is Source.CLOUD)


def admit(forecast: Forecast, *, at_next_start: bool) -> Admission:
    """R9: a device that is off is refused, or, when the caller wishes, served at its next start."""
    blockers = set(forecast.blockers)
    if not blockers:
        return Admission.SEND
    if blockers == {Finding.DEVICE_OFF} and at_next_start:
        return Admission.QUEUE
    return Admission.REFUSE


def _device_findings(device: Device, resolution: Resolution) -> list[Finding]:
    found = []
    if not device.is_on:
        found.append(Finding.DEVICE_OFF)
    if device.is_busy:
        found.append(Finding.DEVICE_BUSY)
    if device.slots.running == resolution.version and device.slots.staged is None:
        found.append(Finding.ALREADY_THERE)
    if device.slots.staged == resolution.version:
        found.append(Finding.ALREADY_STAGED)
    if resolution.version in device.failed_versions:
        found.append(Finding.ROLLED_BACK_BEFORE)
    if device.slots.running is not None and resolution.version < device.slots.running:
        found.append(Finding.WOULD_DOWNGRADE)
    return found


def _release_findings(
    device: Device, version: Version, release: Release | None, releases: Mapping[Version, Release]
) -> list[Finding]:
    if release is None:
        return [Finding.RELEASE_UNKNOWN]
    found = []
    if release.is_withdrawn:
        found.append(Finding.RELEASE_WITHDRAWN)
    running = releases.get(device.slots.running) if device.slots.running else None
    if running is not None and version < running.floor:
        found.append(Finding.BELOW_FLOOR)
    if device.slot_bytes is not None and release.image_bytes > device.slot_bytes:
        found.append(Finding.SLOT_TOO_SMALL)
    return found


def _site_findings(
    device: Device,
    resolution: Resolution,
    server: SiteServer | None,
    account_version: Version,
    box_versions: Mapping[Version, int],
) -> list[Finding]:
    found = []
    if resolution.is_overruled:
        found.append(Finding.SITE_DECIDES)
    if resolution.reason == "site_without_wrs" and server is not None:
        found.append(Finding.WRS_DOWN)
    if device.kind is DeviceKind.WRS and count_spread(resolution.version, account_version, box_versions):
        found.append(Finding.WRS_WOULD_SPREAD_TEST)
    return found


def count_spread(served: Version, account_version: Version, box_versions: Mapping[Version, int]) -> int:
    """How many ceBox of a site would take a test version at their next shutdown (R10), once its WRS serves it."""
    if served <= account_version:
        return 0
    return sum(many for version, many in box_versions.items() if version < account_version)


def plan_download(device: Device, release: Release, box_versions: Mapping[Version, int]) -> int:
    """Bytes to fetch for an installation: the whole site's share for a WRS, the smallest way for a box."""
    if device.kind is DeviceKind.WRS:
        running = {device.slots.running} if device.slots.running else set()
        return release.mirror_bytes(running | set(box_versions))
    return release.download_bytes(device.slots.running)
