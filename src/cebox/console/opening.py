"""Opening a console: its secret, its database brought up to date, its name. Closing it again."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from cebox.console.boxes.repository import InstallationRepository
from cebox.console.database.engine import Database, parse_database_url
from cebox.console.database.migrate import apply_migrations
from cebox.console.identity.passwords import Passwords
from cebox.console.live.hub import Hub
from cebox.console.provider import open_provider
from cebox.console.settings import ConsoleSettings
from cebox.console.state import Console
from cebox.errors import InvalidInput, Unavailable
from cebox.kit.clock import Clock, utc_now
from cebox.kit.files import write_secret

SECRET_BYTES = 32


@asynccontextmanager
async def open_console(
    settings: ConsoleSettings, *, clock: Clock = utc_now, passwords: Passwords | None = None
) -> AsyncIterator[Console]:
    """A console ready to serve, or to be worked on by a command of its machine.

    Raises InvalidInput (`database_url_unknown`, `secret_too_short`, `oidc_settings_incomplete`, …), Unavailable
    (`database_unreachable`).
    """
    hub = Hub()
    settings.state_folder.mkdir(parents=True, exist_ok=True)
    secret = load_or_make_secret(settings)
    oidc = open_provider(settings)
    url = parse_database_url(settings.database_url)
    with _reaching(url):
        database = Database(url, hub.publish)
    try:
        with _reaching(url):
            await apply_migrations(database)
            console_id = await _name_installation(database, clock)
        yield Console(settings, database, hub, clock, console_id, secret, passwords or Passwords(), oidc=oidc)
    finally:
        hub.close()
        await database.close()


def load_or_make_secret(settings: ConsoleSettings) -> bytes:
    """There is no default secret: a missing file is made, readable by its owner only."""
    path = settings.secret_path
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, secrets.token_hex(SECRET_BYTES).encode())
    secret = path.read_bytes().strip()
    if len(secret) < SECRET_BYTES:
        raise InvalidInput(
            "secret_too_short",
            f"{path} holds no secret of at least {SECRET_BYTES} bytes",
            hint="Remove the file: the console makes a new one, and its devices ask for new tokens.",
        )
    return secret


async def _name_installation(database: Database, clock: Clock) -> str:
    """The console's id, drawn at its first start. It belongs to the database and moves with it."""
    async with database.write() as unit:
        return await InstallationRepository(unit.connection).keep_name(f"con_{secrets.token_hex(8)}", clock())


@contextmanager
def _reaching(url: URL) -> Iterator[None]:
    try:
        yield
    except (Unavailable, SQLAlchemyError, OSError) as error:
        raise Unavailable(
            "database_unreachable",
            f"the database {url.render_as_string()} cannot be used: {error.__cause__ or error}",
            hint="Check `database` in the settings, and that it runs and lets this user in.",
        ) from error
