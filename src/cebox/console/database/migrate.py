"""Bring a database to the schema of this version, forward only."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from cebox.console.database.engine import Database

# Any number that nobody else uses in this database.
_LOCK = 0x6365626F78
_SCRIPTS = Path(__file__).with_name("migrations")


def make_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


async def apply_migrations(database: Database) -> None:
    """Upgrade to the newest revision; harmless when already there, and when several replicas start together."""
    async with database.write() as unit:
        if unit.connection.dialect.name == "postgresql":
            # SQLite's writers wait for one another anyway.
            await unit.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        await unit.connection.run_sync(lambda connection: command.upgrade(make_config(connection), "head"))
