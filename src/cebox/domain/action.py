"""An action: one thing one device is told to do, and its life from the click to the proof (R4, R5, R9)."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from cebox.errors import Conflict


class ActionKind(StrEnum):
    """R5: the same for a WRS and a ceBox."""

    UPDATE = "update"
    REBOOT = "reboot"
    SHUTDOWN = "shutdown"
    START = "start"
    """Of a box that is off: its site's WRS carries it out (`domain.start`)."""


class ActionState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DOWNLOADING = "downloading"
    STAGED = "staged"
    REBOOTING = "rebooting"
    ON_TRIAL = "on_trial"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ActionEvent(StrEnum):
    """What happened. The first six are steps forward; a box may report a later one first (it was out of touch)."""

    DELIVER = "deliver"
    DOWNLOAD = "download"
    STAGE = "stage"
    REBOOT = "reboot"
    TRY = "try"
    FINISH = "finish"
    REFUSE = "refuse"
    FAIL = "fail"
    ROLL_BACK = "roll_back"
    EXPIRE = "expire"
    CANCEL = "cancel"


_FORWARD = (
    (ActionEvent.DELIVER, ActionState.SENT),
    (ActionEvent.DOWNLOAD, ActionState.DOWNLOADING),
    (ActionEvent.STAGE, ActionState.STAGED),
    (ActionEvent.REBOOT, ActionState.REBOOTING),
    (ActionEvent.TRY, ActionState.ON_TRIAL),
    (ActionEvent.FINISH, ActionState.DONE),
)
_BAD_ENDS = (
    (ActionEvent.REFUSE, ActionState.REFUSED),
    (ActionEvent.FAIL, ActionState.FAILED),
    (ActionEvent.ROLL_BACK, ActionState.ROLLED_BACK),
)


def _build_transitions() -> Mapping[tuple[ActionState, ActionEvent], ActionState]:
    table: dict[tuple[ActionState, ActionEvent], ActionState] = {}
    under_way = [ActionState.WAITING, *(state for _, state in _FORWARD[:-1])]
    for position, state in enumerate(under_way):
        for event, target in (*_FORWARD[position:], *_BAD_ENDS):
            table[state, event] = target
        table[state, ActionEvent.EXPIRE] = ActionState.EXPIRED
        table[state, ActionEvent.CANCEL] = ActionState.CANCELLED
    # Expired says only that nobody was heard: when the box does report, its word counts.
    for event, target in (*_FORWARD[1:], *_BAD_ENDS):
        table[ActionState.EXPIRED, event] = target
    # A trial that ends well starts from a reboot that may be repeated (three tries).
    table[ActionState.ON_TRIAL, ActionEvent.REBOOT] = ActionState.REBOOTING
    return MappingProxyType(table)


TRANSITIONS = _build_transitions()

TERMINAL = frozenset(
    {
        ActionState.DONE,
        ActionState.REFUSED,
        ActionState.FAILED,
        ActionState.ROLLED_BACK,
        ActionState.EXPIRED,
        ActionState.CANCELLED,
    }
)

# Silence counts: how long an action may stay in a state without a sign of life before it expires.
# `waiting` has the expiry its sender chose (R9), hence no entry.
DEADLINES: Mapping[ActionState, timedelta] = MappingProxyType(
    {
        ActionState.SENT: timedelta(minutes=10),
        ActionState.DOWNLOADING: timedelta(hours=6),
        ActionState.STAGED: timedelta(days=30),
        ActionState.REBOOTING: timedelta(minutes=30),
        ActionState.ON_TRIAL: timedelta(minutes=30),
    }
)
# A box that heard the packet is up by then.
START_DEADLINE = timedelta(minutes=5)
EXPIRY_WHEN_ON = timedelta(minutes=10)
EXPIRY_AT_NEXT_START = timedelta(days=7)
LONGEST_EXPIRY = timedelta(days=90)


def next_state(state: ActionState, event: ActionEvent) -> ActionState:
    """The state after `event`. Raises Conflict (`action_event_refused`) when the table has no such step."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            "action_event_refused",
            f"an action that is {state} takes no {event}",
            hint="Look at the action again: it has moved on.",
        ) from None


def find_deadline(kind: ActionKind, state: ActionState) -> timedelta | None:
    """How long an action of this kind may stay in `state`; None: as long as its sender chose, or for ever."""
    deadline = DEADLINES.get(state)
    return min(deadline, START_DEADLINE) if deadline and kind is ActionKind.START else deadline


def is_step(state: ActionState, event: ActionEvent) -> bool:
    """Whether `event` moves an action on; a repeated or late report does not."""
    return TRANSITIONS.get((state, event), state) is not state
