"""The history of counts, by the clock."""

from cebox.console.dashboard.service import note_counts
from cebox.console.state import Console


async def note_fleet_history(console: Console) -> None:
    async with console.database.write() as unit:
        await note_counts(unit, console.clock())
