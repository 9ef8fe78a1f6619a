"""Actions and forecasts as the admin API says them."""

from datetime import datetime

from cebox.console.actions.records import (
    Action,
    CommandProgress,
    DeviceForecast,
    GroupForecast,
    PowerForecast,
)
from cebox.console.wire import Answer, VersionText
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.preflight import SEVERITY, Admission, Finding, Forecast, Severity
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


class ThroughAnswer(Answer):
    """The WRS that carries out a start."""

    device_id: str
    name: str


class ForecastAnswer(Answer):
    """`admission` is what would become of it now. `resolution` and the sizes are an update's, and so is `begins_at`:
    when the site's download window opens, null when the download begins at once.
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


class DeviceForecastAnswer(ForecastAnswer):
    device_id: str
    name: str


class GroupForecastAnswer(Answer):
    devices: list[DeviceForecastAnswer]
    unknown_ids: list[str]
    download_bytes: int


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


def make_forecast_answer(forecast: Forecast, admission: Admission) -> ForecastAnswer:
    return ForecastAnswer(
        kind=ActionKind.UPDATE,
        admission=admission,
        findings=_list_findings(forecast.findings),
        resolution=ResolutionAnswer.model_validate(forecast.resolution),
        download_bytes=forecast.download_bytes,
        image_bytes=forecast.image_bytes,
        begins_at=forecast.begins_at,
    )


def make_power_answer(forecast: PowerForecast, kind: ActionKind) -> ForecastAnswer:
    return ForecastAnswer(
        kind=kind,
        admission=Admission.REFUSE if forecast.findings else Admission.SEND,
        findings=_list_findings(forecast.findings),
        finalises=str(forecast.finalises) if forecast.finalises else None,
        installs=ResolutionAnswer.model_validate(forecast.installs) if forecast.installs else None,
        through=ThroughAnswer.model_validate(forecast.through) if forecast.through else None,
    )


def make_group_answer(forecast: GroupForecast, kind: ActionKind) -> GroupForecastAnswer:
    return GroupForecastAnswer(
        devices=[_make_device_forecast(one, kind) for one in forecast.devices],
        unknown_ids=list(forecast.unknown_ids),
        download_bytes=forecast.download_bytes,
    )


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
    )


def _list_findings(findings: tuple[Finding, ...]) -> list[FindingAnswer]:
    return [FindingAnswer(code=finding, severity=SEVERITY[finding]) for finding in findings]
