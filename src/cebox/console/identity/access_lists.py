"""Where a user is signed in, and with what: seen and ended by themselves, and by who administers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.identity.factor_repository import FactorRepository
from cebox.console.identity.records import ApiToken, Factors, User, UserSession
from cebox.console.identity.repository import TokenRepository
from cebox.console.identity.service import get_user, verify_giving
from cebox.console.identity.session_repository import SessionRepository
from cebox.console.journal import service as journal
from cebox.domain.ids import UserId
from cebox.domain.role import Permission
from cebox.errors import NotFound
from cebox.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Access:
    user: User
    factors: Factors
    sessions: tuple[UserSession, ...]
    tokens: tuple[ApiToken, ...]


async def load_own_access(connection: AsyncConnection, caller: Caller, now: datetime) -> Access:
    return await _load(connection, await get_user(connection, caller.scope, UserId(caller.user_id)), now)


async def load_access(connection: AsyncConnection, caller: Caller, user_id: UserId, now: datetime) -> Access:
    """Raises NotFound (`user_unknown`), NotPermitted (`role_may_not`)."""
    if not caller.is_vendor:
        caller.verify(Permission.ADMINISTER)
    return await _load(connection, await get_user(connection, caller.scope, user_id), now)


async def end_own_session(unit: Unit, caller: Caller, session_id: str, clock: Clock) -> None:
    """Raises NotFound (`session_unknown`)."""
    await _end(unit, caller, await get_user(unit.connection, caller.scope, UserId(caller.user_id)), session_id, clock)


async def end_other_own_sessions(unit: Unit, caller: Caller, clock: Clock) -> int:
    """All but the one that asks; how many they were."""
    user_id = UserId(caller.user_id)
    count = await SessionRepository(unit.connection).remove_of_user(user_id, but=caller.session_id)
    facts = {"sessions": count}
    await journal.record(unit, caller, "sessions_ended", user_id, facts, caller.account_id, at=clock())
    return count


async def end_others_session(unit: Unit, caller: Caller, user_id: UserId, session_id: str, clock: Clock) -> None:
    """Raises NotFound (`user_unknown`, `session_unknown`), NotPermitted (`role_may_not`, `role_not_yours_to_give`)."""
    await _end(unit, caller, await _get_other(unit, caller, user_id), session_id, clock)


async def revoke_own_token(unit: Unit, caller: Caller, token_id: str, clock: Clock) -> None:
    """Raises NotFound (`token_not_found`)."""
    await _revoke(unit, caller, await get_user(unit.connection, caller.scope, UserId(caller.user_id)), token_id, clock)


async def revoke_others_token(unit: Unit, caller: Caller, user_id: UserId, token_id: str, clock: Clock) -> None:
    """Raises NotFound (`user_unknown`, `token_not_found`), NotPermitted (`role_may_not`, `role_not_yours_to_give`)."""
    await _revoke(unit, caller, await _get_other(unit, caller, user_id), token_id, clock)


async def _load(connection: AsyncConnection, user: User, now: datetime) -> Access:
    return Access(
        user,
        await FactorRepository(connection, user.id).load(),
        await SessionRepository(connection).list_of_user(user.id, now),
        await TokenRepository(connection).list_of_user(user.id),
    )


async def _get_other(unit: Unit, caller: Caller, user_id: UserId) -> User:
    caller.verify(Permission.ADMINISTER)
    user = await get_user(unit.connection, caller.scope, user_id)
    verify_giving(caller, user.role)
    return user


async def _end(unit: Unit, caller: Caller, user: User, session_id: str, clock: Clock) -> None:
    if not await SessionRepository(unit.connection).remove_one(session_id, user.id):
        raise NotFound("session_unknown", f"there is no session {session_id!r}")
    facts = {"session": session_id}
    await journal.record(unit, caller, "session_ended", user.id, facts, user.account_id, at=clock())


async def _revoke(unit: Unit, caller: Caller, user: User, token_id: str, clock: Clock) -> None:
    if not await TokenRepository(unit.connection).remove(token_id, user.id):
        raise NotFound("token_not_found", f"there is no API token {token_id!r}")
    facts = {} if user.id == caller.user_id else {"email": user.email}
    await journal.record(unit, caller, "token_revoked", token_id, facts, user.account_id, at=clock())
