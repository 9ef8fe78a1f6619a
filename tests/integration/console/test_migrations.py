"""The migrations make exactly the tables the code speaks of, on both engines."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from cebox.console.database.engine import Database, parse_database_url
from cebox.console.database.migrate import apply_migrations
from cebox.console.database.schema import metadata

pytestmark = pytest.mark.anyio


def _differences(connection: Connection) -> list[object]:
    # SQLite reports an empty default in another spelling than it was given; PostgreSQL settles that question.
    is_exact = connection.dialect.name == "postgresql"
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": is_exact})
    return list(compare_metadata(context, metadata))


async def test_migrating_an_empty_database_makes_exactly_the_tables_of_the_code(empty_database_url: str) -> None:
    database = Database(parse_database_url(empty_database_url))
    await apply_migrations(database)

    async with database.read() as connection:
        assert await connection.run_sync(_differences) == []
    await database.close()


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    await apply_migrations(database)

    async with database.read() as connection:
        assert await connection.run_sync(_differences) == []


async def test_replicas_that_start_together_migrate_once(empty_database_url: str) -> None:
    replicas = [Database(parse_database_url(empty_database_url)) for _ in range(4)]

    await asyncio.gather(*(apply_migrations(database) for database in replicas))

    async with replicas[0].read() as connection:
        assert await connection.run_sync(_differences) == []
    for database in replicas:
        await database.close()


async def test_a_unit_that_fails_leaves_no_row_and_notifies_nobody(database_url: str) -> None:
    heard: list[list[str]] = []
    database = Database(parse_database_url(database_url), heard.append)

    async def change_and_fail() -> None:
        async with database.write() as unit:
            await unit.connection.execute(text("INSERT INTO leases VALUES ('prune', 'me', '2026-11-22 10:00:00')"))
            unit.notify("releases")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM leases"))).scalar_one() == 0
    assert heard == []
    await database.close()


async def test_a_committed_unit_notifies_each_topic_once(database_url: str) -> None:
    heard: list[list[str]] = []
    database = Database(parse_database_url(database_url), heard.append)
    async with database.write() as unit:
        unit.notify("account:acc_1")
        unit.notify("releases")
        unit.notify("account:acc_1")
        assert heard == []

    assert heard == [["account:acc_1", "releases"]]
    await database.close()


async def test_a_read_cannot_leave_a_change_behind(database: Database) -> None:
    async with database.read() as connection:
        await connection.execute(text("INSERT INTO leases VALUES ('prune', 'me', '2026-11-22 10:00:00')"))

    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM leases"))).scalar_one() == 0


async def test_foreign_keys_are_enforced_on_both_engines(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as unit:
            await unit.connection.execute(
                text("INSERT INTO tag_grants VALUES ('no-such-tag', 'acc_none', '2026-11-22 10:00:00')")
            )
