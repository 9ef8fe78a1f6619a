"""SQL of who runs which release."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts
from cebox.console.database.scope import Scope
from cebox.console.devices.tables import devices
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId
from cebox.domain.version import Version


@dataclass(frozen=True, slots=True)
class Runner:
    """An account, and how many of its devices run the release."""

    account_id: AccountId
    account_name: str
    boxes: int
    servers: int


class UsageRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def list_runners(self) -> dict[Version, list[Runner]]:
        """By release; the accounts with most devices first."""
        by = (devices.c.account_id, devices.c.running_rank)
        counts = (
            select(*by, func.count().label("many"))
            .where(self._scope.filter(devices.c.account_id), devices.c.running_rank > 0)
            .group_by(*by)
        )
        servers = counts.where(devices.c.kind == DeviceKind.WRS.value)
        of_wrs = {(row.account_id, row.running_rank): row.many for row in await self._connection.execute(servers)}
        names = await self._find_names()
        found: dict[Version, list[Runner]] = {}
        for row in await self._connection.execute(counts):
            wrs = of_wrs.get((row.account_id, row.running_rank), 0)
            runner = Runner(AccountId(row.account_id), names[row.account_id], row.many - wrs, wrs)
            found.setdefault(Version.from_rank(row.running_rank), []).append(runner)
        for runners in found.values():
            runners.sort(key=lambda one: (-one.boxes - one.servers, one.account_name))
        return found

    async def _find_names(self) -> dict[str, str]:
        statement = select(accounts.c.id, accounts.c.name).where(self._scope.filter(accounts.c.id))
        return {row.id: row.name for row in await self._connection.execute(statement)}
