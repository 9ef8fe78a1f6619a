"""Deliveries as the rest of the console sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cebox.domain.announcement import Channel, DeliveryState
from cebox.domain.ids import AccountId

LONGEST_ANSWER = 300


@dataclass(frozen=True, slots=True)
class Target:
    """A person's mailbox or a program's address of an account."""

    account_id: AccountId
    channel: Channel
    id: str
    address: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """`due_at` is the next try of one that is not over; `code` and `answer` say how the last one went."""

    id: str
    announcement_id: str
    account_id: AccountId
    channel: Channel
    target_id: str
    address: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    code: str
    answer: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try went. Not accepted and not final: it is tried again. `code` is empty for what was accepted;
    `answer` is the other side's own words, cut short. `is_for_all`: the next one would fare no better now.
    """

    is_accepted: bool
    is_final: bool = False
    code: str = ""
    answer: str = ""
    is_cancelled: bool = False
    is_for_all: bool = False


ACCEPTED = Outcome(True)


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """How far one announcement is, over the accounts in scope. `next_at`: when something is tried again."""

    counts: Mapping[tuple[Channel, DeliveryState], int]
    next_at: datetime | None = None

    def count(self, *states: DeliveryState, channel: Channel | None = None) -> int:
        return sum(number for (of, state), number in self.counts.items() if state in states and channel in (None, of))


NO_DELIVERIES = DeliverySummary({})
