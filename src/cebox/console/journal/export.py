"""The journal as a file: CSV for a spreadsheet, JSON lines for a program; written as it is read."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from cebox.console.journal.repository import Entry
from cebox.kit.clock import format_utc

Kind = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Kind, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
COLUMNS = ("at", "account_id", "user_id", "user_name", "verb", "subject", "address", "before", "facts")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 200


async def write_csv(entries: AsyncIterator[Entry]) -> AsyncIterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    count = 0
    async for entry in entries:
        row = _describe(entry)
        writer.writerow([_defuse(row[name]) for name in COLUMNS])
        count += 1
        if count % _ROWS_AT_ONCE == 0:
            yield _take(buffer)
    yield _take(buffer)


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


def _defuse(value: Any) -> str:
    """A cell's text; one that a spreadsheet would calculate begins with an apostrophe, and is shown as text."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
