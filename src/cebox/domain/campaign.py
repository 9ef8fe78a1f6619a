"""A campaign: the account's version brought to many devices, wave by wave; its life, and that of each device in it.

How its waves are cut is `campaign_waves`', when it may act `campaign_window`'s, what it does next `campaign_step`'s.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cebox.errors import Conflict


class CampaignState(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    ENDING = "ending"
    ENDED = "ended"
    COMPLETED = "completed"


class CampaignEvent(StrEnum):
    """STOP is the campaign's own, when it must not go on; the others but COMPLETE are a person's."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    RETRY = "retry"
    END = "end"
    COMPLETE = "complete"


TRANSITIONS: Mapping[tuple[CampaignState, CampaignEvent], CampaignState] = MappingProxyType(
    {
        (CampaignState.DRAFT, CampaignEvent.START): CampaignState.RUNNING,
        (CampaignState.RUNNING, CampaignEvent.PAUSE): CampaignState.PAUSED,
        (CampaignState.RUNNING, CampaignEvent.STOP): CampaignState.STOPPED,
        (CampaignState.RUNNING, CampaignEvent.RETRY): CampaignState.RUNNING,
        (CampaignState.RUNNING, CampaignEvent.END): CampaignState.ENDING,
        (CampaignState.RUNNING, CampaignEvent.COMPLETE): CampaignState.COMPLETED,
        (CampaignState.PAUSED, CampaignEvent.RESUME): CampaignState.RUNNING,
        (CampaignState.PAUSED, CampaignEvent.RETRY): CampaignState.RUNNING,
        (CampaignState.PAUSED, CampaignEvent.END): CampaignState.ENDING,
        (CampaignState.STOPPED, CampaignEvent.RESUME): CampaignState.RUNNING,
        (CampaignState.STOPPED, CampaignEvent.RETRY): CampaignState.RUNNING,
        (CampaignState.STOPPED, CampaignEvent.END): CampaignState.ENDING,
        # What was begun is still followed; then it has ended.
        (CampaignState.ENDING, CampaignEvent.COMPLETE): CampaignState.ENDED,
        (CampaignState.COMPLETED, CampaignEvent.RETRY): CampaignState.RUNNING,
    }
)

# The campaigns whose devices are looked after.
LIVE = frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.ENDING})


class MemberState(StrEnum):
    """Of one device in a campaign. The last nine are outcomes: in the end every device has exactly one."""

    PENDING = "pending"
    UPDATING = "updating"
    READY = "ready"
    RESTARTING = "restarting"
    DONE = "done"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    SILENT = "silent"
    REFUSED = "refused"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"
    INSTALLED = "installed"
    NOT_SENT = "not_sent"


class MemberEvent(StrEnum):
    """PUT_BACK: what was sent never reached it. CLOSE: the campaign ends before its turn, or before its restart."""

    SEND = "send"
    STAGE = "stage"
    RESTART = "restart"
    FINISH = "finish"
    FAIL = "fail"
    ROLL_BACK = "roll_back"
    FALL_SILENT = "fall_silent"
    REFUSE = "refuse"
    SKIP = "skip"
    WITHDRAW = "withdraw"
    PUT_BACK = "put_back"
    RETRY = "retry"
    CLOSE = "close"


UNDER_WAY = frozenset({MemberState.UPDATING, MemberState.READY, MemberState.RESTARTING})
OUTCOMES = frozenset(set(MemberState) - UNDER_WAY - {MemberState.PENDING})
# What the automatic stop counts.
ANOMALIES = frozenset({MemberState.FAILED, MemberState.ROLLED_BACK, MemberState.SILENT, MemberState.REFUSED})
# A rollback is not among them: the version is set aside on that device.
RETRIABLE = frozenset({MemberState.FAILED, MemberState.SILENT, MemberState.REFUSED, MemberState.SKIPPED})

_ENDINGS = (
    (MemberEvent.FINISH, MemberState.DONE),
    (MemberEvent.FAIL, MemberState.FAILED),
    (MemberEvent.ROLL_BACK, MemberState.ROLLED_BACK),
    (MemberEvent.FALL_SILENT, MemberState.SILENT),
    (MemberEvent.REFUSE, MemberState.REFUSED),
    (MemberEvent.WITHDRAW, MemberState.WITHDRAWN),
)


def _build_member_transitions() -> Mapping[tuple[MemberState, MemberEvent], MemberState]:
    table = {
        (MemberState.PENDING, MemberEvent.SEND): MemberState.UPDATING,
        (MemberState.PENDING, MemberEvent.STAGE): MemberState.READY,
        (MemberState.PENDING, MemberEvent.FINISH): MemberState.DONE,
        (MemberState.PENDING, MemberEvent.SKIP): MemberState.SKIPPED,
        (MemberState.PENDING, MemberEvent.CLOSE): MemberState.NOT_SENT,
        (MemberState.UPDATING, MemberEvent.STAGE): MemberState.READY,
        (MemberState.UPDATING, MemberEvent.RESTART): MemberState.RESTARTING,
        (MemberState.UPDATING, MemberEvent.PUT_BACK): MemberState.PENDING,
        (MemberState.READY, MemberEvent.RESTART): MemberState.RESTARTING,
        (MemberState.READY, MemberEvent.CLOSE): MemberState.INSTALLED,
        (MemberState.RESTARTING, MemberEvent.PUT_BACK): MemberState.READY,
    }
    for state in UNDER_WAY:
        table |= {(state, event): target for event, target in _ENDINGS}
    table |= {(state, MemberEvent.RETRY): MemberState.PENDING for state in RETRIABLE}
    # Silence says only that nobody was heard: what the device reports later of its end is the truth.
    for event, target in _ENDINGS[:3]:
        table[MemberState.SILENT, event] = target
    return MappingProxyType(table)


MEMBER_TRANSITIONS = _build_member_transitions()


def next_campaign_state(state: CampaignState, event: CampaignEvent) -> CampaignState:
    """Raises Conflict (`campaign_event_refused`)."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            "campaign_event_refused",
            f"a campaign that is {state} takes no {event}",
            hint="Look at the campaign again: it has moved on.",
        ) from None


def next_member_state(state: MemberState, event: MemberEvent) -> MemberState:
    """Raises Conflict (`member_event_refused`)."""
    try:
        return MEMBER_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            "member_event_refused",
            f"a device that is {state} in its campaign takes no {event}",
            hint="Look at the campaign again: it has moved on.",
        ) from None


def is_allowed(state: CampaignState, event: CampaignEvent) -> bool:
    return (state, event) in TRANSITIONS
