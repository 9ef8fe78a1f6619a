"""SQL of the leases."""

from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.statements import insert_if_absent
from cebox.console.jobs.tables import leases


class LeaseRepository:
    """Leases belong to the console, not to an account."""

    def __init__(self, connection: AsyncConnection, holder: str) -> None:
        self._connection = connection
        self._holder = holder

    async def take(self, job: str, *, now: datetime, until: datetime) -> bool:
        """Take a free or ended lease, or extend one's own; of several replicas one gets it."""
        values = {"job": job, "holder": self._holder, "until": until}
        if await insert_if_absent(self._connection, leases, values):
            return True
        done = await self._connection.execute(
            update(leases)
            .where(leases.c.job == job, or_(leases.c.holder == self._holder, leases.c.until <= now))
            .values(holder=self._holder, until=until)
        )
        return done.rowcount == 1

    async def release_all(self) -> None:
        await self._connection.execute(delete(leases).where(leases.c.holder == self._holder))
