"""SQL of the audit log."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.identity.tables import users
from cebox.console.journal.tables import audit_entries
from cebox.domain.ids import AccountId

_PIECE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what. `user_name` is empty when a device, a job or the machine's own administrator did it.

    `before` holds what facts of the same names were; `address` is empty for what nobody asked for from elsewhere.
    """

    id: int
    at: datetime
    account_id: AccountId | None
    user_id: str
    user_name: str
    verb: str
    subject: str
    facts: dict[str, Any]
    before: dict[str, Any]
    address: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; empty leaves open. `until` is no longer part of it."""

    user_id: str = ""
    verb: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Filter()


class JournalRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, values: dict[str, Any]) -> None:
        await self._connection.execute(insert(audit_entries).values(values))

    async def list_entries(self, wanted: Filter, page: Page) -> Listed[Entry]:
        """The newest first."""
        keys = [audit_entries.c.at, audit_entries.c.id]
        return await list_page(self._connection, self._select(wanted), keys, page, _make_entry, is_descending=True)

    async def walk(self, wanted: Filter) -> AsyncIterator[Entry]:
        """All of them, the newest first, a piece at a time: no more is in memory, however many they are."""
        place = tuple_(audit_entries.c.at, audit_entries.c.id)
        last: Row[Any] | None = None
        while True:
            statement = self._select(wanted).order_by(audit_entries.c.at.desc(), audit_entries.c.id.desc())
            if last is not None:
                statement = statement.where(place < _mark(last))
            rows = (await self._connection.execute(statement.limit(_PIECE))).all()
            for row in rows:
                yield _make_entry(row)
            if len(rows) < _PIECE:
                return
            last = rows[-1]

    async def list_people(self, most: int) -> tuple[tuple[str, str], ...]:
        """The users whose entries there may be: id and name."""
        statement = select(users.c.id, users.c.name).where(self._scope.filter(users.c.account_id))
        rows = await self._connection.execute(statement.order_by(users.c.name, users.c.id).limit(most))
        return tuple((row.id, row.name) for row in rows)

    def _select(self, wanted: Filter) -> Select[Any]:
        entries = audit_entries.c
        statement = select(audit_entries, users.c.name.label("user_name")).select_from(
            audit_entries.outerjoin(users, users.c.id == entries.user_id)
        )
        for column, value in (
            (entries.account_id, self._scope.account_id),
            (entries.user_id, wanted.user_id or None),
            (entries.verb, wanted.verb or None),
        ):
            if value is not None:
                # A thing has few entries: beside it, no other index may tempt a planner that keeps no statistics.
                statement = statement.where((func.coalesce(column, "") if wanted.subject else column) == value)
        if wanted.subject:
            statement = statement.where(entries.subject == wanted.subject)
        if wanted.since is not None:
            statement = statement.where(entries.at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(entries.at < wanted.until)
        return statement


def _mark(row: Row[Any]) -> Any:
    at, entry_id = audit_entries.c.at, audit_entries.c.id
    return tuple_(literal(row.at, at.type), literal(row.id, entry_id.type))


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
        before=row.before or {},
        address=row.address,
    )
