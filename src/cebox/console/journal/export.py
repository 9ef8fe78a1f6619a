"""The journal as a file: CSV for a spreadsheet, JSON lines for a program; written as it is read."""

import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from cebox.console.journal.repository import Entry
from cebox.console.spreadsheet import write_lines
from cebox.kit.clock import format_utc

Kind = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Kind, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
COLUMNS = ("at", "account_id", "user_id", "user_name", "verb", "subject", "address", "before", "facts")
_ROWS_AT_ONCE = 200


async def write_csv(entries: AsyncIterator[Entry]) -> AsyncIterator[str]:
    rows: list[list[str]] = [list(COLUMNS)]
    async for entry in entries:
        described = _describe(entry)
        rows.append([_print(described[name]) for name in COLUMNS])
        if len(rows) >= _ROWS_AT_ONCE:
            yield write_lines(rows)
            rows.clear()
    yield write_lines(rows)


async def write_json_lines(entries: AsyncIterator[Entry]) -> AsyncIterator[str]:
    lines: list[str] = []
    async for entry in entries:
        lines.append(json.dumps({"id": entry.id, **_describe(entry)}, ensure_ascii=False))
        if len(lines) == _ROWS_AT_ONCE:
            yield "\n".join(lines) + "\n"
            lines.clear()
    if lines:
        yield "\n".join(lines) + "\n"


def _describe(entry: Entry) -> dict[str, Any]:
    return {
        "at": format_utc(entry.at),
        "account_id": entry.account_id,
        "user_id": entry.user_id,
        "user_name": entry.user_name,
        "verb": entry.verb,
        "subject": entry.subject,
        "address": entry.address,
        "before": entry.before,
        "facts": entry.facts,
    }


def _print(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
