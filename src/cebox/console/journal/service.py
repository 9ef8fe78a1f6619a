"""Writing and reading the audit log. Every change of the console ends up here, in the change's own transaction."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.journal.repository import EVERYTHING, Entry, Filter, JournalRepository
from cebox.domain.ids import AccountId

_MOST_PEOPLE = 500
JOB = "job"
"""Who did it when the console did it by itself."""


async def record(
    unit: Unit,
    by: Caller | str,
    verb: str,
    subject: str,
    facts: Mapping[str, Any],
    account_id: AccountId | None,
    *,
    at: datetime,
    before: Mapping[str, Any] | None = None,
) -> None:
    """Note a change. `by` is a caller, or the id of the device that did it, or `JOB`.

    `verb` is a stable snake_case word such as `account_migrated`; `subject` names the thing (`dev_…`, a tag);
    `facts` are JSON, `before` what those of the same names were until now; `account_id` None is for what concerns no
    single account, which only the vendor reads.
    """
    values = {
        "at": at,
        "account_id": account_id,
        "user_id": by if isinstance(by, str) else by.user_id,
        "verb": verb,
        "subject": subject,
        "facts": dict(facts),
        "before": None if before is None else dict(before),
        "address": "" if isinstance(by, str) else by.address,
    }
    await JournalRepository(unit.connection, Scope.everything()).add(values)


async def list_entries(
    connection: AsyncConnection, scope: Scope, page: Page, wanted: Filter = EVERYTHING
) -> Listed[Entry]:
    return await JournalRepository(connection, scope).list_entries(wanted, page)


def walk_entries(connection: AsyncConnection, scope: Scope, wanted: Filter) -> AsyncIterator[Entry]:
    """For an export: all of them, in bounded memory."""
    return JournalRepository(connection, scope).walk(wanted)


async def list_people(connection: AsyncConnection, scope: Scope) -> tuple[tuple[str, str], ...]:
    """Whom a filter can name."""
    return await JournalRepository(connection, scope).list_people(_MOST_PEOPLE)
