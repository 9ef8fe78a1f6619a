"""Migrating an account: test, then the vendor moves the account's version, then production (R12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cebox.domain.release import Release
from cebox.domain.version import Version
from cebox.errors import Conflict, NotFound


class Phase(StrEnum):
    TEST = "test"
    MIGRATED = "migrated"
    PRODUCTION = "production"


class PhaseEvent(StrEnum):
    MIGRATE = "migrate"
    DEPLOY = "deploy"
    HAND_OUT_TAG = "hand_out_tag"


TRANSITIONS: Mapping[tuple[Phase, PhaseEvent], Phase] = MappingProxyType(
    {
        (Phase.TEST, PhaseEvent.HAND_OUT_TAG): Phase.TEST,
        (Phase.TEST, PhaseEvent.MIGRATE): Phase.MIGRATED,
        (Phase.MIGRATED, PhaseEvent.DEPLOY): Phase.PRODUCTION,
        (Phase.MIGRATED, PhaseEvent.MIGRATE): Phase.MIGRATED,
        (Phase.MIGRATED, PhaseEvent.HAND_OUT_TAG): Phase.TEST,
        (Phase.PRODUCTION, PhaseEvent.DEPLOY): Phase.PRODUCTION,
        (Phase.PRODUCTION, PhaseEvent.MIGRATE): Phase.MIGRATED,
        (Phase.PRODUCTION, PhaseEvent.HAND_OUT_TAG): Phase.TEST,
    }
)


def next_phase(phase: Phase, event: PhaseEvent) -> Phase:
    """The phase after `event`. Raises Conflict (`phase_event_refused`)."""
    try:
        return TRANSITIONS[phase, event]
    except KeyError:
        raise Conflict(
            "phase_event_refused",
            f"an account in phase {phase} takes no {event}",
            hint="Production opens with the migration of the account.",
        ) from None


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What a migration will change. `is_change` is False when the account is already there: sent twice, done once."""

    previous: Version
    target: Version
    is_change: bool


def plan_migration(current: Version, target: Version, releases: Mapping[Version, Release]) -> MigrationPlan:
    """R12: move an account's version. Raises NotFound (`release_unknown`) or Conflict (`release_withdrawn`)."""
    release = releases.get(target)
    if release is None:
        raise NotFound("release_unknown", f"{target} is not published", hint="List what is with: cebox release list")
    if release.is_withdrawn:
        raise Conflict("release_withdrawn", f"{target} was withdrawn", hint="Choose another release.")
    return MigrationPlan(current, target, current != target)
