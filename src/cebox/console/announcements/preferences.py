"""Which kinds of announcements a person wants no e-mail of. In the console they read all of them."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.announcements.repository import MutedKindRepository
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.identity.service import get_user
from cebox.console.journal import service as journal
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import UserId
from cebox.kit.clock import Clock


async def load_muted(connection: AsyncConnection, user_id: UserId) -> frozenset[AnnouncementKind]:
    return await MutedKindRepository(connection, user_id).load()


async def set_muted(unit: Unit, caller: Caller, clock: Clock, kinds: Iterable[AnnouncementKind]) -> None:
    """One's own."""
    wanted = frozenset(kinds)
    repository = MutedKindRepository(unit.connection, UserId(caller.user_id))
    if wanted != await repository.load():
        await repository.replace(wanted)
        facts = {"muted": sorted(wanted)}
        await journal.record(
            unit, caller, "mail_preferences_changed", caller.user_id, facts, caller.account_id, at=clock()
        )


async def mute(unit: Unit, clock: Clock, user_id: UserId, kind: AnnouncementKind) -> None:
    """By a link of an e-mail; twice is once. Raises NotFound (`user_unknown`)."""
    user = await get_user(unit.connection, Scope.everything(), user_id)
    if await MutedKindRepository(unit.connection, user.id).add(kind):
        facts = {"muted": [kind]}
        await journal.record(
            unit, user.to_caller(), "mail_preferences_changed", user.id, facts, user.account_id, at=clock()
        )
