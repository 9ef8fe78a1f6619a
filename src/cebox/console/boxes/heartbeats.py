"""Signs of life that changed nothing else: kept in memory, the newest per device, and written together.

A crash loses at most a second of them; acknowledgements, results and changes never pass here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from cebox.console.actions.repository import ActionRepository
from cebox.console.database.engine import Database
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository, Heartbeat
from cebox.console.live.hub import account_topic, device_topic
from cebox.domain.action import DEADLINES, ActionState
from cebox.domain.ids import AccountId, ActionId, DeviceId

FLUSH_SECONDS = 1.0
FLUSH_COUNT = 500
_log = structlog.get_logger()


@dataclass(slots=True)
class Heartbeats:
    """The buffer of one process. `note` never waits; a flush starts by itself."""

    flush_seconds: float = FLUSH_SECONDS
    _waiting: dict[DeviceId, Heartbeat] = field(default_factory=dict)
    # Taken by the flush under way: not yet to be read from the database.
    _writing: dict[DeviceId, Heartbeat] = field(default_factory=dict)
    _accounts: dict[DeviceId, AccountId] = field(default_factory=dict)
    _flush: asyncio.Task[None] | None = None
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def find_newest(self, device_id: DeviceId) -> tuple[int, int] | None:
        """Boot and sequence of a report that is not written yet."""
        beat = self._waiting.get(device_id) or self._writing.get(device_id)
        return (beat.boot, beat.sequence) if beat else None

    def note(self, database: Database, account_id: AccountId, beat: Heartbeat) -> None:
        known = self._waiting.get(beat.device_id)
        if known is not None and (known.boot, known.sequence) > (beat.boot, beat.sequence):
            beat = replace(known, seen_at=max(known.seen_at, beat.seen_at))
        elif known is not None and beat.progress is None and known.boot == beat.boot:
            beat = replace(beat, progress=known.progress)
        self._waiting[beat.device_id] = beat
        self._accounts[beat.device_id] = account_id
        if len(self._waiting) >= FLUSH_COUNT:
            self._hurry.set()
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._flush_soon(database))

    async def flush(self, database: Database) -> None:
        """Write what is waiting now. What cannot be written is kept for the next time."""
        async with self._turn:
            self._writing, self._waiting = self._waiting, {}
            self._hurry.clear()
            try:
                await _write(database, tuple(self._writing.values()), self._accounts)
            except BaseException:
                self._waiting = self._writing | self._waiting
                raise
            finally:
                self._writing = {}

    async def close(self, database: Database) -> None:
        """Write the last ones; call it when no exchange is under way any more."""
        if self._flush is not None and not self._flush.done():
            self._flush.cancel()
            await asyncio.gather(self._flush, return_exceptions=True)
        await self.flush(database)

    async def _flush_soon(self, database: Database) -> None:
        while self._waiting:
            try:
                async with asyncio.timeout(self.flush_seconds):
                    await self._hurry.wait()
            except TimeoutError:
                pass
            try:
                await self.flush(database)
            except Exception:
                # The next second tries again; the fleet must not notice that the database was away.
                self._hurry.clear()
                _log.exception("heartbeats_not_written", count=len(self._waiting))


async def _write(database: Database, beats: Sequence[Heartbeat], accounts: dict[DeviceId, AccountId]) -> None:
    if not beats:
        return
    moving = [beat for beat in beats if beat.progress is not None]
    async with database.write() as unit:
        await DeviceRepository(unit.connection, Scope.everything()).write_heartbeats(beats)
        if moving:
            deadlines = {
                ActionId(beat.progress.action_id): beat.seen_at + DEADLINES[ActionState.DOWNLOADING]
                for beat in moving
                if beat.progress is not None and beat.progress.action_id
            }
            await ActionRepository(unit.connection, Scope.everything()).extend_downloads(deadlines)
        for beat in moving:
            unit.notify(device_topic(beat.device_id))
            unit.notify(account_topic(accounts[beat.device_id]))
