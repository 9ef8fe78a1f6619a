"""SQL of the announcements."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts
from cebox.console.announcements.records import Announcement, Recipient
from cebox.console.announcements.tables import announcement_recipients, announcements, muted_kinds, wordings
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.database.statements import insert_if_absent
from cebox.console.identity.tables import users
from cebox.console.web.words import LANGUAGES, Language
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import AccountId, UserId
from cebox.domain.wording import Wording

_LARGEST_BATCH = 500
_LISTED = [announcements.c[name] for name in ("id", "kind", "subject", "facts", "title_fr", "title_en", "created_at")]


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

    async def list_announcements(
        self, page: Page, *, only_unread: bool, kinds: Iterable[str] = ()
    ) -> Listed[Announcement]:
        """The newest first, without their texts; what reached nobody in scope is not listed. No kinds: all."""
        statement = self._select(*_LISTED).group_by(*_LISTED[:1])
        if only_unread:
            recipients = announcement_recipients.c
            statement = statement.having(func.count(recipients.read_at) < func.count(recipients.account_id))
        if wanted := list(kinds):
            statement = statement.where(announcements.c.kind.in_(wanted))
        keys = [announcements.c.created_at, announcements.c.id]
        return await list_page(self._connection, statement, keys, page, _make_announcement, is_descending=True)

    async def count_by_kind(self) -> dict[str, int]:
        statement = (
            select(announcements.c.kind, func.count(func.distinct(announcements.c.id)).label("number"))
            .join(announcement_recipients, announcement_recipients.c.announcement_id == announcements.c.id)
            .where(self._scope.filter(announcement_recipients.c.account_id))
            .group_by(announcements.c.kind)
        )
        return {row.kind: row.number for row in await self._connection.execute(statement)}

    async def count_unread(self) -> int:
        statement = select(func.count()).where(
            self._scope.filter(announcement_recipients.c.account_id), announcement_recipients.c.read_at.is_(None)
        )
        return (await self._connection.execute(statement)).scalar_one()

    async def find(self, announcement_id: str) -> Announcement | None:
        """With its texts, if somebody in scope received it."""
        statement = self._select(announcements).where(announcements.c.id == announcement_id)
        row = (await self._connection.execute(statement.group_by(announcements.c.id))).one_or_none()
        return _make_announcement(row) if row else None

    async def find_id(self, subject: str) -> str | None:
        statement = select(announcements.c.id).where(announcements.c.subject == subject)
        return (await self._connection.execute(statement)).scalar_one_or_none()

    async def list_recipients(self, announcement_id: str, page: Page) -> Listed[Recipient]:
        """By name; of those in scope."""
        recipients = announcement_recipients.c
        statement = (
            select(accounts.c.id, accounts.c.name, recipients.read_at, users.c.name.label("reader"))
            .join(accounts, accounts.c.id == recipients.account_id)
            .outerjoin(users, users.c.id == recipients.read_by)
            .where(self._scope.filter(recipients.account_id), recipients.announcement_id == announcement_id)
        )
        keys = [accounts.c.name, accounts.c.id]
        return await list_page(self._connection, statement, keys, page, _make_recipient)

    async def has(self, announcement_id: str) -> bool:
        """Whether somebody in scope received it."""
        statement = select(announcement_recipients.c.account_id).where(
            self._scope.filter(announcement_recipients.c.account_id),
            announcement_recipients.c.announcement_id == announcement_id,
        )
        return (await self._connection.execute(statement.limit(1))).first() is not None

    async def mark_read(self, announcement_id: str, at: datetime, by: str) -> bool:
        """Whether it was unread."""
        statement = update(announcement_recipients).where(
            self._scope.filter(announcement_recipients.c.account_id),
            announcement_recipients.c.announcement_id == announcement_id,
            announcement_recipients.c.read_at.is_(None),
        )
        return (await self._connection.execute(statement.values(read_at=at, read_by=by))).rowcount > 0

    def _select(self, *columns: Any) -> Select[Any]:
        recipients = announcement_recipients.c
        return (
            select(
                *columns,
                func.count(recipients.account_id).label("recipient_count"),
                func.count(recipients.read_at).label("read_count"),
            )
            .join(announcement_recipients, recipients.announcement_id == announcements.c.id)
            .where(self._scope.filter(recipients.account_id))
        )


class WordingRepository:
    """The vendor's own wordings: the console's, not an account's."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def load(self) -> dict[tuple[AnnouncementKind, Language], Wording]:
        rows = await self._connection.execute(select(wordings))
        return {(AnnouncementKind(row.kind), row.language): Wording(row.title, row.text) for row in rows}

    async def replace(self, kind: AnnouncementKind, written: dict[Language, Wording]) -> None:
        """Nothing written: none of its own."""
        await self._connection.execute(delete(wordings).where(wordings.c.kind == kind))
        for language, wording in written.items():
            values = {"kind": kind, "language": language, "title": wording.title, "text": wording.text}
            await self._connection.execute(insert(wordings).values(values))


class MutedKindRepository:
    """Which kinds a user wants no e-mail of."""

    def __init__(self, connection: AsyncConnection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def load(self) -> frozenset[AnnouncementKind]:
        rows = await self._connection.execute(select(muted_kinds.c.kind).where(muted_kinds.c.user_id == self._user_id))
        return frozenset(AnnouncementKind(row.kind) for row in rows)

    async def replace(self, kinds: Iterable[AnnouncementKind]) -> None:
        await self._connection.execute(delete(muted_kinds).where(muted_kinds.c.user_id == self._user_id))
        for kind in sorted(set(kinds)):
            await self._connection.execute(insert(muted_kinds).values(user_id=self._user_id, kind=kind))

    async def add(self, kind: AnnouncementKind) -> bool:
        """Whether it was wanted before."""
        return await insert_if_absent(self._connection, muted_kinds, {"user_id": self._user_id, "kind": kind})


def _make_announcement(row: Row[Any]) -> Announcement:
    titles: dict[Language, str] = {}
    texts: dict[Language, Wording] = {}
    for language in LANGUAGES:
        title = getattr(row, f"title_{language}")
        if title is not None:
            titles[language] = title
            if text := getattr(row, f"text_{language}", None):
                texts[language] = Wording(title, text)
    return Announcement(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        facts=row.facts,
        created_at=row.created_at,
        recipient_count=row.recipient_count,
        read_count=row.read_count,
        titles=titles,
        wordings=texts or None,
    )


def _make_recipient(row: Row[Any]) -> Recipient:
    return Recipient(AccountId(row.id), row.name, row.read_at, row.reader or "")
