"""Every console test that asks for `database` runs on SQLite and on a real PostgreSQL.

An async test module says `pytestmark = pytest.mark.anyio`.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from cebox.console.app import build_app
from cebox.console.database.engine import Database, parse_database_url
from cebox.console.database.migrate import apply_migrations
from cebox.console.database.schema import metadata
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from tests.integration.console.office import cheap_passwords
from tests.servers.clock import HandClock
from tests.servers.postgresql import PostgresqlServer

_OTHERS_OUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


async def _migrate(url: str) -> None:
    database = Database(parse_database_url(url))
    await apply_migrations(database)
    await database.close()


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """One migrated database for all tests of this worker: emptying it is much faster than making another."""
    url = postgresql_server.url(postgresql_server.create_database())
    asyncio.run(_migrate(url))
    return url


async def _empty(url: str) -> None:
    """Whatever a test left running loses its connection first: it might hold a lock.

    The journal's triggers let nobody empty it; the server's own administrator may pass by them.
    """
    database = Database(parse_database_url(url))
    async with database.write() as unit:
        for statement in (
            _OTHERS_OUT,
            "SET LOCAL session_replication_role = replica",
            *(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)),
        ):
            await unit.connection.exec_driver_sql(statement)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "console.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, for tests of the migrations themselves."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty database of this test alone; a server process may be given it too."""
    if request.param == "sqlite":
        path = tmp_path / "console.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    url: str = request.getfixturevalue("postgresql_url")
    yield url
    asyncio.run(_empty(url))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(parse_database_url(database_url))
    yield database
    await database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def console(database_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Console]:
    """A whole console on a migrated, empty database; nothing is served and no job runs."""
    settings = ConsoleSettings(state_folder=tmp_path / "state", database=database_url, has_secure_cookie=False)
    async with open_console(settings, clock=clock, passwords=cheap_passwords()) as console:
        yield console


@pytest.fixture
def app(console: Console) -> Starlette:
    """The whole app of `console`; its lifespan is not run."""
    return build_app(console)
