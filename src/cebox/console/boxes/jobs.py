"""The device API by the clock: what it need not remember any more."""

from cebox.console.boxes.repository import AssertionRepository
from cebox.console.boxes.tokens import ASSERTIONS_KEPT
from cebox.console.state import Console


async def prune_assertions(console: Console) -> None:
    async with console.database.write() as unit:
        await AssertionRepository(unit.connection).prune(console.clock() - ASSERTIONS_KEPT)
