"""SQL that counts a fleet: few rows, whatever its size, read from one index in its order."""

from datetime import datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, and_, case, func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.scope import Scope
from cebox.console.devices.conditions import Conditions
from cebox.console.devices.records import FleetGroup, FleetPart
from cebox.console.devices.tables import devices
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import AccountId, SiteId
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

# The order of the index `ix_devices_census`: the engine counts as it reads, and sorts nothing.
_BY = (
    devices.c.account_id,
    devices.c.kind,
    devices.c.site_id,
    devices.c.place,
    devices.c.phase,
    devices.c.running_rank,
    devices.c.noted_on,
)

_KINDS = {kind.value: kind for kind in DeviceKind}
_PLACES = {place.value: place for place in Place}
_PHASES = {phase.value: phase for phase in BoxPhase}


class CensusRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope, now: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._conditions = Conditions(connection, scope, now)

    async def count_all(self) -> tuple[FleetGroup, ...]:
        """Every device of the scope."""
        return await self._count()

    async def count_attention(self) -> tuple[FleetGroup, ...]:
        """Those that wait for a person (`DeviceFilters.needs_attention`)."""
        return await self._count(await self._conditions.needs_attention())

    async def count_under_way(self) -> tuple[FleetGroup, ...]:
        """Those with an update under way that is not ready; none of them is among `count_attention`."""
        return await self._count(self._conditions.under_way(with_ready=False))

    async def summarise(self) -> tuple[FleetPart, ...]:
        """Every device of the scope, counted by little: a few rows."""
        by = (devices.c.account_id, devices.c.kind, devices.c.phase, devices.c.running_rank)
        statement = (
            select(*by, func.count().label("many")).where(self._scope.filter(devices.c.account_id)).group_by(*by)
        )
        return tuple(
            FleetPart(AccountId(account_id), DeviceKind(kind), BoxPhase(phase), _read_rank(rank), many)
            for account_id, kind, phase, rank, many in await self._connection.execute(statement)
        )

    async def _count(self, *conditions: ColumnElement[bool]) -> tuple[FleetGroup, ...]:
        long_off = case((and_(not_(devices.c.noted_on), self._conditions.long_off()), 1), else_=0)
        statement = (
            select(*_BY, func.count().label("many"), func.sum(long_off).label("long_off"))
            .where(self._scope.filter(devices.c.account_id), *conditions)
            .group_by(*_BY)
        )
        return tuple(
            FleetGroup(
                account_id=AccountId(account_id),
                kind=_KINDS[kind],
                site_id=SiteId(site_id) if site_id else None,
                place=_PLACES[place],
                phase=_PHASES[phase],
                rank=rank,
                is_on=is_on,
                count=many,
                long_off_count=off_count,
            )
            for account_id, kind, site_id, place, phase, rank, is_on, many, off_count in await self._connection.execute(
                statement
            )
        )


@lru_cache(maxsize=1024)
def _read_rank(rank: int) -> Version | None:
    """A fleet runs few versions, on many devices."""
    return Version.from_rank(rank) if rank else None
