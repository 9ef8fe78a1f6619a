"""Telling accounts of releases, migrations, infrastructure dates (R12, R14): facts here, words in the pages."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.announcements.repository import Announcement, AnnouncementRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.live.hub import account_topic
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission
from cebox.errors import NotFound
from cebox.kit.clock import Clock


async def announce(
    unit: Unit, kind: str, subject: str, facts: Mapping[str, Any], account_ids: Sequence[AccountId], *, at: datetime
) -> bool:
    """Tell these accounts, once per `subject` whoever asks and however often; whether it was new."""
    repository = AnnouncementRepository(unit.connection, Scope.everything())
    announcement_id = f"ann_{secrets.token_hex(8)}"
    values = {"id": announcement_id, "kind": kind, "subject": subject, "facts": dict(facts), "created_at": at}
    if not await repository.add_if_absent(values):
        return False
    await repository.add_recipients(announcement_id, account_ids)
    for account_id in account_ids:
        unit.notify(account_topic(account_id))
    return True


async def list_announcements(
    connection: AsyncConnection, scope: Scope, page: Page, *, only_unread: bool = False
) -> Listed[Announcement]:
    return await AnnouncementRepository(connection, scope).list_announcements(page, only_unread=only_unread)


async def count_unread(connection: AsyncConnection, scope: Scope) -> int:
    return await AnnouncementRepository(connection, scope).count_unread()


async def mark_read(unit: Unit, caller: Caller, clock: Clock, announcement_id: str, account_id: AccountId) -> None:
    """For the whole account: its people share one inbox. Raises NotFound (`announcement_unknown`)."""
    caller.verify(Permission.ACT)
    repository = AnnouncementRepository(unit.connection, Scope.account(account_id))
    if not await repository.has(announcement_id):
        raise NotFound("announcement_unknown", f"no announcement {announcement_id!r}")
    if await repository.mark_read(announcement_id, clock()):
        unit.notify(account_topic(account_id))
