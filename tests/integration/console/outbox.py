"""What the tests of the outbox start from: accounts with people, something announced, and how its deliveries stand."""

from dataclasses import replace
from pathlib import Path

from cebox.console.access import local_operator
from cebox.console.accounts.records import Account
from cebox.console.announcements.repository import AnnouncementRepository
from cebox.console.announcements.service import announce
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.deliveries.records import Delivery
from cebox.console.deliveries.service import list_deliveries
from cebox.console.state import Console
from cebox.console.webhooks.addresses import Reach
from cebox.console.webhooks.repository import Webhook
from cebox.console.webhooks.service import WebhookService
from tests.servers.smtp_server import SmtpServer

OPEN_REACH = Reach(has_private=True, has_plain=True)


def with_settings(console: Console, **changes: object) -> Console:
    return replace(console, settings=console.settings.model_copy(update=changes))


def with_mail(console: Console, server: SmtpServer, **changes: object) -> Console:
    """A console that sends over `server`, in the clear unless told otherwise."""
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": "none",
        "smtp_sender": "Wisper <news@vendor.example>",
        "public_url": "https://console.example",
    }
    return with_settings(console, **(settings | changes))


def write_password(folder: Path, password: str = "pigeon", mode: int = 0o600) -> Path:
    path = folder / "smtp-password"
    path.write_text(f"{password}\n")
    path.chmod(mode)
    return path


async def tell(console: Console, *accounts: Account, subject: str = "message:1", kind: str = "message") -> str:
    """Announces something to them; returns the announcement's id."""
    async with console.database.write() as unit:
        ids = [account.id for account in accounts]
        facts = {"version": "2026.12.1"}
        assert await announce(unit, kind, subject, facts, ids, at=console.clock())
        found = await AnnouncementRepository(unit.connection, Scope.everything()).find_id(subject)
    assert found is not None
    return found


async def look(console: Console, announcement_id: str) -> dict[str, Delivery]:
    """The deliveries by address."""
    async with console.database.read() as connection:
        listed = await list_deliveries(connection, Scope.everything(), announcement_id, Page(500))
    return {one.address: one for one in listed.items}


async def add_webhook(console: Console, account: Account, url: str, name: str = "Ticketing") -> tuple[Webhook, str]:
    async with console.database.write() as unit:
        service = WebhookService(unit, local_operator(), console.clock, console_secret=console.secret, reach=OPEN_REACH)
        return await service.create_webhook(account.id, name, url)
