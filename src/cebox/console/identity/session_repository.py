"""SQL of browser sessions, and of the steps on the way to one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.identity.records import FoundSession, SignInMethod, UserSession
from cebox.console.identity.repository import make_user
from cebox.console.identity.tables import sessions, sign_in_rules, sign_in_steps, users
from cebox.domain.ids import UserId

_PREFIX = "ses_"
_ID_DIGITS = 16


class SessionRepository:
    """A session is found by its secret alone: it is what says who is asking, hence no scope."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: dict[str, Any]) -> None:
        await self._connection.execute(insert(sessions).values(values))

    async def find(self, secret_sha256: str, now: datetime) -> FoundSession | None:
        """Only of a user who may sign in."""
        statement = (
            select(
                users,
                sessions,
                sessions.c.created_at.label("began_at"),
                func.coalesce(sign_in_rules.c.requires_second_factor, False).label("requires_second_factor"),
            )
            .select_from(
                sessions.join(users, sessions.c.user_id == users.c.id).outerjoin(
                    sign_in_rules, sign_in_rules.c.account_id == users.c.account_id
                )
            )
            .where(sessions.c.secret_sha256 == secret_sha256, sessions.c.expires_at > now, users.c.is_active)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        return FoundSession(make_user(row), _make_session(row), row.form_secret, bool(row.requires_second_factor))

    async def list_of_user(self, user_id: UserId, now: datetime) -> tuple[UserSession, ...]:
        """The latest first."""
        statement = (
            select(sessions, sessions.c.created_at.label("began_at"))
            .where(sessions.c.user_id == user_id, sessions.c.expires_at > now)
            .order_by(sessions.c.created_at.desc())
        )
        return tuple(_make_session(row) for row in await self._connection.execute(statement))

    async def change(self, session_id: str, user_id: UserId, values: dict[str, Any]) -> None:
        statement = update(sessions).where(*_is(session_id, user_id))
        await self._connection.execute(statement.values(values))

    async def remove(self, secret_sha256: str) -> None:
        await self._connection.execute(delete(sessions).where(sessions.c.secret_sha256 == secret_sha256))

    async def remove_one(self, session_id: str, user_id: UserId) -> bool:
        return (await self._connection.execute(delete(sessions).where(*_is(session_id, user_id)))).rowcount == 1

    async def remove_of_user(self, user_id: UserId, *, but: str = "") -> int:
        """`but`: the id of a session that goes on."""
        statement = delete(sessions).where(sessions.c.user_id == user_id)
        if but:
            statement = statement.where(~_starts(but))
        return (await self._connection.execute(statement)).rowcount

    async def remove_expired(self, now: datetime) -> int:
        return (await self._connection.execute(delete(sessions).where(sessions.c.expires_at <= now))).rowcount


@dataclass(frozen=True, slots=True)
class Step:
    """`user_id` None: nobody has said who they are yet."""

    kind: str
    user_id: UserId | None
    next_address: str


class StepRepository:
    """A step is found by its secret, which the browser holds, and ends when it is taken."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: dict[str, Any]) -> None:
        await self._connection.execute(insert(sign_in_steps).values(values))

    async def find(self, secret_sha256: str, kind: str, now: datetime) -> Step | None:
        statement = select(sign_in_steps).where(*_is_step(secret_sha256, kind, now))
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_step(row) if row else None

    async def take(self, secret_sha256: str, kind: str, now: datetime) -> Step | None:
        """Of two who take it at once, one does."""
        statement = delete(sign_in_steps).where(*_is_step(secret_sha256, kind, now)).returning(*sign_in_steps.c)
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_step(row) if row else None

    async def remove_expired(self, now: datetime) -> int:
        return (await self._connection.execute(delete(sign_in_steps).where(sign_in_steps.c.expires_at <= now))).rowcount


def _is_step(secret_sha256: str, kind: str, now: datetime) -> tuple[Any, ...]:
    steps = sign_in_steps.c
    return steps.secret_sha256 == secret_sha256, steps.kind == kind, steps.expires_at > now


def _make_step(row: Row[Any]) -> Step:
    return Step(row.kind, UserId(row.user_id) if row.user_id else None, row.next_address)


def _starts(session_id: str) -> Any:
    return sessions.c.secret_sha256.startswith(session_id.removeprefix(_PREFIX), autoescape=True)


def _is(session_id: str, user_id: UserId) -> tuple[Any, ...]:
    is_whole = len(session_id) == len(_PREFIX) + _ID_DIGITS
    return _starts(session_id if is_whole else f"{_PREFIX}none"), sessions.c.user_id == user_id


def _make_session(row: Row[Any]) -> UserSession:
    return UserSession(
        id=f"{_PREFIX}{row.secret_sha256[:_ID_DIGITS]}",
        method=SignInMethod(row.method),
        address=row.address,
        agent=row.agent,
        created_at=row.began_at,
        expires_at=row.expires_at,
        last_seen_at=row.last_seen_at or row.began_at,
        proved_at=row.proved_at or row.began_at,
    )
