"""The journal's export as an answer, for the pages and the API."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from cebox.console.database.scope import Scope
from cebox.console.journal import service
from cebox.console.journal.export import MEDIA_TYPES, Kind, write_csv, write_json_lines
from cebox.console.journal.repository import Filter
from cebox.console.state import Console


def make_export(console: Console, scope: Scope, wanted: Filter, kind: Kind) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="journal.{kind}"', "Cache-Control": "no-store"}
    return StreamingResponse(_stream(console, scope, wanted, kind), media_type=MEDIA_TYPES[kind], headers=headers)


async def _stream(console: Console, scope: Scope, wanted: Filter, kind: Kind) -> AsyncIterator[str]:
    """One consistent view to the end, however long its reader takes."""
    write = write_csv if kind == "csv" else write_json_lines
    async with console.database.read() as connection:
        async for text in write(service.walk_entries(connection, scope, wanted)):
            yield text
