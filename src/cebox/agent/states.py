"""The states of a box and the one table that decides which follows which.

`docs/box-states.md` is drawn from the table. What is done in a state is `update`, `trial` and `leaving`'s; when a state
is saved, the runner's.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from cebox.errors import Conflict
from cebox.protocol.device import BoxPhase


class BoxState(StrEnum):
    IDLE = "idle"
    RESOLVING = "resolving"
    MIRRORING = "mirroring"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    STAGING = "staging"
    STAGED = "staged"
    REBOOTING = "rebooting"
    POWERING_OFF = "powering_off"
    ON_TRIAL = "on_trial"
    COMMITTING = "committing"
    SERVING = "serving"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BoxEvent(StrEnum):
    """What ends a state. From COME_UP_NEW on a start of the machine says it, else the work of the state."""

    BEGIN = "begin"
    RESOLVE = "resolve"
    MIRROR = "mirror"
    DOWNLOAD = "download"
    VERIFY = "verify"
    STAGE = "stage"
    RETRY = "retry"
    FAIL = "fail"
    CANCEL = "cancel"
    SETTLE = "settle"
    KEEP = "keep"
    RESTART = "restart"
    POWER_OFF = "power_off"
    PASS = "pass"  # noqa: S105 - a trial passes
    COMMIT = "commit"
    SERVE = "serve"
    GIVE_UP = "give_up"
    COME_UP_NEW = "come_up_new"
    COME_UP_BLESSED = "come_up_blessed"
    COME_UP_OLD = "come_up_old"
    FALL_BACK = "fall_back"
    RESUME = "resume"
    WAKE = "wake"


STARTS = frozenset(list(BoxEvent)[list(BoxEvent).index(BoxEvent.COME_UP_NEW) :])
_S, _E = BoxState, BoxEvent

AT_REST = frozenset({_S.IDLE, _S.STAGED})
# An update is on its way to the slot beside the running system, which does not notice.
UPDATING = frozenset({_S.RESOLVING, _S.MIRRORING, _S.DOWNLOADING, _S.VERIFYING, _S.STAGING})
# May be left at once, because the next start takes it up again without loss.
INTERRUPTIBLE = frozenset({_S.RESOLVING, _S.MIRRORING, _S.DOWNLOADING, _S.VERIFYING})
_ENDINGS = (_S.FAILED, _S.CANCELLED)
# A staged release may have been started from: the machine was restarted in one of these, on order or by a power cut.
_STARTED_FROM = (_S.STAGED, _S.REBOOTING, _S.POWERING_OFF, _S.ON_TRIAL, _S.COMMITTING, _S.SERVING)


def _build_transitions() -> Mapping[tuple[BoxState, BoxEvent], BoxState]:
    table = {
        (_S.RESOLVING, _E.RESOLVE): _S.DOWNLOADING,
        (_S.RESOLVING, _E.MIRROR): _S.MIRRORING,
        (_S.RESOLVING, _E.SETTLE): _S.IDLE,
        (_S.RESOLVING, _E.KEEP): _S.STAGED,
        (_S.MIRRORING, _E.MIRROR): _S.DOWNLOADING,
        (_S.DOWNLOADING, _E.DOWNLOAD): _S.VERIFYING,
        (_S.VERIFYING, _E.VERIFY): _S.STAGING,
        (_S.STAGING, _E.STAGE): _S.STAGED,
        (_S.STAGING, _E.FAIL): _S.FAILED,
        (_S.STAGED, _E.CANCEL): _S.CANCELLED,
        (_S.ON_TRIAL, _E.PASS): _S.COMMITTING,
        (_S.ON_TRIAL, _E.RESTART): _S.REBOOTING,
        (_S.ON_TRIAL, _E.POWER_OFF): _S.POWERING_OFF,
        (_S.COMMITTING, _E.COMMIT): _S.IDLE,
        (_S.COMMITTING, _E.SERVE): _S.SERVING,
        (_S.SERVING, _E.SETTLE): _S.IDLE,
        (_S.ROLLED_BACK, _E.SETTLE): _S.IDLE,
    }
    for state in AT_REST:
        table[state, _E.BEGIN] = _S.RESOLVING
        table[state, _E.RESTART] = _S.REBOOTING
        table[state, _E.POWER_OFF] = _S.POWERING_OFF
    for state in INTERRUPTIBLE:
        table[state, _E.RETRY] = _S.RESOLVING
        table[state, _E.FAIL] = _S.FAILED
        table[state, _E.CANCEL] = _S.CANCELLED
        table[state, _E.POWER_OFF] = _S.POWERING_OFF
        table[state, _E.RESTART] = _S.REBOOTING
    for state in _ENDINGS:
        table[state, _E.SETTLE] = _S.IDLE
        table[state, _E.KEEP] = _S.STAGED
    for state in set(BoxState) - AT_REST:
        table[state, _E.GIVE_UP] = _S.IDLE
    return MappingProxyType({**table, **_build_starts()})


def _build_starts() -> dict[tuple[BoxState, BoxEvent], BoxState]:
    """What a start of the machine means; it can find any state, for power may go at any time."""
    table: dict[tuple[BoxState, BoxEvent], BoxState] = {}
    for state in (*_STARTED_FROM, *_ENDINGS, *UPDATING, _S.IDLE, _S.ROLLED_BACK):
        table[state, _E.COME_UP_NEW] = _S.ON_TRIAL
        table[state, _E.COME_UP_BLESSED] = _S.COMMITTING
    for state in (*_STARTED_FROM, *_ENDINGS, *UPDATING):
        table[state, _E.FALL_BACK] = _S.ROLLED_BACK
    for state in _STARTED_FROM:
        table[state, _E.COME_UP_OLD] = _S.STAGED
    for state in (*INTERRUPTIBLE, _S.STAGING, _S.REBOOTING, _S.POWERING_OFF):
        table[state, _E.RESUME] = _S.RESOLVING
        table[state, _E.WAKE] = _S.IDLE
    for state in (_S.STAGED, _S.ON_TRIAL, _S.COMMITTING, _S.SERVING):
        table[state, _E.WAKE] = _S.IDLE
    return table


TRANSITIONS = _build_transitions()

PHASES: Mapping[BoxState, BoxPhase] = MappingProxyType(
    {
        _S.IDLE: BoxPhase.IDLE,
        _S.RESOLVING: BoxPhase.DOWNLOADING,
        _S.MIRRORING: BoxPhase.DOWNLOADING,
        _S.DOWNLOADING: BoxPhase.DOWNLOADING,
        _S.VERIFYING: BoxPhase.INSTALLING,
        _S.STAGING: BoxPhase.INSTALLING,
        _S.STAGED: BoxPhase.STAGED,
        _S.REBOOTING: BoxPhase.REBOOTING,
        _S.POWERING_OFF: BoxPhase.SHUTTING_DOWN,
        _S.ON_TRIAL: BoxPhase.ON_TRIAL,
        _S.COMMITTING: BoxPhase.ON_TRIAL,
        _S.SERVING: BoxPhase.ON_TRIAL,
        _S.ROLLED_BACK: BoxPhase.IDLE,
        _S.FAILED: BoxPhase.IDLE,
        _S.CANCELLED: BoxPhase.IDLE,
    }
)


def next_state(state: BoxState, event: BoxEvent) -> BoxState:
    """Raises Conflict (`box_event_refused`) when the table has no such step."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            "box_event_refused",
            f"a box that is {state} takes no {event}",
            hint="This is a fault of the agent; its log names the step.",
        ) from None


