"""The phases of a mirror's preparation; the one table that decides which follows which."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cebox.errors import Conflict
from cebox.protocol.site import MirrorPhase


class MirrorEvent(StrEnum):
    """What moves a mirror on. Serving what is served already is no event: it changes nothing."""

    PREPARE = "prepare"
    COMPLETE = "complete"
    FAIL = "fail"
    SERVE = "serve"


TRANSITIONS: Mapping[tuple[MirrorPhase, MirrorEvent], MirrorPhase] = MappingProxyType(
    {
        (MirrorPhase.IDLE, MirrorEvent.PREPARE): MirrorPhase.FETCHING,
        (MirrorPhase.FETCHING, MirrorEvent.PREPARE): MirrorPhase.FETCHING,
        (MirrorPhase.PREPARED, MirrorEvent.PREPARE): MirrorPhase.FETCHING,
        (MirrorPhase.FAILED, MirrorEvent.PREPARE): MirrorPhase.FETCHING,
        (MirrorPhase.FETCHING, MirrorEvent.COMPLETE): MirrorPhase.PREPARED,
        (MirrorPhase.FETCHING, MirrorEvent.FAIL): MirrorPhase.FAILED,
        (MirrorPhase.PREPARED, MirrorEvent.SERVE): MirrorPhase.IDLE,
    }
)


def next_phase(phase: MirrorPhase, event: MirrorEvent) -> MirrorPhase:
    """Raises Conflict (`not_prepared` for a switch without a whole release, else `mirror_phase_conflict`)."""
    following = TRANSITIONS.get((phase, event))
    if following is not None:
        return following
    if event is MirrorEvent.SERVE:
        raise not_prepared()
    raise Conflict("mirror_phase_conflict", f"a mirror that is {phase} cannot {event}")


def not_prepared() -> Conflict:
    return Conflict(
        "not_prepared",
        "this site server has not prepared that release; it keeps serving what it serves",
        hint="Update the site server first, and reboot it when it says it is prepared.",
    )


def render_diagram() -> str:
    """The table as a mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {MirrorPhase.IDLE}"]
    lines += [f"    {phase} --> {following}: {event}" for (phase, event), following in TRANSITIONS.items()]
    return "\n".join(lines) + "\n"
