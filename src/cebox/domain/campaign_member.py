"""What became of one device in a campaign: from its action and its own word to the event that moves it on."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cebox.domain.action import ActionState
from cebox.domain.campaign import MemberEvent, MemberState, next_member_state
from cebox.domain.device import Slots
from cebox.domain.preflight import Finding, Forecast
from cebox.domain.version import Version
from cebox.errors import Conflict

NOT_STARTED = "not_started"
DEVICE_REMOVED = "device_removed"
SERVER_NOT_UPDATED = "wrs_not_updated"
OTHER_VERSION = "other_version"


class Turn(StrEnum):
    """What a device's turn comes to."""

    SEND = "send"
    WAIT = "wait"
    ALREADY_DONE = "already_done"
    ALREADY_STAGED = "already_staged"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` says why it is skipped: a finding, or one of this module's."""

    turn: Turn
    code: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """An action as far as it went; `code` says why it ended badly."""

    state: ActionState
    code: str = ""


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """What a device says of itself; `is_busy` while it works on an update, its trial included."""

    slots: Slots
    failed_versions: frozenset[Version]
    is_busy: bool


# In a campaign these are no matter of time: the device is left out, as the preview said.
_FINAL = (
    Finding.RELEASE_UNKNOWN,
    Finding.RELEASE_WITHDRAWN,
    Finding.SLOT_TOO_SMALL,
    Finding.WOULD_DOWNGRADE,
    Finding.BELOW_FLOOR,
    Finding.ROLLED_BACK_BEFORE,
)
_BY_UPDATE: Mapping[ActionState, MemberEvent] = MappingProxyType(
    {
        ActionState.STAGED: MemberEvent.STAGE,
        ActionState.REBOOTING: MemberEvent.RESTART,
        ActionState.ON_TRIAL: MemberEvent.RESTART,
        ActionState.DONE: MemberEvent.FINISH,
        ActionState.REFUSED: MemberEvent.REFUSE,
        ActionState.FAILED: MemberEvent.FAIL,
        ActionState.ROLLED_BACK: MemberEvent.ROLL_BACK,
        ActionState.CANCELLED: MemberEvent.WITHDRAW,
    }
)
_BY_REBOOT: Mapping[ActionState, MemberEvent] = MappingProxyType(
    {
        ActionState.REFUSED: MemberEvent.REFUSE,
        ActionState.FAILED: MemberEvent.FAIL,
        ActionState.CANCELLED: MemberEvent.WITHDRAW,
    }
)


def judge_turn(forecast: Forecast, slots: Slots, target: Version, *, is_server_done: bool) -> Verdict:
    """What `forecast` of an update without a tag means for a device whose campaign is towards `target`.

    `is_server_done`: the campaign has updated its site's WRS, which will serve `target` in a moment if not already.
    """
    findings = set(forecast.findings)
    if Finding.DEVICE_BUSY in findings:
        return Verdict(Turn.WAIT)
    if slots.running == target:
        return Verdict(Turn.ALREADY_DONE)
    if forecast.resolution.version != target:
        return Verdict(Turn.WAIT) if is_server_done else Verdict(Turn.SKIP, OTHER_VERSION)
    for finding in _FINAL:
        if finding in findings:
            return Verdict(Turn.SKIP, finding.value)
    if Finding.DEVICE_OFF in findings:
        return Verdict(Turn.WAIT)
    return Verdict(Turn.ALREADY_STAGED if Finding.ALREADY_STAGED in findings else Turn.SEND)


def find_event(
    state: MemberState, *, update: Report | None, reboot: Report | None, device: DeviceWord, target: Version
) -> MemberEvent | None:
    """What moves a device on that is under way, or was silent; None when there is nothing new.

    `update` is None when the version was installed before the campaign came to it: then the device's own word counts.
    """
    told = (_read_update(update) if update else _read_device(state, device, target), _read_reboot(state, reboot))
    return next((event for event in told if event is not None and _is_news(state, event)), None)


def _read_update(update: Report) -> MemberEvent | None:
    if update.state is ActionState.EXPIRED:
        return MemberEvent.PUT_BACK if update.code == NOT_STARTED else MemberEvent.FALL_SILENT
    return _BY_UPDATE.get(update.state)


def _read_device(state: MemberState, device: DeviceWord, target: Version) -> MemberEvent | None:
    if device.is_busy:
        return None
    if device.slots.running == target:
        return MemberEvent.FINISH
    if state is MemberState.RESTARTING and target in device.failed_versions:
        return MemberEvent.ROLL_BACK
    return None


def _read_reboot(state: MemberState, reboot: Report | None) -> MemberEvent | None:
    if reboot is None or state not in (MemberState.READY, MemberState.RESTARTING):
        return None
    if reboot.state is ActionState.EXPIRED and reboot.code == NOT_STARTED:
        return MemberEvent.PUT_BACK
    return _BY_REBOOT.get(reboot.state)


def _is_news(state: MemberState, event: MemberEvent) -> bool:
    try:
        return next_member_state(state, event) is not state
    except Conflict:
        return False
