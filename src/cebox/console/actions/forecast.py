"""What an action would do, said before it is sent: the rules of `domain`, fed from the database.

The same forecasts admit an action when it is sent, so that what was shown is what happens, or the sender hears of the
difference.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.asking import read_asked
from cebox.console.actions.records import DeviceForecast, GroupForecast, PowerForecast, Through, is_starting
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord, device_unknown
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.surroundings import Surroundings, load_surroundings
from cebox.console.releases.service import load_catalogue
from cebox.domain.action import ActionKind
from cebox.domain.device import Device
from cebox.domain.ids import DeviceId
from cebox.domain.preflight import (
    SEVERITY,
    Admission,
    Finding,
    Forecast,
    Severity,
    admit,
    is_bound_by_window,
    preflight,
)
from cebox.domain.release import Release
from cebox.domain.resolution import plan_shutdown
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

    async def forecast_update(self, device_id: DeviceId, tag: str | None) -> Forecast:
        """Raises NotFound (`device_unknown`, `tag_unknown`), InvalidInput (`tag_malformed`)."""
        record, around = await self.load_one(device_id)
        return await self.foretell_update(record, around, tag)

    async def forecast_power(self, device_id: DeviceId, kind: ActionKind) -> PowerForecast:
        """What a restart finalises, what a shutdown installs first (R10). Raises NotFound (`device_unknown`)."""
        record, around = await self.load_one(device_id)
        return foretell_power(record, around, kind)

    async def forecast_group(
        self, device_ids: Iterable[DeviceId], kind: ActionKind = ActionKind.UPDATE, *, at_next_start: bool = False
    ) -> GroupForecast:
        """Each device's outcome of a group command. Raises InvalidInput (`group_empty`, `group_too_large`)."""
        wanted = _verify_group(device_ids)
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
        return _run_preflight(record, around, asked, await load_catalogue(self._connection))


def foretell_power(record: DeviceRecord, around: Surroundings, kind: ActionKind) -> PowerForecast:
    if kind is ActionKind.START:
        return _foretell_start(record, around)
    findings = _power_findings(around.domain_device(record))
    installs = None
    running = record.slots.running
    if kind is ActionKind.SHUTDOWN and running is not None:
        installs = plan_shutdown(
            running=running,
            account_version=around.account_version(record),
            kind=record.kind,
            place=record.place,
            server=around.site_server(record),
        )
    # One that is installed already, or that rolled back here, is not installed again by a shutdown.
    if installs is not None and installs.version in record.failed_versions | {record.slots.staged}:
        installs = None
    # And no shutdown waits for the site's download window.
    if installs is not None and is_bound_by_window(record.kind, record.place, installs) and around.closed_until(record):
        installs = None
    return PowerForecast(findings, record.slots.staged, installs)


def _foretell_start(record: DeviceRecord, around: Surroundings) -> PowerForecast:
    wrs = around.site_wrs(record)
    findings = find_start_findings(
        around.domain_device(record),
        record.lan_addresses,
        around.domain_device(wrs) if wrs else None,
        is_starting=is_starting(around.open_actions.get(record.id, ())),
    )
    through = Through(wrs.id, wrs.name) if wrs and wrs.id != record.id else None
    return PowerForecast(findings, record.slots.staged, None, through)


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
    forecast = _run_preflight(record, around, asked, releases)
    admission = admit(forecast, at_next_start=at_next_start)
    return DeviceForecast(record.id, record.name, admission, forecast.findings, forecast)


def choose_blocker(findings: Iterable[Finding], *, at_next_start: bool) -> Finding:
    """The first thing in the way; that the device is off is none when the action may wait for its next start."""
    blockers = [finding for finding in findings if SEVERITY[finding] is Severity.BLOCKS]
    others = [finding for finding in blockers if finding is not Finding.DEVICE_OFF]
    return others[0] if at_next_start and others else blockers[0]


def _run_preflight(
    record: DeviceRecord, around: Surroundings, asked: Asked, releases: Mapping[Version, Release]
) -> Forecast:
    return preflight(
        around.domain_device(record),
        asked,
        account_version=around.account_version(record),
        server=around.site_server(record),
        releases=releases,
        box_versions=around.site_box_versions(record),
        closed_until=around.closed_until(record),
    )


def _power_findings(device: Device) -> tuple[Finding, ...]:
    found = []
    if not device.is_on:
        found.append(Finding.DEVICE_OFF)
    if device.is_busy:
        found.append(Finding.DEVICE_BUSY)
    return tuple(found)


def _verify_group(device_ids: Iterable[DeviceId]) -> list[DeviceId]:
    wanted = list(dict.fromkeys(device_ids))
    if not wanted:
        raise InvalidInput("group_empty", "a group command names at least one device")
    if len(wanted) > LARGEST_GROUP:
        raise InvalidInput(
            "group_too_large",
            f"a group command names at most {LARGEST_GROUP} devices",
            hint="Send it in parts, such as site by site.",
        )
    return wanted
