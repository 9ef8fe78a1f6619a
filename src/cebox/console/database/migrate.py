"""Bring a database to the schema of this version, forward only."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from cebox.console.database.engine import Database

_SCRIPTS = Path(__file__).with_name("migrations")


def make_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


async def apply_migrations(database: Database) -> None:
    """Upgrade to the newest revision; harmless when already there."""
    async with database.write() as unit:
        await unit.connection.run_sync(lambda connection: command.upgrade(make_config(connection), "head"))
