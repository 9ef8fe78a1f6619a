"""SQL of the outbox."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, and_, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.announcements.tables import muted_kinds
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.deliveries.records import Delivery, DeliverySummary, Target
from cebox.console.deliveries.tables import deliveries
from cebox.console.identity.tables import users
from cebox.console.webhooks.tables import webhooks
from cebox.domain.announcement import AnnouncementKind, Channel, DeliveryState
from cebox.domain.ids import AccountId, UserId

_LARGEST_BATCH = 500


class DeliveryRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def list_targets(self, kind: AnnouncementKind, account_ids: Iterable[AccountId]) -> list[Target]:
        """Whom an announcement goes to: people who want this kind by e-mail, and webhooks that are on."""
        found: list[Target] = []
        for chunk in chunk_ids(account_ids):
            people = select(
                users.c.account_id,
                literal(Channel.EMAIL.value).label("channel"),
                users.c.id,
                users.c.email.label("address"),
            ).where(self._scope.filter(users.c.account_id), users.c.account_id.in_(chunk), _wants(kind))
            programs = select(
                webhooks.c.account_id,
                literal(Channel.WEBHOOK.value).label("channel"),
                webhooks.c.id,
                webhooks.c.name.label("address"),
            ).where(self._scope.filter(webhooks.c.account_id), webhooks.c.account_id.in_(chunk), webhooks.c.is_active)
            for row in await self._connection.execute(people.union_all(programs)):
                found.append(Target(AccountId(row.account_id), Channel(row.channel), row.id, row.address))
        return found

    async def has_reader(self, user_id: UserId, account_id: AccountId, kind: AnnouncementKind) -> bool:
        """Whether this person is still of the account and still wants this kind."""
        statement = select(users.c.id).where(users.c.id == user_id, users.c.account_id == account_id, _wants(kind))
        return (await self._connection.execute(statement)).first() is not None

    async def add(self, announcement_id: str, targets: Sequence[Target], at: datetime) -> None:
        rows = [
            {
                "id": f"dlv_{secrets.token_hex(8)}",
                "announcement_id": announcement_id,
                "account_id": target.account_id,
                "channel": target.channel,
                "target_id": target.id,
                "address": target.address,
                "state": DeliveryState.WAITING,
                "due_at": at,
                "created_at": at,
                "changed_at": at,
            }
            for target in targets
        ]
        for start in range(0, len(rows), _LARGEST_BATCH):
            await self._connection.execute(insert(deliveries), rows[start : start + _LARGEST_BATCH])

    async def find(self, delivery_id: str, *, for_change: bool = False) -> Delivery | None:
        statement = select(deliveries).where(
            self._scope.filter(deliveries.c.account_id), deliveries.c.id == delivery_id
        )
        row = (await self._connection.execute(statement.with_for_update() if for_change else statement)).one_or_none()
        return _make_delivery(row) if row else None

    async def find_due(self, channel: Channel, now: datetime) -> Delivery | None:
        """The one that waits longest, kept from rivals until this transaction ends."""
        statement = (
            select(deliveries)
            .where(deliveries.c.channel == channel, deliveries.c.due_at <= now)
            .order_by(deliveries.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_delivery(row) if row else None

    async def has_due(self, now: datetime) -> bool:
        for channel in Channel:
            statement = select(deliveries.c.id).where(deliveries.c.channel == channel, deliveries.c.due_at <= now)
            if (await self._connection.execute(statement.limit(1))).first() is not None:
                return True
        return False

    async def change(self, delivery_id: str, values: dict[str, Any], *, holder: str | None = None) -> bool:
        """Whether it was there, and with `holder`, still that one's."""
        statement = update(deliveries).where(
            self._scope.filter(deliveries.c.account_id), deliveries.c.id == delivery_id
        )
        if holder is not None:
            statement = statement.where(deliveries.c.holder == holder)
        return (await self._connection.execute(statement.values(values))).rowcount == 1

    async def list_deliveries(
        self, announcement_id: str, page: Page, states: Collection[DeliveryState] = ()
    ) -> Listed[Delivery]:
        """No states: all."""
        statement = select(deliveries).where(
            self._scope.filter(deliveries.c.account_id), deliveries.c.announcement_id == announcement_id
        )
        if states:
            statement = statement.where(deliveries.c.state.in_(states))
        keys = [deliveries.c.account_id, deliveries.c.channel, deliveries.c.address, deliveries.c.id]
        return await list_page(self._connection, statement, keys, page, _make_delivery)

    async def list_of_target(self, target_id: str, page: Page) -> Listed[Delivery]:
        """The newest first."""
        statement = select(deliveries).where(
            self._scope.filter(deliveries.c.account_id), deliveries.c.target_id == target_id
        )
        keys = [deliveries.c.created_at, deliveries.c.id]
        return await list_page(self._connection, statement, keys, page, _make_delivery, is_descending=True)

    async def summarise(self, announcement_ids: Iterable[str]) -> dict[str, DeliverySummary]:
        """Of those that have deliveries in scope."""
        found: dict[str, DeliverySummary] = {}
        for chunk in chunk_ids(announcement_ids):
            condition = deliveries.c.announcement_id.in_(chunk)
            found |= await self._summarise(deliveries.c.announcement_id, condition)
        return found

    async def summarise_by_account(
        self, announcement_id: str, account_ids: Iterable[AccountId]
    ) -> dict[AccountId, DeliverySummary]:
        found: dict[AccountId, DeliverySummary] = {}
        for chunk in chunk_ids(account_ids):
            condition = and_(deliveries.c.announcement_id == announcement_id, deliveries.c.account_id.in_(chunk))
            summaries = await self._summarise(deliveries.c.account_id, condition)
            found |= {AccountId(name): summary for name, summary in summaries.items()}
        return found

    async def _summarise(self, owner: Column[str], condition: ColumnElement[bool]) -> dict[str, DeliverySummary]:
        """One summary for each value of `owner`."""
        columns = (deliveries.c.channel, deliveries.c.state)
        statement = (
            select(
                owner.label("owner"),
                *columns,
                func.count().label("number"),
                func.min(deliveries.c.due_at).label("due_at"),
            )
            .where(self._scope.filter(deliveries.c.account_id), condition)
            .group_by(owner, *columns)
        )
        counts: dict[str, dict[tuple[Channel, DeliveryState], int]] = {}
        due: dict[str, list[datetime]] = {}
        for row in await self._connection.execute(statement):
            counts.setdefault(row.owner, {})[Channel(row.channel), DeliveryState(row.state)] = row.number
            if row.state == DeliveryState.RETRYING and row.due_at:
                due.setdefault(row.owner, []).append(row.due_at)
        return {one: DeliverySummary(states, min(due.get(one, ()), default=None)) for one, states in counts.items()}


def _wants(kind: AnnouncementKind) -> ColumnElement[bool]:
    muted = select(muted_kinds.c.kind).where(muted_kinds.c.user_id == users.c.id, muted_kinds.c.kind == kind)
    return users.c.is_active & ~muted.exists()


def _make_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        announcement_id=row.announcement_id,
        account_id=AccountId(row.account_id),
        channel=Channel(row.channel),
        target_id=row.target_id,
        address=row.address,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        code=row.code,
        answer=row.answer,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
