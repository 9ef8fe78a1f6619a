"""Actions and group commands as the console keeps them, and what it foretells of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cebox.domain.action import ActionKind, ActionState
from cebox.domain.ids import AccountId, ActionId, CampaignId, CommandId, DeviceId, TagName
from cebox.domain.pace import Duration
from cebox.domain.preflight import Admission, Finding, Forecast
from cebox.domain.resolution import Reason, Resolution, Source
from cebox.domain.version import Version
from cebox.errors import NotFound
from cebox.protocol.device import BoxPhase

BUSY_PHASES = frozenset(
    {
        BoxPhase.DOWNLOADING,
        BoxPhase.INSTALLING,
        BoxPhase.REBOOTING,
        BoxPhase.ON_TRIAL,
        BoxPhase.SHUTTING_DOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the device says it took, beside what was asked."""

    version: Version
    source: Source
    reason: Reason | None
    way: str
    wan_bytes: int
    lan_bytes: int


@dataclass(frozen=True, slots=True)
class Action:
    """One action of one device. `asked_version` is what `asked_tag` (or no tag) points at, as last told to it.

    `is_withdrawing`: it was withdrawn after delivery and the device has not yet said what became of it. `revision`
    grows with every change. `code` and `detail` say why it ended badly. `through_id` is the WRS that carries out the
    start of another device, by its `lan_addresses`.
    """

    id: ActionId
    account_id: AccountId
    device_id: DeviceId
    command_id: CommandId | None
    kind: ActionKind
    state: ActionState
    is_open: bool
    is_acknowledged: bool
    is_withdrawing: bool
    at_next_start: bool
    asked_tag: TagName | None
    asked_version: Version | None
    expected_version: Version | None
    expected_source: Source | None
    taken: Taken | None
    code: str
    detail: str
    created_by: str
    created_at: datetime
    changed_at: datetime
    deadline_at: datetime | None
    revision: int
    through_id: DeviceId | None = None
    lan_addresses: tuple[str, ...] = ()

    @property
    def executor_id(self) -> DeviceId:
        """Who is told of it."""
        return self.through_id or self.device_id

    @property
    def is_deliverable(self) -> bool:
        """Whether the device still has to be told of it; a delivery is repeated until it is acknowledged."""
        is_under_way = self.state in (ActionState.WAITING, ActionState.SENT)
        return is_under_way and not self.is_acknowledged and not self.is_withdrawing

    def is_waiting(self, now: datetime) -> bool:
        """Whether it is to be delivered for the first time; one past its deadline is not, it only awaits its end."""
        is_late = self.deadline_at is not None and self.deadline_at <= now
        return self.state is ActionState.WAITING and self.is_deliverable and not is_late


@dataclass(frozen=True, slots=True)
class GroupRefusal:
    """A device a group command left out, and the finding (or `device_unknown`) why."""

    device_id: DeviceId
    finding: str


@dataclass(frozen=True, slots=True)
class Command:
    """A group command: the same for many devices, always towards the account's version (R4). `campaign_id`: what sent
    it, when no person did.
    """

    id: CommandId
    account_id: AccountId
    kind: ActionKind
    created_by: str
    created_at: datetime
    refusals: tuple[GroupRefusal, ...]
    campaign_id: CampaignId | None = None


@dataclass(frozen=True, slots=True)
class CommandProgress:
    """A command and how many of its actions are in each state."""

    command: Command
    counts: dict[ActionState, int]

    @property
    def sent_count(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Through:
    """The device that carries out an action for another."""

    device_id: DeviceId
    name: str


@dataclass(frozen=True, slots=True)
class PowerForecast:
    """What a restart, a shutdown or a start would do. `finalises` waits for the next start; `installs` is R10's;
    `through` is the WRS that would start it. `download_bytes` and `duration` are of what is installed; `spread_count`,
    on a WRS, how many boxes of its site would take the test version that it serves from then on.
    """

    findings: tuple[Finding, ...]
    finalises: Version | None
    installs: Resolution | None
    through: Through | None = None
    download_bytes: int | None = None
    duration: Duration | None = None
    spread_count: int = 0


@dataclass(frozen=True, slots=True)
class TimedForecast:
    """`duration` is that of the download alone; None: nobody knows, or there is none."""

    forecast: Forecast
    duration: Duration | None


@dataclass(frozen=True, slots=True)
class DeviceForecast:
    """One device of a group: what would become of the command there."""

    device_id: DeviceId
    name: str
    admission: Admission
    findings: tuple[Finding, ...]
    forecast: Forecast | None
    through: Through | None = None
    duration: Duration | None = None


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """`unknown_ids` are not this caller's to command, or do not exist."""

    devices: tuple[DeviceForecast, ...]
    unknown_ids: tuple[DeviceId, ...]

    @property
    def download_bytes(self) -> int:
        """The sum over the devices that would act."""
        acting = [one for one in self.devices if one.admission is not Admission.REFUSE]
        return sum(one.forecast.download_bytes or 0 for one in acting if one.forecast)


@dataclass(frozen=True, slots=True)
class ActionFilters:
    device_id: DeviceId | None = None
    command_id: CommandId | None = None
    is_open: bool | None = None


def is_busy(open_actions: Iterable[Action], phase: BoxPhase, *, is_on: bool) -> bool:
    """Whether something is under way on a device. An installed update that waits for a restart is not in the way, nor
    is its start, which the WRS is at.

    What a device that went off last did is no hindrance: it may have been cut in the middle.
    """
    if is_on and phase in BUSY_PHASES:
        return True
    return any(
        action.state is not ActionState.STAGED and action.kind is not ActionKind.START for action in open_actions
    )


def is_starting(open_actions: Iterable[Action]) -> bool:
    return any(action.kind is ActionKind.START for action in open_actions)


def action_unknown(action_id: str) -> NotFound:
    return NotFound("action_unknown", f"no action {action_id!r}", hint="List the device's actions.")


def command_unknown(command_id: str) -> NotFound:
    return NotFound("command_unknown", f"no command {command_id!r}", hint="List the actions to find it.")
