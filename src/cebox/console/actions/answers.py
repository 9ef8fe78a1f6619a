"""Actions and forecasts as the admin API says them."""

from datetime import datetime

from cebox.console.actions.group_forecast import Outcome, Summary
from cebox.console.actions.records import (
    Action,
    CommandProgress,
    DeviceForecast,
    GroupForecast,
    PowerForecast,
    TimedForecast,
)
from cebox.console.wire import Answer, VersionText
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.pace import Basis, Duration
from cebox.domain.preflight import SEVERITY, Admission, Finding, Severity
from cebox.domain.resolution import Reason, Source


class TakenAnswer(Answer):
    """What the device says it took."""

    version: VersionText
    source: Source
    reason: Reason | None
    way: str
    wan_bytes: int
    lan_bytes: int


class ActionAnswer(Answer):
    """`asked_*` is what the sender wanted, `expected_*` what the forecast said, `taken` what came of it. `through_id`
    is the WRS that is to start the device.
    """

    id: str
    account_id: str
    device_id: str
    through_id: str | None
    command_id: str | None
    kind: ActionKind
    state: ActionState
    is_open: bool
    is_withdrawing: bool
    at_next_start: bool
    asked_tag: str | None
    asked_version: VersionText | None
    expected_version: VersionText | None
    expected_source: Source | None
    taken: TakenAnswer | None
    code: str
    detail: str
    created_by: str
    created_at: datetime
    changed_at: datetime
    deadline_at: datetime | None


class ResolutionAnswer(Answer):
    """Which version, from where, and why; `is_overruled` when the site decides otherwise than asked (R6)."""

    asked_tag: str | None
    asked_version: VersionText
    version: VersionText
    source: Source
    reason: Reason
    is_overruled: bool


class FindingAnswer(Answer):
    code: Finding
    severity: Severity


class DurationAnswer(Answer):
    """`basis`: what the device or its site measured last, or the limit that is set."""

    seconds: int
    basis: Basis


class ThroughAnswer(Answer):
    """The WRS that carries out a start."""

    device_id: str
    name: str


class ForecastAnswer(Answer):
    """`admission` is what would become of it now. `resolution` and the sizes are an update's, and so is `begins_at`:
    when the site's download window opens, null when the download begins at once. `duration` is that of the download,
    null when nobody knows; `spread_count`, of a WRS's restart, how many ceBox would take its test version.
    """

    kind: ActionKind
    admission: Admission
    findings: list[FindingAnswer]
    resolution: ResolutionAnswer | None = None
    download_bytes: int | None = None
    image_bytes: int | None = None
    finalises: VersionText | None = None
    installs: ResolutionAnswer | None = None
    begins_at: datetime | None = None
    through: ThroughAnswer | None = None
    duration: DurationAnswer | None = None
    spread_count: int = 0


class DeviceForecastAnswer(ForecastAnswer):
    device_id: str
    name: str


class OutcomeAnswer(Answer):
    """What becomes of `count` of the devices. `finding` null: they act, and take `version`; `device_off`: they are off
    and nothing else stands in the way. `is_held_back`: their WRS serves what they have, below the account's version.
    """

    finding: Finding | None
    version: VersionText | None
    is_held_back: bool
    count: int
    wrs_count: int
    cloud_count: int
    download_bytes: int
    warnings: dict[Finding, int]


class GroupForecastAnswer(Answer):
    """`devices` one by one where they were named; `outcomes` sum up all. `total_count` is what they add up to;
    `least_seconds` and `most_seconds` are of one device's download, null when nobody knows.
    """

    devices: list[DeviceForecastAnswer]
    unknown_ids: list[str]
    download_bytes: int
    outcomes: list[OutcomeAnswer]
    total_count: int
    least_seconds: int | None
    most_seconds: int | None


class GroupRefusalAnswer(Answer):
    device_id: str
    finding: str


class CommandAnswer(Answer):
    """`counts` says how many of its actions are in which state; `refusals` whom it left out, and why."""

    id: str
    account_id: str
    kind: ActionKind
    created_by: str
    created_at: datetime
    sent_count: int
    counts: dict[ActionState, int]
    refusals: list[GroupRefusalAnswer]