def render_diagram() -> str:
    """`docs/box-states.md`: the table as two mermaid diagrams, the work and the starts of the machine."""
    work = {step: target for step, target in TRANSITIONS.items() if step[1] not in STARTS | {_E.GIVE_UP}}
    begun = {step: target for step, target in TRANSITIONS.items() if step[1] in STARTS}
    return "\n".join(
        [
            "# The states of a box",
            "",
            "Drawn from `cebox.agent.states.TRANSITIONS`; a test holds the two equal. Each state is saved before its",
            "work begins. `idle` and `staged` are where a box rests. Not drawn: `give_up`, which leads from any other",
            "state to `idle` when its work cannot be done at all; the console is told why.",
            "",
            "## Work",
            "",
            *_render_mermaid(work.items(), first=_S.IDLE),
            "",
            "## A start of the machine",
            "",
            "Power may go in any state; this is what the next start makes of it.",
            "",
            *_render_mermaid(begun.items(), first=None),
            "",
        ]
    )


def _render_mermaid(
    steps: Iterable[tuple[tuple[BoxState, BoxEvent], BoxState]], *, first: BoxState | None
) -> list[str]:
    arrows: dict[tuple[BoxState, BoxState], list[str]] = {}
    for (state, event), target in sorted(steps, key=lambda step: (list(BoxState).index(step[0][0]), step[0][1])):
        arrows.setdefault((state, target), []).append(event)
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {first}"] if first else []
    lines += [f"    {state} --> {target}: {', '.join(events)}" for (state, target), events in arrows.items()]
    return [*lines, "```"]
