"""Lists in bounded pieces: each ends with a cursor that names its last row, so that new rows shift nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Label, Row, Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.errors import InvalidInput

T = TypeVar("T")

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Which piece: at most `limit` items behind the cursor `after` (None: from the start), or ahead of `before`."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One piece of a list; `next` continues it as `after`, `previous` goes back as `before`; None at either end."""

    items: tuple[T, ...]
    next: str | None = None
    previous: str | None = None


async def list_page(
    connection: AsyncConnection,
    statement: Select[Any],
    keys: Sequence[Column[Any] | Label[Any]],
    page: Page,
    make: Callable[[Row[Any]], T],
    *,
    is_descending: bool = False,
) -> Listed[T]:
    """Run `statement` ordered by `keys`, which together are unique, are never null and are among its columns.

    Raises InvalidInput (`cursor_malformed`).
    """
    limit = max(1, min(page.limit, LARGEST_LIMIT))
    is_back = page.before is not None
    is_falling = is_descending != is_back
    cursor = page.before if is_back else page.after
    if cursor is not None:
        values = _decode_cursor(cursor, [key.type.python_type for key in keys])
        mark = tuple_(*(literal(value, key.type) for value, key in zip(values, keys, strict=True)))
        place = tuple_(*keys)
        statement = statement.where(place < mark if is_falling else place > mark)
    order = [key.desc() if is_falling else key.asc() for key in keys]
    found = (await connection.execute(statement.order_by(*order).limit(limit + 1))).all()
    is_more = len(found) > limit
    rows = list(reversed(found[:limit])) if is_back else list(found[:limit])
    has_next, has_previous = (bool(rows), is_more) if is_back else (is_more, bool(rows) and cursor is not None)
    return Listed(
        tuple(make(row) for row in rows),
        _cursor_of(rows[-1], keys) if has_next else None,
        _cursor_of(rows[0], keys) if has_previous else None,
    )


def _cursor_of(row: Row[Any], keys: Sequence[Column[Any] | Label[Any]]) -> str:
    return _encode_cursor([getattr(row, key.name) for key in keys])


def _encode_cursor(values: list[Any]) -> str:
    plain = [{"at": value.isoformat()} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode_cursor(text: str, kinds: list[type[Any]]) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        values = [datetime.fromisoformat(v["at"]) if isinstance(v, dict) else v for v in plain]
        if not all(_is_key(value, kind) for value, kind in zip(values, kinds, strict=True)):
            raise ValueError(text)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise InvalidInput(
            "cursor_malformed", "this cursor is not one of this list", hint="Start again without `after`."
        ) from error
    return values


def _is_key(value: Any, kind: type[Any]) -> bool:
    """Whether the database may be asked about it: of the column's type, and no text or number it cannot hold."""
    if isinstance(value, datetime):
        return kind is datetime and value.tzinfo is not None
    if isinstance(value, str):
        return kind is str and "\0" not in value
    return type(value) is int and kind is int and abs(value) < 2**63
