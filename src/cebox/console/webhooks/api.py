"""Admin API: webhooks. How a receiver checks what it gets is in `webhooks.signature`, and in the guide."""

import secrets
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.deliveries.api import DeliveryAnswer
from cebox.console.deliveries.sending import get_reach, try_webhook
from cebox.console.deliveries.service import clean_answer, list_of_target
from cebox.console.gate import Administrator, ChosenAccount, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.state import Console
from cebox.console.webhooks import service
from cebox.console.webhooks.addresses import LONGEST_URL
from cebox.console.webhooks.repository import Webhook
from cebox.console.webhooks.service import WebhookService
from cebox.console.wire import Answer, Asked, Line, Listing, make_listing

router = APIRouter(tags=["webhooks"])

Url = Annotated[str, Field(max_length=LONGEST_URL, examples=["https://tickets.example.org/cebox"])]


class WebhookAnswer(Answer):
    """`previous_until`: until then the secret before the last one signs too."""

    id: str
    account_id: str
    name: str
    url: str
    is_active: bool
    previous_until: datetime | None
    created_at: datetime


class NewSecretAnswer(WebhookAnswer):
    secret: str
    """Shown now and never again."""


class TrialAnswer(Answer):
    """What the receiver made of a signed request that says it is a test."""

    is_accepted: bool
    code: str
    answer: str


class WebhookBody(Asked):
    name: Line
    url: Url


class WebhookChangeBody(Asked):
    """What is left out stays as it is."""

    name: Line | None = None
    url: Url | None = None
    is_active: bool | None = None


@router.get("/webhooks", summary="The webhooks of my account; for the vendor, of all or of one")
async def list_webhooks(caller: Viewer, console: TheConsole, scope: ChosenScope) -> Listing[WebhookAnswer]:
    async with console.database.read() as connection:
        found = await service.list_webhooks(connection, caller, scope)
    return Listing(items=[WebhookAnswer.model_validate(one) for one in found])


@router.post("/webhooks", status_code=201, summary="Add a webhook; its secret is told once")
async def create_webhook(
    caller: Administrator, console: TheConsole, account_id: ChosenAccount, body: WebhookBody
) -> NewSecretAnswer:
    async with console.database.write() as unit:
        made, secret = await make_service(console, unit, caller).create_webhook(account_id, body.name, body.url)
    return _answer_with_secret(made, secret)


@router.patch("/webhooks/{webhook_id}", summary="Rename a webhook, lead it elsewhere, turn it off or on")
async def change_webhook(
    caller: Administrator, console: TheConsole, webhook_id: str, body: WebhookChangeBody
) -> WebhookAnswer:
    async with console.database.write() as unit:
        changed = await make_service(console, unit, caller).change_webhook(
            webhook_id, name=body.name, url=body.url, is_active=body.is_active
        )
    return WebhookAnswer.model_validate(changed)


@router.delete("/webhooks/{webhook_id}", status_code=204, summary="Remove a webhook; what it was sent stays visible")
async def remove_webhook(caller: Administrator, console: TheConsole, webhook_id: str) -> None:
    async with console.database.write() as unit:
        await make_service(console, unit, caller).remove_webhook(webhook_id)


@router.post("/webhooks/{webhook_id}/secret", summary="A new secret; the one before signs too for a day")
async def renew_webhook_secret(caller: Administrator, console: TheConsole, webhook_id: str) -> NewSecretAnswer:
    async with console.database.write() as unit:
        renewed, secret = await make_service(console, unit, caller).renew_secret(webhook_id)
    return _answer_with_secret(renewed, secret)


@router.post("/webhooks/{webhook_id}/test", summary="Send a signed test now, and see the answer")
async def try_out_webhook(caller: Administrator, console: TheConsole, webhook_id: str) -> TrialAnswer:
    async with console.database.write() as unit:
        webhook = await make_service(console, unit, caller).note_test(webhook_id)
    outcome = await try_webhook(console, webhook, f"tst_{secrets.token_hex(8)}")
    return TrialAnswer(is_accepted=outcome.is_accepted, code=outcome.code, answer=clean_answer(outcome.answer))


@router.get("/webhooks/{webhook_id}/deliveries", summary="What a webhook was sent, the newest first")
async def list_webhook_deliveries(
    caller: Viewer, console: TheConsole, page: ChosenPage, webhook_id: str
) -> Listing[DeliveryAnswer]:
    async with console.database.read() as connection:
        webhook = await service.get_webhook(connection, caller, webhook_id)
        listed = await list_of_target(connection, caller.scope, webhook.id, page)
    return make_listing(listed, DeliveryAnswer.model_validate)


def make_service(console: Console, unit: Unit, caller: Caller) -> WebhookService:
    return WebhookService(unit, caller, console.clock, console_secret=console.secret, reach=get_reach(console))


def _answer_with_secret(webhook: Webhook, secret: str) -> NewSecretAnswer:
    return NewSecretAnswer(**WebhookAnswer.model_validate(webhook).model_dump(), secret=secret)
