"""Statements that the two engines spell differently."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_if_absent(connection: AsyncConnection, table: Table, values: dict[str, Any]) -> bool:
    """Whether the row was added. A rival's uncommitted row is waited for, so that one of two always wins."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    done = await connection.execute(make(table).values(values).on_conflict_do_nothing())
    return done.rowcount == 1
