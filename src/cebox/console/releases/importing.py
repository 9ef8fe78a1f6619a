"""Importing from the repository: by the clock (`releases.jobs`), and at once when the vendor asks.

It opens its own transactions, because reading a repository may take long and no transaction may wait for it.
"""

import asyncio
from collections.abc import Collection

from cebox.console.access import Caller
from cebox.console.journal import service as journal
from cebox.console.releases.offers import Offer, read_configured_offers
from cebox.console.releases.records import Imported
from cebox.console.releases.repository import ReleaseRepository
from cebox.console.releases.service import import_offers
from cebox.console.state import Console
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import Conflict


async def poll_repository(console: Console) -> None:
    """Import what is new; does nothing when no repository is set. Raises what reading the repository raises."""
    if not console.settings.repository:
        return
    async with console.database.read() as connection:
        known = await ReleaseRepository(connection).find_hashes()
    offers = await _read(console, known)
    if offers:
        async with console.database.write() as unit:
            await import_offers(unit, offers, at=console.clock(), by=journal.JOB)


async def refresh_repository(console: Console, caller: Caller) -> Imported:
    """The same, for the vendor, now, with a second look at the releases already known.

    Raises NotPermitted (`role_may_not`), Conflict (`release_differs`, after importing the others) and what reading the
    repository raises.
    """
    caller.verify(Permission.VENDOR)
    offers = await _read(console, ())
    async with console.database.write() as unit:
        imported = await import_offers(unit, offers, at=console.clock(), by=caller)
    if imported.differing:
        raise Conflict(
            "release_differs",
            f"published again with other content: {', '.join(map(str, imported.differing))}",
            hint="A release never changes (R1). The catalogue keeps the first; find out who signed the second.",
        )
    return imported


async def _read(console: Console, known: Collection[Version]) -> list[Offer]:
    # No transaction is open meanwhile: the repository may be slow.
    return await asyncio.to_thread(read_configured_offers, console.settings, console.clock, known)
