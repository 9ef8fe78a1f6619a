"""The outbox: filled with the announcement, emptied by whoever takes a delivery for the time of a lease.

Each is sent at least once, and under the same id however often; two consoles on one database never hold the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.deliveries.records import LONGEST_ANSWER, Delivery, DeliverySummary, Outcome
from cebox.console.deliveries.repository import DeliveryRepository
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic
from cebox.domain.announcement import (
    AnnouncementKind,
    Channel,
    DeliveryEvent,
    DeliveryState,
    next_delivery_state,
    plan_retry,
)
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Permission
from cebox.errors import Conflict, NotFound
from cebox.kit.clock import Clock

# Longer than any try may last, so that only the dead lose what they hold.
LEASE = timedelta(minutes=3)
UNFINISHED = (DeliveryState.RETRYING, DeliveryState.FAILED, DeliveryState.CANCELLED)


async def enqueue(
    unit: Unit, announcement_id: str, kind: AnnouncementKind, account_ids: Sequence[AccountId], *, at: datetime
) -> int:
    """How many deliveries an announcement became."""
    repository = DeliveryRepository(unit.connection, Scope.everything())
    targets = await repository.list_targets(kind, account_ids)
    await repository.add(announcement_id, targets, at)
    return len(targets)


async def has_due(connection: AsyncConnection, now: datetime) -> bool:
    return await DeliveryRepository(connection, Scope.everything()).has_due(now)


async def take_due(unit: Unit, channel: Channel, holder: str, *, now: datetime) -> Delivery | None:
    """The next one to send, ours until the lease ends. A try counts from here on: one that kills its sender too."""
    repository = DeliveryRepository(unit.connection, Scope.everything())
    due = await repository.find_due(channel, now)
    if due is None:
        return None
    values = {
        "state": next_delivery_state(due.state, DeliveryEvent.TAKE),
        "holder": holder,
        "due_at": now + LEASE,
        "attempts": due.attempts + 1,
        "changed_at": now,
    }
    await repository.change(due.id, values)
    return await repository.find(due.id)


async def record_outcome(unit: Unit, taken: Delivery, holder: str, outcome: Outcome, *, now: datetime) -> bool:
    """False when the lease was lost meanwhile: then it is another's to say how it went."""
    event, wait = _judge(outcome, taken.attempts)
    values: dict[str, Any] = {
        "state": next_delivery_state(taken.state, event),
        "due_at": now + wait if wait else None,
        "holder": None,
        "code": outcome.code,
        "answer": clean_answer(outcome.answer),
        "changed_at": now,
    }
    repository = DeliveryRepository(unit.connection, Scope.everything())
    is_ours = await repository.change(taken.id, values, holder=holder)
    if is_ours:
        unit.notify(account_topic(taken.account_id))
    return is_ours


async def is_still_wanted(connection: AsyncConnection, delivery: Delivery, kind: AnnouncementKind) -> bool:
    """Whether the person of an e-mail still works there and wants it."""
    repository = DeliveryRepository(connection, Scope.account(delivery.account_id))
    return await repository.has_reader(UserId(delivery.target_id), delivery.account_id, kind)


async def resend(unit: Unit, caller: Caller, clock: Clock, delivery_id: str) -> Delivery:
    """From the beginning, with all its tries.

    Raises NotPermitted (`role_may_not`), NotFound (`delivery_unknown`), Conflict (`delivery_event_refused`).
    """
    caller.verify(Permission.ADMINISTER)
    repository = DeliveryRepository(unit.connection, caller.scope)
    found = await repository.find(delivery_id, for_change=True)
    if found is None:
        raise NotFound("delivery_unknown", f"no delivery {delivery_id!r}")
    now = clock()
    state = next_delivery_state(found.state, DeliveryEvent.RESEND)
    values = {"state": state, "due_at": now, "attempts": 0, "code": "", "answer": "", "changed_at": now}
    await repository.change(found.id, values)
    facts = {"channel": found.channel, "address": found.address}
    await journal.record(unit, caller, "delivery_resent", found.id, facts, found.account_id, at=now)
    unit.notify(account_topic(found.account_id))
    return await _get(repository, found.id)


async def resend_unfinished(unit: Unit, caller: Caller, clock: Clock, announcement_id: str, scope: Scope) -> int:
    """Whatever of an announcement failed or waits for another try; how many."""
    caller.verify(Permission.ADMINISTER)
    repository = DeliveryRepository(unit.connection, scope)
    number, after = 0, None
    while True:
        piece = await repository.list_deliveries(announcement_id, Page(500, after), UNFINISHED)
        for one in piece.items:
            try:
                await resend(unit, caller, clock, one.id)
                number += 1
            except Conflict:
                continue
        after = piece.next
        if after is None:
            return number


async def list_deliveries(
    connection: AsyncConnection,
    scope: Scope,
    announcement_id: str,
    page: Page,
    states: Collection[DeliveryState] = (),
) -> Listed[Delivery]:
    return await DeliveryRepository(connection, scope).list_deliveries(announcement_id, page, states)


async def list_of_target(connection: AsyncConnection, scope: Scope, target_id: str, page: Page) -> Listed[Delivery]:
    """What one person or webhook was sent, the newest first."""
    return await DeliveryRepository(connection, scope).list_of_target(target_id, page)


async def summarise(
    connection: AsyncConnection, scope: Scope, announcement_ids: Iterable[str]
) -> Mapping[str, DeliverySummary]:
    return await DeliveryRepository(connection, scope).summarise(announcement_ids)


async def summarise_by_account(
    connection: AsyncConnection, scope: Scope, announcement_id: str, account_ids: Iterable[AccountId]
) -> Mapping[AccountId, DeliverySummary]:
    return await DeliveryRepository(connection, scope).summarise_by_account(announcement_id, account_ids)


def clean_answer(answer: str) -> str:
    """What the other side said, in one short line that hides nothing and breaks no terminal."""
    return " ".join("".join(one if one.isprintable() else " " for one in answer).split())[:LONGEST_ANSWER]


def _judge(outcome: Outcome, attempts: int) -> tuple[DeliveryEvent, timedelta | None]:
    if outcome.is_accepted:
        return DeliveryEvent.ACCEPT, None
    if outcome.is_cancelled:
        return DeliveryEvent.CANCEL, None
    wait = None if outcome.is_final else plan_retry(attempts)
    return (DeliveryEvent.DEFER if wait else DeliveryEvent.GIVE_UP), wait


async def _get(repository: DeliveryRepository, delivery_id: str) -> Delivery:
    found = await repository.find(delivery_id)
    assert found is not None
    return found
