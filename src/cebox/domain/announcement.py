"""What customers are told (R12, R14), and the life of one delivery of it: from the outbox to a person or a program."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from cebox.errors import Conflict


class AnnouncementKind(StrEnum):
    RELEASE = "release"
    WITHDRAWAL = "withdrawal"
    MIGRATION = "migration"
    INFRASTRUCTURE = "infrastructure"
    MESSAGE = "message"


class Channel(StrEnum):
    """Besides the console itself, where every announcement is read."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeliveryEvent(StrEnum):
    TAKE = "take"
    ACCEPT = "accept"
    DEFER = "defer"
    GIVE_UP = "give_up"
    CANCEL = "cancel"
    RESEND = "resend"


TRANSITIONS: Mapping[tuple[DeliveryState, DeliveryEvent], DeliveryState] = MappingProxyType(
    {
        (DeliveryState.WAITING, DeliveryEvent.TAKE): DeliveryState.SENDING,
        (DeliveryState.RETRYING, DeliveryEvent.TAKE): DeliveryState.SENDING,
        # Whoever had taken it died: after its lease another takes it.
        (DeliveryState.SENDING, DeliveryEvent.TAKE): DeliveryState.SENDING,
        (DeliveryState.SENDING, DeliveryEvent.ACCEPT): DeliveryState.DELIVERED,
        (DeliveryState.SENDING, DeliveryEvent.DEFER): DeliveryState.RETRYING,
        (DeliveryState.SENDING, DeliveryEvent.GIVE_UP): DeliveryState.FAILED,
        (DeliveryState.SENDING, DeliveryEvent.CANCEL): DeliveryState.CANCELLED,
        (DeliveryState.RETRYING, DeliveryEvent.RESEND): DeliveryState.WAITING,
        (DeliveryState.DELIVERED, DeliveryEvent.RESEND): DeliveryState.WAITING,
        (DeliveryState.FAILED, DeliveryEvent.RESEND): DeliveryState.WAITING,
        (DeliveryState.CANCELLED, DeliveryEvent.RESEND): DeliveryState.WAITING,
    }
)
# Four times longer each: a mail server that is away over night still gets it, a dead address is dropped within a day.
RETRY_WAITS = tuple(timedelta(minutes=4**power) for power in range(6))


def next_delivery_state(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """The state after `event`. Raises Conflict (`delivery_event_refused`)."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            "delivery_event_refused",
            f"a delivery that is {state} takes no {event}",
            hint="Look at it again: it has moved on.",
        ) from None


def plan_retry(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None when there is no other."""
    return RETRY_WAITS[attempts - 1] if 1 <= attempts <= len(RETRY_WAITS) else None
