"""SQL of the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.identity.tables import users
from cebox.console.journal.tables import audit_entries
from cebox.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what. `user_name` is empty when a device, a job or the machine's own administrator did it."""

    id: int
    at: datetime
    account_id: AccountId | None
    user_id: str
    user_name: str
    verb: str
    subject: str
    facts: dict[str, Any]


class JournalRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, values: dict[str, Any]) -> None:
        await self._connection.execute(insert(audit_entries).values(values))

    async def list_entries(self, page: Page) -> Listed[Entry]:
        """The newest first."""
        statement = (
            select(audit_entries, users.c.name.label("user_name"))
            .select_from(audit_entries.outerjoin(users, users.c.id == audit_entries.c.user_id))
            .where(self._scope.filter(audit_entries.c.account_id))
        )
        keys = [audit_entries.c.id]
        return await list_page(self._connection, statement, keys, page, _make_entry, is_descending=True)


def _make_entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        at=row.at,
        account_id=AccountId(row.account_id) if row.account_id else None,
        user_id=row.user_id,
        user_name=row.user_name or "",
        verb=row.verb,
        subject=row.subject,
        facts=row.facts,
    )
