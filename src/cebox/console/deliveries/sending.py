"""One delivery on its way: what is said, to whom, and how it went."""

import json
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.service import get_account
from cebox.console.announcements.records import Announcement, find_kind
from cebox.console.announcements.service import get_announcement
from cebox.console.announcements.wordings import get_wording
from cebox.console.database.scope import Scope
from cebox.console.deliveries.mail import Sender, build_mail
from cebox.console.deliveries.records import Delivery, Outcome
from cebox.console.deliveries.service import is_still_wanted
from cebox.console.identity.service import get_user
from cebox.console.state import Console
from cebox.console.web.words import LANGUAGES
from cebox.console.webhooks.addresses import Reach
from cebox.console.webhooks.posting import post
from cebox.console.webhooks.repository import Webhook
from cebox.console.webhooks.service import find_for_delivery, list_secrets
from cebox.console.webhooks.signature import sign
from cebox.domain.ids import AccountId, UserId
from cebox.errors import NotFound
from cebox.kit.clock import format_utc

TEST_KIND = "test"


def get_reach(console: Console) -> Reach:
    return Reach(console.settings.has_private_webhooks, console.settings.has_plain_webhooks)


def get_sender(console: Console) -> Sender:
    settings = console.settings
    return Sender(settings.smtp_sender, settings.vendor_name, settings.public_url.rstrip("/"), console.secret)


async def prepare_mail(console: Console, delivery: Delivery) -> EmailMessage | Outcome:
    """An outcome where nothing is to be sent: the person left the account, or wants no more of these."""
    async with console.database.read() as connection:
        announcement = await _get_announcement(connection, delivery)
        if not await is_still_wanted(connection, delivery, find_kind(announcement.kind)):
            return Outcome(False, is_cancelled=True, code="recipient_gone")
        person = await get_user(connection, Scope.account(delivery.account_id), UserId(delivery.target_id))
    return build_mail(delivery.id, announcement, person, get_sender(console), console.clock())


async def send_to_webhook(console: Console, delivery: Delivery) -> Outcome:
    async with console.database.read() as connection:
        try:
            webhook = await find_for_delivery(connection, delivery.account_id, delivery.target_id)
        except NotFound:
            return Outcome(False, is_cancelled=True, code="recipient_gone")
        announcement = await _get_announcement(connection, delivery)
        account = await get_account(connection, Scope.account(delivery.account_id), delivery.account_id)
    if not webhook.is_active:
        return Outcome(False, is_cancelled=True, code="webhook_off")
    body = write_body(console, announcement, delivery.account_id, account.name)
    return await _post_signed(console, webhook, delivery.id, body)


async def try_webhook(console: Console, webhook: Webhook, test_id: str) -> Outcome:
    """A signed request that says it is a test; nothing of it is kept."""
    said = {"kind": TEST_KIND, "id": test_id, "created_at": format_utc(console.clock()), "webhook": webhook.name}
    return await _post_signed(console, webhook, test_id, json.dumps(said, ensure_ascii=False).encode())


def write_body(console: Console, announcement: Announcement, account_id: AccountId, account_name: str) -> bytes:
    """Both languages: a program has none. Texts are Markdown."""
    base = console.settings.public_url.rstrip("/")
    said = {
        "id": announcement.id,
        "kind": announcement.kind,
        "created_at": format_utc(announcement.created_at),
        "account": {"id": account_id, "name": account_name},
        "facts": announcement.facts,
        "title": {language: get_wording(announcement, language).title for language in LANGUAGES},
        "text": {language: get_wording(announcement, language).text for language in LANGUAGES},
        "address": f"{base}/announcements/{announcement.id}" if base else None,
    }
    return json.dumps(said, ensure_ascii=False).encode()


async def _post_signed(console: Console, webhook: Webhook, message_id: str, body: bytes) -> Outcome:
    now: datetime = console.clock()
    headers = sign(list_secrets(console.secret, webhook, now), message_id, now, body)
    return await post(webhook.url, body, headers, get_reach(console))


async def _get_announcement(connection: AsyncConnection, delivery: Delivery) -> Announcement:
    return await get_announcement(connection, Scope.account(delivery.account_id), delivery.announcement_id)
