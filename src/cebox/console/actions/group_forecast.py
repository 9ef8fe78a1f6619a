"""What a command to many devices would come to, summed up: the rules are asked once for all that are alike.

Fast for a fleet of any size; who exactly is meant, `class_repository` names on demand. Sending asks the rules again,
device by device (`actions.group`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.forecast import choose_blocker, find_power_findings, plan_update_duration, run_preflight
from cebox.console.actions.records import PowerForecast
from cebox.console.database.scope import Scope
from cebox.console.devices.class_repository import DeviceClassRepository
from cebox.console.devices.classes import Chosen, DeviceClass
from cebox.console.devices.records import DeviceFilters
from cebox.console.devices.surroundings import Surroundings, look_around
from cebox.console.releases.service import load_catalogue
from cebox.domain.action import ActionKind
from cebox.domain.ids import DeviceId
from cebox.domain.pace import Duration
from cebox.domain.preflight import SEVERITY, Admission, Finding, Forecast, Severity, admit
from cebox.domain.release import Release
from cebox.domain.resolution import Source
from cebox.domain.tag import Asked
from cebox.domain.version import Version

NAMED = 40


@dataclass(frozen=True, slots=True)
class ClassForecast:
    """What becomes of each of `members`, if it may wait for its next start when it is only off."""

    members: DeviceClass
    admission: Admission
    findings: tuple[Finding, ...]
    update: Forecast | None = None
    power: PowerForecast | None = None
    duration: Duration | None = None

    @property
    def version(self) -> Version | None:
        """Of an update, what it takes; of a shutdown, what it installs first; of a restart or start, what it tries."""
        if self.update is not None:
            return self.update.resolution.version
        if self.power is None:
            return None
        return self.power.installs.version if self.power.installs else self.power.finalises

    @property
    def source(self) -> Source | None:
        if self.update is not None:
            return self.update.resolution.source
        return self.power.installs.source if self.power and self.power.installs else None

    @property
    def is_held_back(self) -> bool:
        """It has its WRS's version, which is below the account's: only the WRS's own update changes that."""
        if self.update is None or Finding.ALREADY_THERE not in self.findings:
            return False
        return self.update.resolution.version < self.update.resolution.asked_version


@dataclass(frozen=True, slots=True)
class OutcomeKey:
    """Which line of the summary: what stands in the way (None: nothing), and the version that is said with it."""

    finding: Finding | None
    version: Version | None
    is_held_back: bool = False


@dataclass(slots=True)
class Outcome:
    """One line of the summary: what happens to these devices, and why. The lines' sum is the selection."""

    key: OutcomeKey
    classes: list[ClassForecast] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(one.members.count for one in self.classes)

    def count_from(self, source: str) -> int:
        """How many take it from this source, by its name."""
        return sum(one.members.count for one in self.classes if one.source == source)

    def download_bytes(self, source: Source | None = None) -> int:
        """Of all of them; with `source`, what comes from there."""
        updates = ((one.members.count, one.update) for one in self.classes if one.update)
        return sum(
            many * (forecast.download_bytes or 0)
            for many, forecast in updates
            if source is None or forecast.resolution.source is source
        )

    @property
    def warnings(self) -> dict[Finding, int]:
        """What is worth a warning though it stands in nobody's way, and of how many."""
        found: dict[Finding, int] = {}
        for one in self.classes:
            for finding in one.findings:
                if SEVERITY[finding] is Severity.WARNS and finding is not Finding.SITE_DECIDES:
                    found[finding] = found.get(finding, 0) + one.members.count
        return found

    @property
    def begins(self) -> tuple[int, datetime] | None:
        """Those of them that wait for the hours of their site, and when the first of these begin."""
        waits = [(one.members.count, one.update.begins_at) for one in self.classes if one.update]
        waiting = [(many, moment) for many, moment in waits if moment is not None]
        return (sum(many for many, _ in waiting), min(moment for _, moment in waiting)) if waiting else None

    @property
    def site_ids(self) -> tuple[str, ...]:
        return tuple(sorted({one.members.site_id for one in self.classes if one.members.site_id}))


