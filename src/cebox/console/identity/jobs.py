"""Sign-ins by the clock: what has expired need not be kept."""

from cebox.console.identity.repository import TokenRepository
from cebox.console.identity.session_repository import SessionRepository, StepRepository
from cebox.console.state import Console


async def prune_sessions(console: Console) -> None:
    now = console.clock()
    async with console.database.write() as unit:
        await SessionRepository(unit.connection).remove_expired(now)
        await StepRepository(unit.connection).remove_expired(now)
        await TokenRepository(unit.connection).remove_expired(now)
