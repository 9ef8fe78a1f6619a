"""The procedure of an account, derived from what is so (R11, R12): three stages, and on each site the order of steps.

Nothing here is ticked off by anybody: work done by hand, by a colleague or last week counts by what it changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cebox.domain.device import Device, DeviceKind
from cebox.domain.migration import Phase
from cebox.domain.version import Version


class StepKind(StrEnum):
    UPDATE_WRS = "update_wrs"
    REBOOT_WRS = "reboot_wrs"
    UPDATE_BOXES = "update_boxes"
    REBOOT_BOXES = "reboot_boxes"


class Advance(StrEnum):
    """How far one device is on its way to a version."""

    THERE = "there"
    AHEAD = "ahead"
    """A box above it: nothing is left to do there."""
    RESTARTING = "restarting"
    READY = "ready"
    READY_OFF = "ready_off"
    """Installed; its next start tries it."""
    MOVING = "moving"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    TO_DO = "to_do"
    OFF = "off"


class StepState(StrEnum):
    NOTHING = "nothing"
    """No device is concerned."""
    DONE = "done"
    OPEN = "open"
    """Can be done now."""
    UNDER_WAY = "under_way"
    AFTER = "after"
    """The step before comes first."""
    OFF = "off"
    """All that are left are off."""
    TROUBLE = "trouble"
    """All that are left failed or rolled back: a person decides."""


class Stage(StrEnum):
    TEST = "test"
    MIGRATION = "migration"
    PRODUCTION = "production"


class Hindrance(StrEnum):
    """Why a test cannot go on before somebody chooses."""

    NO_TAG = "no_tag"
    TAG_GONE = "tag_gone"
    RELEASE_WITHDRAWN = "release_withdrawn"
    NO_BOXES = "no_boxes"


Tally = Mapping[Advance, int]
NOBODY: Tally = {}
_INSTALLED = (Advance.THERE, Advance.AHEAD, Advance.RESTARTING, Advance.READY, Advance.READY_OFF)
_ARRIVED = (Advance.THERE, Advance.AHEAD)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one place, and how its devices stand."""

    kind: StepKind
    state: StepState
    tally: Tally

    @property
    def total(self) -> int:
        return sum(self.tally.values())

    @property
    def left(self) -> int:
        """How many have not done this step."""
        is_update = self.kind in (StepKind.UPDATE_WRS, StepKind.UPDATE_BOXES)
        return self.total - _count(self.tally, *(_INSTALLED if is_update else _ARRIVED))

    @property
    def is_settled(self) -> bool:
        return self.state in (StepState.DONE, StepState.NOTHING)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """Where an account is. `target` is the version its steps lead to; `hindrance` stands in the way of a test."""

    stage: Stage
    target: Version
    hindrance: Hindrance | None = None


def plan_stage(
    phase: Phase,
    account_version: Version,
    tested: Version | None,
    *,
    is_tag_gone: bool = False,
    is_withdrawn: bool = False,
    box_count: int = 0,
    approved: Version | None = None,
) -> StagePlan:
    """R12. `tested` is what the tag under test points at, `approved` what the customer said the test went well with.

    What the vendor does counts, whatever the customer said: an account that was migrated is in production.
    """
    if phase is not Phase.TEST:
        return StagePlan(Stage.PRODUCTION, account_version)
    if tested is None or tested <= account_version:
        return StagePlan(Stage.TEST, account_version, Hindrance.TAG_GONE if is_tag_gone else Hindrance.NO_TAG)
    if is_withdrawn:
        return StagePlan(Stage.TEST, tested, Hindrance.RELEASE_WITHDRAWN)
    if approved == tested:
        return StagePlan(Stage.MIGRATION, tested)
    if is_tag_gone:
        return StagePlan(Stage.TEST, tested, Hindrance.TAG_GONE)
    return StagePlan(Stage.TEST, tested, None if box_count else Hindrance.NO_BOXES)


def judge_advance(
    device: Device, target: Version, *, is_updating: bool = False, is_restarting: bool = False, has_failed: bool = False
) -> Advance:
    """`is_updating`: an update is on its way there; `is_restarting`: it goes down, comes up or is on trial;
    `has_failed`: its last update did. A WRS that runs more than the target is not ahead: its site would take that.
    """
    slots = device.slots
    if is_restarting and target in (slots.running, slots.staged):
        return Advance.RESTARTING
    if slots.running == target:
        return Advance.THERE
    if is_updating:
        return Advance.MOVING
    if slots.staged == target:
        return Advance.READY if device.is_on else Advance.READY_OFF
    if device.kind is DeviceKind.CEBOX and slots.running is not None and slots.running > target:
        return Advance.AHEAD
    if target in device.failed_versions:
        return Advance.ROLLED_BACK
    if has_failed:
        return Advance.FAILED
    return Advance.TO_DO if device.is_on else Advance.OFF


def plan_steps(wrs: Advance | None, boxes: Tally) -> tuple[Step, ...]:
    """R11: the WRS, its restart, the boxes on its site, their restarts; without a WRS (R7) only the boxes'."""
    of_boxes = (
        _plan_update(StepKind.UPDATE_BOXES, boxes, is_reached=wrs in (None, Advance.THERE)),
        _plan_reboot(StepKind.REBOOT_BOXES, boxes),
    )
    if wrs is None:
        return of_boxes
    alone = {wrs: 1}
    return (
        _plan_update(StepKind.UPDATE_WRS, alone, is_reached=True),
        _plan_reboot(StepKind.REBOOT_WRS, alone),
        *of_boxes,
    )


def find_open(steps: Iterable[Step]) -> Step | None:
    """The first that can be done now."""
    return next((step for step in steps if step.state is StepState.OPEN), None)


def _plan_update(kind: StepKind, tally: Tally, *, is_reached: bool) -> Step:
    return Step(kind, _choose_update_state(tally, is_reached=is_reached), tally)


def _choose_update_state(tally: Tally, *, is_reached: bool) -> StepState:
    total = sum(tally.values())
    if not total:
        return StepState.NOTHING
    if _count(tally, *_INSTALLED) == total:
        return StepState.DONE
    if _count(tally, Advance.MOVING) and not _count(tally, Advance.TO_DO):
        return StepState.UNDER_WAY
    if not is_reached:
        return StepState.AFTER
    if _count(tally, Advance.TO_DO):
        return StepState.OPEN
    return StepState.TROUBLE if _count(tally, Advance.FAILED, Advance.ROLLED_BACK) else StepState.OFF


def _plan_reboot(kind: StepKind, tally: Tally) -> Step:
    return Step(kind, _choose_reboot_state(tally), tally)


def _choose_reboot_state(tally: Tally) -> StepState:
    total = sum(tally.values())
    if not total:
        return StepState.NOTHING
    if _count(tally, *_ARRIVED) == total:
        return StepState.DONE
    for advances, state in (
        ((Advance.READY,), StepState.OPEN),
        ((Advance.RESTARTING,), StepState.UNDER_WAY),
        ((Advance.READY_OFF,), StepState.OFF),
    ):
        if _count(tally, *advances):
            return state
    is_stuck = _count(tally, *_ARRIVED, Advance.ROLLED_BACK, Advance.FAILED) == total
    return StepState.TROUBLE if is_stuck else StepState.AFTER


def _count(tally: Tally, *advances: Advance) -> int:
    return sum(tally.get(advance, 0) for advance in advances)
