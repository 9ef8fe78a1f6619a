"""What the menu says beside its entries: how many devices and sites, which step, what is unread."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.records import Account
from cebox.console.announcements.service import count_unread
from cebox.console.campaigns.service import count_live
from cebox.console.database.scope import Scope
from cebox.console.devices.records import FleetSummary
from cebox.console.devices.service import summarise_fleet
from cebox.console.sites.service import count_sites
from cebox.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class MenuCounts:
    summary: FleetSummary
    sites: int
    unread: int
    campaigns: int

    @property
    def boxes(self) -> int:
        return self.summary.box_count

    @property
    def servers(self) -> int:
        return self.summary.server_count

    @property
    def devices(self) -> int:
        return self.summary.total


async def load_menu_counts(connection: AsyncConnection, account: Account, clock: Clock) -> MenuCounts:
    scope = Scope.account(account.id)
    return MenuCounts(
        summary=await summarise_fleet(connection, account.id, account.version, clock()),
        sites=await count_sites(connection, scope),
        unread=await count_unread(connection, scope),
        campaigns=sum((await count_live(connection, scope)).values()),
    )