def make_action_answer(action: Action) -> ActionAnswer:
    return ActionAnswer.model_validate(action)


def make_command_answer(progress: CommandProgress) -> CommandAnswer:
    command = progress.command
    return CommandAnswer(
        id=command.id,
        account_id=command.account_id,
        kind=command.kind,
        created_by=command.created_by,
        created_at=command.created_at,
        sent_count=progress.sent_count,
        counts=progress.counts,
        refusals=[GroupRefusalAnswer.model_validate(one) for one in command.refusals],
    )


def make_forecast_answer(timed: TimedForecast, admission: Admission) -> ForecastAnswer:
    forecast = timed.forecast
    return ForecastAnswer(
        kind=ActionKind.UPDATE,
        admission=admission,
        findings=_list_findings(forecast.findings),
        resolution=ResolutionAnswer.model_validate(forecast.resolution),
        download_bytes=forecast.download_bytes,
        image_bytes=forecast.image_bytes,
        begins_at=forecast.begins_at,
        duration=_make_duration(timed.duration),
    )


def make_power_answer(forecast: PowerForecast, kind: ActionKind) -> ForecastAnswer:
    return ForecastAnswer(
        kind=kind,
        admission=Admission.REFUSE if forecast.findings else Admission.SEND,
        findings=_list_findings(forecast.findings),
        finalises=str(forecast.finalises) if forecast.finalises else None,
        installs=ResolutionAnswer.model_validate(forecast.installs) if forecast.installs else None,
        through=ThroughAnswer.model_validate(forecast.through) if forecast.through else None,
        download_bytes=forecast.download_bytes,
        duration=_make_duration(forecast.duration),
        spread_count=forecast.spread_count,
    )


def make_group_answer(
    summary: Summary, kind: ActionKind, *, forecast: GroupForecast | None, at_next_start: bool
) -> GroupForecastAnswer:
    """`forecast` is of the devices that were named, None where a query found them."""
    pace = summary.pace
    counted = [one for one in summary.outcomes if _acts(one, at_next_start=at_next_start)]
    return GroupForecastAnswer(
        devices=[_make_device_forecast(one, kind) for one in forecast.devices] if forecast else [],
        unknown_ids=list(forecast.unknown_ids) if forecast else [],
        download_bytes=sum(one.download_bytes() for one in counted),
        outcomes=[_make_outcome(one) for one in summary.outcomes],
        total_count=summary.total,
        least_seconds=pace.least_seconds if pace else None,
        most_seconds=pace.most_seconds if pace else None,
    )


def _acts(outcome: Outcome, *, at_next_start: bool) -> bool:
    finding = outcome.key.finding
    return finding is None or (at_next_start and finding is Finding.DEVICE_OFF)


def _make_outcome(outcome: Outcome) -> OutcomeAnswer:
    key = outcome.key
    return OutcomeAnswer(
        finding=key.finding,
        version=str(key.version) if key.version else None,
        is_held_back=key.is_held_back,
        count=outcome.count,
        wrs_count=outcome.count_from(Source.WRS),
        cloud_count=outcome.count_from(Source.CLOUD),
        download_bytes=outcome.download_bytes(),
        warnings=outcome.warnings,
    )


def _make_duration(duration: Duration | None) -> DurationAnswer | None:
    return DurationAnswer.model_validate(duration) if duration else None


def _make_device_forecast(one: DeviceForecast, kind: ActionKind) -> DeviceForecastAnswer:
    forecast = one.forecast
    return DeviceForecastAnswer(
        device_id=one.device_id,
        name=one.name,
        kind=kind,
        admission=one.admission,
        findings=_list_findings(one.findings),
        resolution=ResolutionAnswer.model_validate(forecast.resolution) if forecast else None,
        download_bytes=forecast.download_bytes if forecast else None,
        image_bytes=forecast.image_bytes if forecast else None,
        through=ThroughAnswer.model_validate(one.through) if one.through else None,
        duration=_make_duration(one.duration),
    )


def _list_findings(findings: tuple[Finding, ...]) -> list[FindingAnswer]:
    return [FindingAnswer(code=finding, severity=SEVERITY[finding]) for finding in findings]
