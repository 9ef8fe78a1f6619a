"""SQL of users and API tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.identity.records import ApiToken, PasswordHash, User
from cebox.console.identity.tables import api_tokens, users
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Role, TokenScope
from cebox.errors import Conflict

_MOST_TOKENS = 100


class UserRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, user: User, password_hash: PasswordHash) -> None:
        """Raises Conflict (`user_exists`)."""
        values = {
            "id": user.id,
            "account_id": user.account_id,
            "email": user.email,
            "name": user.name,
            "role": user.role,
            "password_hash": password_hash,
            "language": user.language,
            "theme": user.theme,
            "is_active": user.is_active,
            "created_at": user.created_at,
        }
        try:
            await self._connection.execute(insert(users).values(values))
        except IntegrityError as error:
            raise Conflict(
                "user_exists", f"{user.email} is already a user", hint="An address signs in to one account only."
            ) from error

    async def find(self, user_id: UserId) -> User | None:
        statement = select(users).where(self._scope.filter(users.c.account_id), users.c.id == user_id)
        row = (await self._connection.execute(statement)).one_or_none()
        return make_user(row) if row else None

    async def find_by_email(self, email: str) -> tuple[User, PasswordHash] | None:
        statement = select(users).where(self._scope.filter(users.c.account_id), users.c.email == email)
        row = (await self._connection.execute(statement)).one_or_none()
        return (make_user(row), PasswordHash(row.password_hash)) if row else None

    async def list_users(self, page: Page) -> Listed[User]:
        statement = select(users).where(self._scope.filter(users.c.account_id))
        return await list_page(self._connection, statement, [users.c.email], page, make_user)

    async def lock_active(self, role: Role, account_id: AccountId | None) -> list[UserId]:
        """Who of this role may sign in there; their rows stay as they are until the unit ends."""
        statement = (
            select(users.c.id)
            .where(users.c.account_id == account_id if account_id else users.c.account_id.is_(None))
            .where(users.c.role == role, users.c.is_active)
            .order_by(users.c.id)
            .with_for_update()
        )
        return [UserId(row.id) for row in await self._connection.execute(statement)]

    async def change(self, user_id: UserId, values: dict[str, Any]) -> None:
        statement = update(users).where(self._scope.filter(users.c.account_id), users.c.id == user_id)
        await self._connection.execute(statement.values(values))


class TokenRepository:
    """API tokens: found by their secret, listed and revoked as their user's."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: dict[str, Any]) -> None:
        await self._connection.execute(insert(api_tokens).values(values))

    async def find_user(self, secret_sha256: str) -> tuple[User, ApiToken] | None:
        statement = (
            select(
                users,
                api_tokens.c.id.label("token_id"),
                api_tokens.c.name.label("token_name"),
                api_tokens.c.created_at.label("token_created_at"),
                api_tokens.c.expires_at,
                api_tokens.c.last_used_at,
                api_tokens.c.scope,
            )
            .join(api_tokens, api_tokens.c.user_id == users.c.id)
            .where(api_tokens.c.secret_sha256 == secret_sha256, users.c.is_active)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        scope = TokenScope(row.scope)
        token = ApiToken(row.token_id, row.token_name, row.token_created_at, row.expires_at, row.last_used_at, scope)
        return make_user(row), token

    async def list_of_user(self, user_id: UserId) -> tuple[ApiToken, ...]:
        statement = (
            select(api_tokens)
            .where(api_tokens.c.user_id == user_id)
            .order_by(api_tokens.c.created_at, api_tokens.c.id)
            .limit(_MOST_TOKENS)
        )
        rows = (await self._connection.execute(statement)).all()
        return tuple(_make_token(row) for row in rows)

    async def note_use(self, token_id: str, now: datetime) -> None:
        await self._connection.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=now))

    async def remove(self, token_id: str, user_id: UserId) -> bool:
        statement = delete(api_tokens).where(api_tokens.c.id == token_id, api_tokens.c.user_id == user_id)
        return (await self._connection.execute(statement)).rowcount == 1

    async def remove_of_user(self, user_id: UserId) -> None:
        await self._connection.execute(delete(api_tokens).where(api_tokens.c.user_id == user_id))

    async def remove_expired(self, now: datetime) -> int:
        return (await self._connection.execute(delete(api_tokens).where(api_tokens.c.expires_at <= now))).rowcount


def make_user(row: Row[Any]) -> User:
    return User(
        id=UserId(row.id),
        account_id=AccountId(row.account_id) if row.account_id else None,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        language=row.language,
        theme=row.theme,
        is_active=row.is_active,
        created_at=row.created_at,
    )


def _make_token(row: Row[Any]) -> ApiToken:
    return ApiToken(row.id, row.name, row.created_at, row.expires_at, row.last_used_at, TokenScope(row.scope))
