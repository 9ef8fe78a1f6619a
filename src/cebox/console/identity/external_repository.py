"""SQL of whom an identity provider calls what."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.statements import insert_if_absent
from cebox.console.identity.tables import external_identities
from cebox.domain.ids import UserId


class ExternalRepository:
    """The provider says who is asking, hence no scope."""

    def __init__(self, connection: AsyncConnection, issuer: str) -> None:
        self._connection = connection
        self._issuer = issuer

    async def find_user(self, subject: str) -> UserId | None:
        table = external_identities.c
        statement = select(table.user_id).where(table.issuer == self._issuer, table.subject == subject)
        return await self._find(statement)

    async def has_other(self, user_id: UserId) -> bool:
        """Whether the provider calls this user something already."""
        table = external_identities.c
        statement = select(table.user_id).where(table.issuer == self._issuer, table.user_id == user_id).limit(1)
        return await self._find(statement) is not None

    async def add(self, subject: str, user_id: UserId, at: datetime) -> None:
        values = {"issuer": self._issuer, "subject": subject, "user_id": user_id, "created_at": at}
        await insert_if_absent(self._connection, external_identities, values)

    async def _find(self, statement: object) -> UserId | None:
        found = (await self._connection.execute(statement)).scalar_one_or_none()  # type: ignore[call-overload]
        return UserId(found) if found else None
