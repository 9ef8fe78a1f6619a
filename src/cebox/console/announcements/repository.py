"""SQL of the announcements."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.announcements.tables import announcement_recipients, announcements
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.database.statements import insert_if_absent
from cebox.domain.ids import AccountId

_LARGEST_BATCH = 500


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was announced. The counts are over the recipients in the caller's scope: for a customer, itself alone."""

    id: str
    kind: str
    subject: str
    facts: dict[str, Any]
    created_at: datetime
    recipient_count: int
    read_count: int

    @property
    def is_read(self) -> bool:
        """Whether all recipients in scope have read it."""
        return self.read_count == self.recipient_count


class AnnouncementRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add_if_absent(self, values: dict[str, Any]) -> bool:
        return await insert_if_absent(self._connection, announcements, values)

    async def add_recipients(self, announcement_id: str, account_ids: Iterable[AccountId]) -> None:
        rows = [{"announcement_id": announcement_id, "account_id": account_id} for account_id in account_ids]
        for start in range(0, len(rows), _LARGEST_BATCH):
            await self._connection.execute(insert(announcement_recipients), rows[start : start + _LARGEST_BATCH])

    async def list_announcements(self, page: Page, *, only_unread: bool) -> Listed[Announcement]:
        """The newest first; what reached nobody in scope is not listed."""
        recipients = announcement_recipients.c
        statement = (
            select(
                announcements,
                func.count(recipients.account_id).label("recipient_count"),
                func.count(recipients.read_at).label("read_count"),
            )
            .join(announcement_recipients, recipients.announcement_id == announcements.c.id)
            .where(self._scope.filter(recipients.account_id))
            .group_by(announcements.c.id)
        )
        if only_unread:
            statement = statement.having(func.count(recipients.read_at) < func.count(recipients.account_id))
        keys = [announcements.c.created_at, announcements.c.id]
        return await list_page(self._connection, statement, keys, page, _make_announcement, is_descending=True)

    async def count_unread(self) -> int:
        statement = select(func.count()).where(
            self._scope.filter(announcement_recipients.c.account_id), announcement_recipients.c.read_at.is_(None)
        )
        return (await self._connection.execute(statement)).scalar_one()

    async def has(self, announcement_id: str) -> bool:
        """Whether somebody in scope received it."""
        statement = select(announcement_recipients.c.account_id).where(
            self._scope.filter(announcement_recipients.c.account_id),
            announcement_recipients.c.announcement_id == announcement_id,
        )
        return (await self._connection.execute(statement.limit(1))).first() is not None

    async def mark_read(self, announcement_id: str, at: datetime) -> bool:
        """Whether it was unread."""
        statement = update(announcement_recipients).where(
            self._scope.filter(announcement_recipients.c.account_id),
            announcement_recipients.c.announcement_id == announcement_id,
            announcement_recipients.c.read_at.is_(None),
        )
        return (await self._connection.execute(statement.values(read_at=at))).rowcount > 0


def _make_announcement(row: Row[Any]) -> Announcement:
    return Announcement(row.id, row.kind, row.subject, row.facts, row.created_at, row.recipient_count, row.read_count)
