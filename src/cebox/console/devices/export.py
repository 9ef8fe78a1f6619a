"""The list of devices as a table for a spreadsheet: the rows that the filters find, a piece at a time."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Final

from cebox.console.database.paging import LARGEST_LIMIT, Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceFilters, DeviceView
from cebox.console.devices.service import list_devices
from cebox.console.spreadsheet import write_lines
from cebox.console.state import Console
from cebox.kit.clock import format_utc

COLUMNS: Final = (
    "name",
    "serial",
    "kind",
    "account",
    "site",
    "place",
    "is_on",
    "last_seen_at",
    "running",
    "staged",
    "would_take",
    "source",
    "is_behind",
    "phase",
    "last_action",
    "last_action_at",
    "agent_version",
    "id",
)
Tell = Callable[[str, str], str]


async def load_first_piece(console: Console, scope: Scope, filters: DeviceFilters, now: datetime) -> Listed[DeviceView]:
    """Before anything is answered, so that a wrong question is still refused."""
    return await _load_piece(console, scope, filters, Page(LARGEST_LIMIT), now)


async def stream_rows(
    console: Console,
    scope: Scope,
    filters: DeviceFilters,
    first: Listed[DeviceView],
    now: datetime,
    *,
    heads: Sequence[str] = COLUMNS,
    delimiter: str = ",",
    tell: Tell = lambda _column, code: code,
) -> AsyncIterator[str]:
    """CSV, its heads first. Each piece is read by itself: nothing is held open while the reader takes its time.

    `tell` puts a code of a column into words.
    """
    yield write_lines([heads], delimiter)
    piece = first
    while True:
        rows = (map(tell, COLUMNS, make_cells(view)) for view in piece.items)
        yield write_lines(map(list, rows), delimiter)
        if piece.next is None:
            return
        piece = await _load_piece(console, scope, filters, Page(LARGEST_LIMIT, piece.next), now)


def make_cells(view: DeviceView) -> list[str]:
    """In the order of `COLUMNS`."""
    record, last = view.record, view.last_action
    return [
        record.name,
        record.serial,
        record.kind.value,
        view.account_name,
        view.site_name or "",
        record.place.value,
        "yes" if view.is_on else "no",
        format_utc(record.last_seen_at) if record.last_seen_at else "",
        _print(record.slots.running),
        _print(record.slots.staged),
        str(view.would_take.version),
        view.would_take.source.value,
        "yes" if view.is_behind else "no",
        record.phase.value,
        last.state.value if last else "",
        format_utc(last.changed_at) if last else "",
        record.agent_version,
        record.id,
    ]


def _print(version: object) -> str:
    return "" if version is None else str(version)


async def _load_piece(
    console: Console, scope: Scope, filters: DeviceFilters, page: Page, now: datetime
) -> Listed[DeviceView]:
    async with console.database.read() as connection:
        return await list_devices(connection, scope, filters, page, now)
