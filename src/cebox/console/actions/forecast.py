"""What an action would do, said before it is sent: the rules of `domain`, fed from the database.

The same forecasts admit an action when it is sent, so that what was shown is what happens, or the sender hears of the
difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.asking import read_asked
from cebox.console.actions.records import (
    DeviceForecast,
    GroupForecast,
    PowerForecast,
    Through,
    TimedForecast,
    is_starting,
)
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord, device_unknown
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.surroundings import Standing, Surroundings, load_surroundings
from cebox.console.releases.service import load_catalogue
from cebox.domain.action import ActionKind
from cebox.domain.device import Device, DeviceKind
from cebox.domain.ids import DeviceId
from cebox.domain.pace import NO_RATES, Duration, Rates, plan_duration
from cebox.domain.preflight import (
    SEVERITY,
    Admission,
    Finding,
    Forecast,
    Severity,
    admit,
    count_spread,
    is_bound_by_window,
    plan_download,
    preflight,
)
from cebox.domain.release import Release
from cebox.domain.resolution import Resolution, plan_shutdown
from cebox.domain.start import find_start_findings
from cebox.domain.tag import Asked
from cebox.domain.version import Version
from cebox.errors import InvalidInput

LARGEST_GROUP = 10_000


class Forecaster:
    """Looks at devices and foretells. With `lock`, they stay as they are until the unit ends."""

    def __init__(self, connection: AsyncConnection, scope: Scope, now: datetime, *, lock: bool = False) -> None:
        self._connection = connection
        self._scope = scope
        self._now = now
        self._lock = lock

    async def forecast_update(self, device_id: DeviceId, tag: str | None) -> TimedForecast:
        """Raises NotFound (`device_unknown`, `tag_unknown`), InvalidInput (`tag_malformed`)."""
        record, around = await self.load_one(device_id)
        forecast = await self.foretell_update(record, around, tag)
        return TimedForecast(forecast, plan_update_duration(record, around, forecast, record.rates))

    async def forecast_power(self, device_id: DeviceId, kind: ActionKind) -> PowerForecast:
        """What a restart finalises, what a shutdown installs first (R10), with what that downloads and how long it
        takes. Raises NotFound (`device_unknown`).
        """
        record, around = await self.load_one(device_id)
        forecast = foretell_power(record, around, kind)
        if forecast.installs is None:
            return forecast
        release = (await load_catalogue(self._connection)).get(forecast.installs.version)
        if release is None:
            return forecast
        size = plan_download(around.domain_device(record), release, around.site_box_versions(record))
        duration = plan_load_duration(record, around, forecast.installs, size, record.rates)
        return replace(forecast, download_bytes=size, duration=duration)

    async def forecast_group(
        self, device_ids: Iterable[DeviceId], kind: ActionKind = ActionKind.UPDATE, *, at_next_start: bool = False
    ) -> GroupForecast:
        """Each device's outcome of a group command. Raises InvalidInput (`group_empty`, `group_too_large`)."""
        wanted = verify_group(device_ids)
        records = await DeviceRepository(self._connection, self._scope).find_many(wanted, lock=self._lock)
        around = await load_surroundings(self._connection, self._scope, records.values(), self._now)
        releases = await load_catalogue(self._connection)
        forecasts = [
            foretell_in_group(record, around, releases, kind, at_next_start=at_next_start)
            for record in sorted(records.values(), key=lambda one: one.name)
        ]
        return GroupForecast(tuple(forecasts), tuple(one for one in wanted if one not in records))

    async def load_one(self, device_id: DeviceId) -> tuple[DeviceRecord, Surroundings]:
        """Raises NotFound (`device_unknown`)."""
        record = await DeviceRepository(self._connection, self._scope).find(device_id, lock=self._lock)
        if record is None:
            raise device_unknown(device_id)
        return record, await load_surroundings(self._connection, self._scope, [record], self._now)

    async def foretell_update(self, record: DeviceRecord, around: Surroundings, tag: str | None) -> Forecast:
        asked = await read_asked(self._connection, record.account_id, tag)
        releases = await load_catalogue(self._connection)
        return run_preflight(around.domain_device(record), record, around, asked, releases)


def foretell_power(record: DeviceRecord, around: Surroundings, kind: ActionKind) -> PowerForecast:
    return find_power_findings(
        around.domain_device(record),
        record,
        around,
        kind,
        cards=record.lan_addresses,
        is_starting=is_starting(around.open_actions.get(record.id, ())),
    )


def find_power_findings(
    device: Device,
    standing: Standing,
    around: Surroundings,
    kind: ActionKind,
    *,
    cards: Iterable[str],
    is_starting: bool,
) -> PowerForecast:
    """What a restart, shutdown or start would do to one device, or to each of those that are alike."""
    if kind is ActionKind.START:
        return _foretell_start(device, standing, around, cards, is_starting=is_starting)
    if kind is ActionKind.SHUTDOWN:
        return PowerForecast(_power_findings(device), device.slots.staged, _plan_installs(device, standing, around))
    return PowerForecast(
        _power_findings(device), device.slots.staged, None, spread_count=_count_spread(device, standing, around)
    )


