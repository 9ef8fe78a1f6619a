"""SQL of what the device API remembers of its own."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.boxes.tables import used_assertions
from cebox.console.database.statements import insert_if_absent


class AssertionRepository:
    """Assertions are not an account's: the device behind one is known only after it was checked."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def use(self, name: str, at: datetime) -> bool:
        """False when it was used before."""
        return await insert_if_absent(self._connection, used_assertions, {"jti": name, "used_at": at})

    async def prune(self, used_before: datetime) -> None:
        await self._connection.execute(delete(used_assertions).where(used_assertions.c.used_at < used_before))
