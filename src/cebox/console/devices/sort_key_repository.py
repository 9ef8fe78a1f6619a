"""SQL that brings the derived columns of devices back in line with what they are derived from."""

from sqlalchemy import func, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.devices.repository import ALWAYS
from cebox.console.devices.tables import devices
from cebox.console.sites.tables import sites
from cebox.domain.version import Version


class SortKeyRepository:
    """Of all accounts: it tells nobody anything. `devices.observing` writes the same as devices report."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def mend(self) -> None:
        await self._mend_ranks()
        await self._mend_names()
        await self._mend_signs()

    async def _mend_ranks(self) -> None:
        pairs = select(devices.c.running, devices.c.running_rank).distinct()
        for running, rank in (await self._connection.execute(pairs)).all():
            right = Version.parse(running).rank if running else 0
            if rank != right:
                same = devices.c.running == running if running else devices.c.running.is_(None)
                wrong = update(devices).where(same, devices.c.running_rank == rank)
                await self._connection.execute(wrong.values(running_rank=right))

    async def _mend_names(self) -> None:
        unnamed = select(devices.c.id, devices.c.name).where(devices.c.sort_name == "")
        for device_id, name in (await self._connection.execute(unnamed)).all():
            mended = update(devices).where(devices.c.id == device_id).values(sort_name=name.lower())
            await self._connection.execute(mended)
        pairs = select(sites.c.id, sites.c.name, devices.c.site_sort).join(devices).distinct()
        for site_id, name, sorted_by in (await self._connection.execute(pairs)).all():
            if sorted_by != name.lower():
                theirs = update(devices).where(devices.c.site_id == site_id)
                await self._connection.execute(theirs.values(site_sort=name.lower()))

    async def _mend_signs(self) -> None:
        on = update(devices).where(devices.c.noted_on, devices.c.quiet_since != ALWAYS)
        await self._connection.execute(on.values(quiet_since=ALWAYS))
        off = update(devices).where(not_(devices.c.noted_on), devices.c.quiet_since == ALWAYS)
        last = func.coalesce(devices.c.last_seen_at, devices.c.enrolled_at)
        await self._connection.execute(off.values(quiet_since=last))
