"""Devices by the clock: silence is noticed, remembered and shown; what lists sort by is kept true."""

from cebox.console.database.scope import Scope
from cebox.console.devices.records import EventKind
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.service import notify_change, record_event
from cebox.console.devices.sort_key_repository import SortKeyRepository
from cebox.console.state import Console
from cebox.domain.device import PRESENCE

AT_ONCE = 500


async def note_silent_devices(console: Console) -> None:
    """Devices not heard of for `PRESENCE` are off; each is noted once."""
    now = console.clock()
    is_more = True
    while is_more:
        async with console.database.write() as unit:
            repository = DeviceRepository(unit.connection, Scope.everything())
            silent = await repository.note_silent(now - PRESENCE, AT_ONCE)
            for device_id, account_id in silent:
                facts = {"reason": "silence"}
                await record_event(unit, device_id, account_id, EventKind.WENT_OFF, facts, at=now)
                notify_change(unit, device_id, account_id)
        is_more = len(silent) == AT_ONCE


async def mend_sort_keys(console: Console) -> None:
    """A console of an earlier version, gone back to for a while, writes devices without what lists sort them by."""
    async with console.database.write() as unit:
        await SortKeyRepository(unit.connection).mend()


async def renew_statistics(console: Console) -> None:
    """Without them SQLite takes an account for a handful of rows, and reads all of it."""
    await console.database.analyse()