def _plan_installs(device: Device, standing: Standing, around: Surroundings) -> Resolution | None:
    """What a shutdown installs first."""
    running = device.slots.running
    if running is None:
        return None
    installs = plan_shutdown(
        running=running,
        account_version=around.account_version(standing),
        kind=device.kind,
        place=device.place,
        server=around.site_server(standing),
    )
    # One that is installed already, or that rolled back here, is not installed again by a shutdown.
    if installs is None or installs.version in device.failed_versions | {device.slots.staged}:
        return None
    # And no shutdown waits for the site's download window.
    is_bound = is_bound_by_window(device.kind, device.place, installs)
    return None if is_bound and around.closed_until(standing) else installs


def _count_spread(device: Device, standing: Standing, around: Surroundings) -> int:
    """A WRS serves its new version from its restart on."""
    staged = device.slots.staged
    if device.kind is not DeviceKind.WRS or staged is None:
        return 0
    return count_spread(staged, around.account_version(standing), around.site_box_versions(standing))


def _foretell_start(
    device: Device, standing: Standing, around: Surroundings, cards: Iterable[str], *, is_starting: bool
) -> PowerForecast:
    wrs = around.site_wrs(standing)
    server = around.domain_device(wrs) if wrs else None
    findings = find_start_findings(device, cards, server, is_starting=is_starting)
    through = Through(wrs.id, wrs.name) if wrs and device.kind is not DeviceKind.WRS else None
    return PowerForecast(findings, device.slots.staged, None, through)


def plan_update_duration(
    standing: Standing, around: Surroundings, forecast: Forecast, rates: Rates = NO_RATES
) -> Duration | None:
    """Of its download; `rates` are the device's own."""
    return plan_load_duration(standing, around, forecast.resolution, forecast.download_bytes or 0, rates)


def plan_load_duration(
    standing: Standing, around: Surroundings, resolution: Resolution, download_bytes: int, rates: Rates = NO_RATES
) -> Duration | None:
    return plan_duration(
        download_bytes,
        resolution.source,
        device=rates,
        site=around.site_rates(standing),
        limit_bytes_per_second=around.limit_bytes_per_second(standing),
    )


def foretell_in_group(
    record: DeviceRecord,
    around: Surroundings,
    releases: Mapping[Version, Release],
    kind: ActionKind,
    *,
    at_next_start: bool,
) -> DeviceForecast:
    if kind is not ActionKind.UPDATE:
        power = foretell_power(record, around, kind)
        admission = Admission.REFUSE if power.findings else Admission.SEND
        return DeviceForecast(record.id, record.name, admission, power.findings, None, power.through)
    asked = Asked(None, around.account_version(record))
    forecast = run_preflight(around.domain_device(record), record, around, asked, releases)
    admission = admit(forecast, at_next_start=at_next_start)
    duration = plan_update_duration(record, around, forecast, record.rates)
    return DeviceForecast(record.id, record.name, admission, forecast.findings, forecast, duration=duration)


def choose_blocker(findings: Iterable[Finding], *, at_next_start: bool) -> Finding:
    """The first thing in the way; that the device is off is none when the action may wait for its next start."""
    blockers = [finding for finding in findings if SEVERITY[finding] is Severity.BLOCKS]
    others = [finding for finding in blockers if finding is not Finding.DEVICE_OFF]
    return others[0] if at_next_start and others else blockers[0]


def run_preflight(
    device: Device, standing: Standing, around: Surroundings, asked: Asked, releases: Mapping[Version, Release]
) -> Forecast:
    return preflight(
        device,
        asked,
        account_version=around.account_version(standing),
        server=around.site_server(standing),
        releases=releases,
        box_versions=around.site_box_versions(standing),
        closed_until=around.closed_until(standing),
    )


def _power_findings(device: Device) -> tuple[Finding, ...]:
    found = []
    if not device.is_on:
        found.append(Finding.DEVICE_OFF)
    if device.is_busy:
        found.append(Finding.DEVICE_BUSY)
    return tuple(found)


def verify_group(device_ids: Iterable[DeviceId]) -> tuple[DeviceId, ...]:
    """Each once. Raises InvalidInput (`group_empty`, `group_too_large`)."""
    wanted = tuple(dict.fromkeys(device_ids))
    if not wanted:
        raise InvalidInput("group_empty", "a group command names at least one device")
    if len(wanted) > LARGEST_GROUP:
        raise InvalidInput(
            "group_too_large",
            f"a group command names at most {LARGEST_GROUP} devices",
            hint="Send it in parts, such as site by site.",
        )
    return wanted
