"""SQL of what the device API remembers of its own: assertions already used, and which console this is."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.boxes.tables import installation, used_assertions
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


class InstallationRepository:
    """The console's one row about itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep_name(self, offered: str, at: datetime) -> str:
        """The name it has; `offered` when it has none yet. Of replicas that start together, the first names it."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.exec_driver_sql("LOCK TABLE installation IN EXCLUSIVE MODE")
        known = (await self._connection.execute(select(installation.c.console_id))).scalars().first()
        if known is not None:
            return str(known)
        await self._connection.execute(insert(installation).values(console_id=offered, created_at=at))
        return offered
