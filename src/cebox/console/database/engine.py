"""The engine for a database address, and the unit of work every edge opens on it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cebox.errors import InvalidInput, Unavailable

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_SQLITE_BUSY_MILLISECONDS = 20_000
_SQLITE_RECYCLE_SECONDS = 1800
_CLOSING_SECONDS = 5.0
# The default is a spinning disk's: there, reading a whole fleet seems cheaper than a thousand devices by their ids.
_POSTGRESQL_SETTINGS = {"random_page_cost": "1.1"}


def parse_database_url(text: str) -> URL:
    """`sqlite:///folder/console.db` or `postgresql://user@host/name`. Raises InvalidInput (`database_url_unknown`)."""
    try:
        url = make_url(text)
        return url.set(drivername=_DRIVERS[url.get_backend_name()])
    except (ArgumentError, KeyError) as error:
        raise InvalidInput(
            "database_url_unknown",
            "the database address is neither sqlite:///… nor postgresql://…",
            hint="Embedded: sqlite:////var/lib/cebox/console.db. Larger: postgresql://cebox@db.example/cebox.",
        ) from error


class Unit:
    """One transaction. Topics noted with `notify` are published once it is committed, never before."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.topics: list[str] = []

    def notify(self, topic: str) -> None:
        if topic not in self.topics:
            self.topics.append(topic)


class Database:
    """Opens units of work. `publish` is called with the topics of each committed unit."""

    def __init__(self, url: URL, publish: Callable[[list[str]], None] = lambda _topics: None) -> None:
        self.url = url
        self._publish = publish
        self._threads: WeakSet[threading.Thread] = WeakSet()
        self.engine: AsyncEngine = _make_engine(url, self._threads)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Unit]:
        """A transaction that may change rows: committed at the end, rolled back on any error.

        Raises Unavailable (`database_unreachable`).
        """
        async with self._connect() as connection:
            await connection.execution_options(cebox_begin="BEGIN IMMEDIATE")
            async with connection.begin():
                unit = Unit(connection)
                yield unit
        if unit.topics:
            self._publish(unit.topics)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view; whatever is written in it is undone. Raises Unavailable (`database_unreachable`)."""
        async with self._connect() as connection:
            if self.url.get_backend_name() == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            await connection.rollback()

    async def analyse(self) -> None:
        """Renew the statistics the planner chooses indexes by. PostgreSQL does so itself; SQLite reads samples."""
        if self.url.get_backend_name() == "sqlite":
            async with self.write() as unit:
                await unit.connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
                await unit.connection.exec_driver_sql("ANALYZE")

    async def ping(self) -> None:
        """Raises Unavailable (`database_unreachable`)."""
        async with self.read() as connection:
            await connection.exec_driver_sql("SELECT 1")

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[AsyncConnection]:
        connection = self.engine.connect()
        try:
            await connection.start()
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            raise _unreachable() from error
        try:
            yield connection
        except DBAPIError as error:
            if not _is_away(error):
                raise
            raise _unreachable() from error
        finally:
            await connection.close()

    async def close(self) -> None:
        await self.engine.dispose()
        # A connection whose user was cancelled is closed by its thread, which reports to the loop that opened it.
        for thread in tuple(self._threads):
            await asyncio.to_thread(thread.join, _CLOSING_SECONDS)


def _is_away(error: DBAPIError) -> bool:
    """The connection was lost, or the engine itself is in trouble; not what a wrong statement raises."""
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def _unreachable() -> Unavailable:
    return Unavailable("database_unreachable", "the console's database does not answer", hint="Try again in a while.")


def _make_engine(url: URL, threads: WeakSet[threading.Thread]) -> AsyncEngine:
    """`threads`: those of SQLite's connections, one each, as they are opened."""
    if url.get_backend_name() != "sqlite":
        settings = {"server_settings": _POSTGRESQL_SETTINGS}
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, connect_args=settings)
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # A connection reads the statistics once, when it is opened.
    engine = create_async_engine(url, pool_recycle=_SQLITE_RECYCLE_SECONDS)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "connect", lambda one, _record: threads.add(one.driver_connection._thread))
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction control would begin late and commit around DDL; `_begin_sqlite` begins instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        # FULL: a result that was answered for must survive a power cut. Heartbeats are batched, so it stays cheap.
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {_SQLITE_BUSY_MILLISECONDS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A writer takes its lock at once: two readers that both turn writer would otherwise deadlock.
    connection.exec_driver_sql(connection.get_execution_options().get("cebox_begin", "BEGIN"))