@dataclass(frozen=True, slots=True)
class Summary:
    """`outcomes`: those that act first, by version; then the others, the largest first."""

    outcomes: tuple[Outcome, ...]
    around: Surroundings | None = None

    @property
    def total(self) -> int:
        return sum(one.count for one in self.outcomes)

    @property
    def acting(self) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.key.finding is None)

    @property
    def now_count(self) -> int:
        return sum(one.count for one in self.acting)

    @property
    def off_count(self) -> int:
        """Those that are off and nothing else stands in the way."""
        return next((one.count for one in self.outcomes if one.key.finding is Finding.DEVICE_OFF), 0)

    def download_bytes(self, source: Source | None = None) -> int:
        return sum(one.download_bytes(source) for one in self.acting)

    @property
    def pace(self) -> "Pace | None":
        """How long each download takes; None when nothing is downloaded."""
        loads = [
            one
            for outcome in self.acting
            for one in outcome.classes
            if one.update is not None and one.update.download_bytes
        ]
        if not loads:
            return None
        known = [one.duration.seconds for one in loads if one.duration is not None]
        unknown = sum(one.members.count for one in loads if one.duration is None)
        return Pace(min(known, default=None), max(known, default=None), unknown)

    def find(self, key: OutcomeKey) -> Outcome | None:
        return next((one for one in self.outcomes if one.key == key), None)


@dataclass(frozen=True, slots=True)
class Pace:
    """The shortest and the longest download of one device, and how many nobody can say anything about."""

    least_seconds: int | None
    most_seconds: int | None
    unknown_count: int


class GroupForecaster:
    """Sums up for one selection; `filters` are those of the list, where no devices are named."""

    def __init__(
        self,
        connection: AsyncConnection,
        scope: Scope,
        now: datetime,
        kind: ActionKind,
        chosen: Chosen,
        filters: DeviceFilters | None = None,
    ) -> None:
        self._connection = connection
        self._scope = scope
        self._now = now
        self._kind = kind
        self._chosen = chosen
        self._filters = filters or DeviceFilters()
        is_start = kind is ActionKind.START
        self._classes = DeviceClassRepository(connection, scope, now, with_cards=is_start)

    async def sum_up(self) -> Summary:
        classes = await self._classes.count(self._chosen, self._filters)
        around = await look_around(self._connection, self._scope, classes, self._now)
        releases = await load_catalogue(self._connection)
        forecasts = [foretell_class(one, around, releases, self._kind) for one in classes]
        return Summary(sort_outcomes(forecasts), around)

    async def list_names(self, outcome: Outcome, limit: int = NAMED) -> tuple[tuple[DeviceId, str], ...]:
        """The first of the devices a line of the summary is about."""
        classes = [one.members for one in outcome.classes]
        return await self._classes.list_names(self._chosen, self._filters, classes, limit)


def foretell_class(
    members: DeviceClass, around: Surroundings, releases: Mapping[Version, Release], kind: ActionKind
) -> ClassForecast:
    device = members.to_device()
    if kind is not ActionKind.UPDATE:
        cards = ("",) if members.has_lan_address else ()
        power = find_power_findings(device, members, around, kind, cards=cards, is_starting=members.is_starting)
        admission = Admission.REFUSE if power.findings else Admission.SEND
        return ClassForecast(members, admission, power.findings, power=power)
    asked = Asked(None, around.account_version(members))
    forecast = run_preflight(device, members, around, asked, releases)
    # Asked as if they might wait: only those that are off and nothing else are offered the next start.
    admission = admit(forecast, at_next_start=True)
    duration = plan_update_duration(members, around, forecast)
    return ClassForecast(members, admission, forecast.findings, update=forecast, duration=duration)


def sort_outcomes(forecasts: Iterable[ClassForecast]) -> tuple[Outcome, ...]:
    outcomes: dict[OutcomeKey, Outcome] = {}
    for one in forecasts:
        key = _choose_key(one)
        outcomes.setdefault(key, Outcome(key)).classes.append(one)
    return tuple(sorted(outcomes.values(), key=_order))


def _choose_key(one: ClassForecast) -> OutcomeKey:
    if one.admission is Admission.SEND:
        return OutcomeKey(None, one.version)
    if one.admission is Admission.QUEUE:
        return OutcomeKey(Finding.DEVICE_OFF, None)
    finding = choose_blocker(one.findings, at_next_start=one.update is not None)
    if finding is not Finding.ALREADY_THERE:
        return OutcomeKey(finding, None)
    return OutcomeKey(finding, one.version, one.is_held_back)


def _order(outcome: Outcome) -> tuple[bool, bool, Version | int]:
    key = outcome.key
    if key.finding is not None:
        return (True, True, -outcome.count)
    return (False, key.version is not None, key.version or 0)
