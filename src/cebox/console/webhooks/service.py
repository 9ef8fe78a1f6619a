"""An account's webhooks: made and changed by who administers it. Sending to them is the outbox's."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic
from cebox.console.texts import clean_line
from cebox.console.webhooks.addresses import Reach, parse_webhook_url
from cebox.console.webhooks.repository import Webhook, WebhookRepository
from cebox.console.webhooks.signature import derive_secret
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission
from cebox.errors import Conflict
from cebox.kit.clock import Clock

MOST_WEBHOOKS = 10
# Time to put the new secret where the requests are received.
BOTH_SECRETS_VALID = timedelta(days=1)


async def list_webhooks(connection: AsyncConnection, caller: Caller, scope: Scope) -> tuple[Webhook, ...]:
    """Raises NotPermitted (`role_may_not`): for who administers, and the vendor."""
    if not caller.is_vendor:
        caller.verify(Permission.ADMINISTER)
    return await WebhookRepository(connection, scope).list_webhooks()


async def get_webhook(connection: AsyncConnection, caller: Caller, webhook_id: str) -> Webhook:
    """Raises NotPermitted (`role_may_not`), NotFound (`webhook_unknown`)."""
    if not caller.is_vendor:
        caller.verify(Permission.ADMINISTER)
    return await WebhookRepository(connection, caller.scope).get(webhook_id)


async def find_for_delivery(connection: AsyncConnection, account_id: AccountId, webhook_id: str) -> Webhook:
    """Raises NotFound (`webhook_unknown`)."""
    return await WebhookRepository(connection, Scope.account(account_id)).get(webhook_id)


def list_secrets(console_secret: bytes, webhook: Webhook, now: datetime) -> tuple[str, ...]:
    """Those that sign now."""
    return tuple(derive_secret(console_secret, webhook.id, one) for one in webhook.list_generations(now))


class WebhookService:
    """Every call raises NotPermitted (`role_may_not`) for who may not administer."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock, *, console_secret: bytes, reach: Reach) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._console_secret = console_secret
        self._reach = reach
        self._webhooks = WebhookRepository(unit.connection, caller.scope)

    async def create_webhook(self, account_id: AccountId, name: str, url: str) -> tuple[Webhook, str]:
        """And its secret, told now and, unless it is renewed, never again.

        Raises InvalidInput (`webhook_name_malformed`, `webhook_url_malformed`, `webhook_needs_https`), Conflict
        (`too_many_webhooks`).
        """
        self._caller.verify(Permission.ADMINISTER)
        account_id = self._caller.account_of(account_id)
        name = clean_line(name, "webhook_name")
        parse_webhook_url(url, self._reach)
        if await WebhookRepository(self._unit.connection, Scope.account(account_id)).count() >= MOST_WEBHOOKS:
            raise Conflict("too_many_webhooks", f"an account has at most {MOST_WEBHOOKS}", hint="Remove one first.")
        webhook = Webhook(f"whk_{secrets.token_hex(8)}", account_id, name, url.strip(), True, 1, None, self._clock())
        await self._webhooks.add(webhook, self._caller.user_id)
        await self._record("webhook_created", webhook, {})
        return webhook, self._derive(webhook)

    async def change_webhook(
        self, webhook_id: str, *, name: str | None = None, url: str | None = None, is_active: bool | None = None
    ) -> Webhook:
        """None leaves as it is. Raises NotFound (`webhook_unknown`) and InvalidInput as `create_webhook`."""
        self._caller.verify(Permission.ADMINISTER)
        webhook = await self._webhooks.get(webhook_id, for_change=True)
        if url is not None:
            parse_webhook_url(url, self._reach)
        changed = replace(
            webhook,
            name=webhook.name if name is None else clean_line(name, "webhook_name"),
            url=webhook.url if url is None else url.strip(),
            is_active=webhook.is_active if is_active is None else is_active,
        )
        values = {one: getattr(changed, one) for one in ("name", "url", "is_active")}
        before = {one: getattr(webhook, one) for one in values}
        if changes := {one: value for one, value in values.items() if value != before[one]}:
            await self._webhooks.change(webhook_id, changes)
            # An address may hold a key of the receiver's: the journal says that it changed.
            await self._record("webhook_changed", webhook, {one: changes[one] for one in changes if one != "url"})
        return changed

    async def renew_secret(self, webhook_id: str) -> tuple[Webhook, str]:
        """The one before signs too for a day. Raises NotFound (`webhook_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        webhook = await self._webhooks.get(webhook_id, for_change=True)
        until = self._clock() + BOTH_SECRETS_VALID
        renewed = replace(webhook, generation=webhook.generation + 1, previous_until=until)
        await self._webhooks.change(webhook_id, {"generation": renewed.generation, "previous_until": until})
        await self._record("webhook_secret_renewed", renewed, {})
        return renewed, self._derive(renewed)

    async def remove_webhook(self, webhook_id: str) -> None:
        """What was sent to it stays visible. Raises NotFound (`webhook_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        webhook = await self._webhooks.get(webhook_id)
        if await self._webhooks.remove(webhook_id):
            await self._record("webhook_removed", webhook, {})

    async def note_test(self, webhook_id: str) -> Webhook:
        """The webhook that is about to be tried. Raises NotFound (`webhook_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        webhook = await self._webhooks.get(webhook_id)
        await self._record("webhook_tested", webhook, {})
        return webhook

    def _derive(self, webhook: Webhook) -> str:
        return derive_secret(self._console_secret, webhook.id, webhook.generation)

    async def _record(self, verb: str, webhook: Webhook, facts: Mapping[str, Any]) -> None:
        said = {"name": webhook.name, **facts}
        await journal.record(self._unit, self._caller, verb, webhook.id, said, webhook.account_id, at=self._clock())
        self._unit.notify(account_topic(webhook.account_id))
