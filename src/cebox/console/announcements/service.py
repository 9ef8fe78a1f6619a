"""Telling accounts of releases, migrations, infrastructure dates, and what the vendor writes (R12, R14).

An announcement, its recipients and its deliveries are one transaction: whatever happens to the console, what is
announced is delivered, and what is rolled back was never said.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.announcements.records import Announcement, Recipient, find_kind
from cebox.console.announcements.repository import AnnouncementRepository
from cebox.console.announcements.wordings import Values, Wordings, fill_wordings, load_wordings
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.deliveries.service import enqueue
from cebox.console.live.hub import account_topic
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission
from cebox.errors import NotFound
from cebox.kit.clock import Clock


async def announce(
    unit: Unit,
    kind: str,
    subject: str,
    facts: Mapping[str, Any],
    account_ids: Sequence[AccountId],
    *,
    at: datetime,
    values: Values | None = None,
    wordings: Wordings | None = None,
) -> bool:
    """Tell these accounts, once per `subject` whoever asks and however often; whether it was new.

    `values` are for placeholders that the facts do not fill; `wordings` are said instead of the kind's own.
    """
    known = find_kind(kind)
    said = fill_wordings(wordings or await load_wordings(unit.connection, known), known, facts, values)
    repository = AnnouncementRepository(unit.connection, Scope.everything())
    announcement_id = f"ann_{secrets.token_hex(8)}"
    row: dict[str, Any] = {
        "id": announcement_id,
        "kind": kind,
        "subject": subject,
        "facts": dict(facts),
        "created_at": at,
    }
    for language, wording in said.items():
        row |= {f"title_{language}": wording.title, f"text_{language}": wording.text}
    if not await repository.add_if_absent(row):
        return False
    await repository.add_recipients(announcement_id, account_ids)
    await enqueue(unit, announcement_id, known, account_ids, at=at)
    for account_id in account_ids:
        unit.notify(account_topic(account_id))
    return True


async def list_announcements(
    connection: AsyncConnection, scope: Scope, page: Page, *, only_unread: bool = False, kinds: Sequence[str] = ()
) -> Listed[Announcement]:
    return await AnnouncementRepository(connection, scope).list_announcements(
        page, only_unread=only_unread, kinds=kinds
    )


async def get_announcement(connection: AsyncConnection, scope: Scope, announcement_id: str) -> Announcement:
    """With its texts. Raises NotFound (`announcement_unknown`)."""
    found = await AnnouncementRepository(connection, scope).find(announcement_id)
    if found is None:
        raise _unknown(announcement_id)
    return found


async def count_unread(connection: AsyncConnection, scope: Scope) -> int:
    return await AnnouncementRepository(connection, scope).count_unread()


async def count_by_kind(connection: AsyncConnection, scope: Scope) -> Mapping[str, int]:
    return await AnnouncementRepository(connection, scope).count_by_kind()


async def list_recipients(
    connection: AsyncConnection, scope: Scope, announcement_id: str, page: Page
) -> Listed[Recipient]:
    """Raises NotFound (`announcement_unknown`)."""
    repository = AnnouncementRepository(connection, scope)
    if not await repository.has(announcement_id):
        raise _unknown(announcement_id)
    return await repository.list_recipients(announcement_id, page)


async def mark_read(unit: Unit, caller: Caller, clock: Clock, announcement_id: str, account_id: AccountId) -> None:
    """For the whole account: its people share one inbox. Raises NotFound (`announcement_unknown`)."""
    caller.verify(Permission.ACT)
    repository = AnnouncementRepository(unit.connection, Scope.account(account_id))
    if not await repository.has(announcement_id):
        raise _unknown(announcement_id)
    if await repository.mark_read(announcement_id, clock(), caller.user_id):
        unit.notify(account_topic(account_id))


def _unknown(announcement_id: str) -> NotFound:
    return NotFound("announcement_unknown", f"no announcement {announcement_id!r}")
