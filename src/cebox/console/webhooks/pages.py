"""An account's webhooks: added, tried, given a new secret, and what each was sent."""

import secrets

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.deliveries.sending import try_webhook
from cebox.console.deliveries.service import clean_answer, list_of_target
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.console.webhooks.api import make_service
from cebox.console.webhooks.repository import Webhook
from cebox.console.webhooks.service import get_webhook, list_webhooks
from cebox.domain.role import Permission

_ADDRESS = "/announcements/webhooks"


@page()
async def show_webhooks(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        webhooks = await list_webhooks(connection, visit.caller, visit.scope)
    template = "webhooks/list-part.html" if visit.is_fragment else "webhooks/list.html"
    return visit.show(template, webhooks=webhooks, now=visit.formats.now)


@page()
async def show_webhook(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        webhook = await get_webhook(connection, visit.caller, visit.request.path_params["webhook_id"])
        listed = await list_of_target(connection, visit.caller.scope, webhook.id, visit.piece(50))
    template = "webhooks/webhook-part.html" if visit.is_fragment else "webhooks/webhook.html"
    return visit.show(template, webhook=webhook, listed=listed, now=visit.formats.now)


@page(Permission.ADMINISTER)
async def show_new_webhook(visit: Visit) -> Response:
    return visit.show_dialog("webhooks/edit.html", webhook=None)


@page(Permission.ADMINISTER)
async def create_webhook(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = make_service(visit.console, unit, visit.caller)
        made, secret = await service.create_webhook(visit.account_id, visit.field("name"), visit.field("url"))
    return _show_secret(visit, made, secret)


@page(Permission.ADMINISTER)
async def show_change(visit: Visit) -> Response:
    return visit.show_dialog("webhooks/edit.html", webhook=await _get(visit))


@page(Permission.ADMINISTER)
async def change_webhook(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        changed = await make_service(visit.console, unit, visit.caller).change_webhook(
            visit.request.path_params["webhook_id"],
            name=visit.field("name"),
            url=visit.field("url"),
            is_active=visit.field("is_active") == "1",
        )
    words = _("%(name)s is on.") if changed.is_active else _("%(name)s is off.")
    return visit.done(visit.say(words, name=changed.name), address=_ADDRESS)


@page(Permission.ADMINISTER)
async def show_renewal(visit: Visit) -> Response:
    return visit.show_dialog("webhooks/renew.html", webhook=await _get(visit))


@page(Permission.ADMINISTER)
async def renew_secret(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = make_service(visit.console, unit, visit.caller)
        renewed, secret = await service.renew_secret(visit.request.path_params["webhook_id"])
    return _show_secret(visit, renewed, secret)


@page(Permission.ADMINISTER)
async def show_removal(visit: Visit) -> Response:
    return visit.show_dialog("webhooks/remove.html", webhook=await _get(visit))


@page(Permission.ADMINISTER)
async def remove_webhook(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await make_service(visit.console, unit, visit.caller).remove_webhook(visit.request.path_params["webhook_id"])
    return visit.done(visit.say(_("The webhook is removed.")), address=_ADDRESS)


@page(Permission.ADMINISTER)
async def try_out(visit: Visit) -> Response:
    """Waits for the receiver, ten seconds at most."""
    async with visit.console.database.write() as unit:
        webhook = await make_service(visit.console, unit, visit.caller).note_test(
            visit.request.path_params["webhook_id"]
        )
    outcome = await try_webhook(visit.console, webhook, f"tst_{secrets.token_hex(8)}")
    said = clean_answer(outcome.answer)
    return visit.show_dialog("webhooks/tried.html", webhook=webhook, outcome=outcome, said=said)


def build_routes() -> list[BaseRoute]:
    return [
        Route(_ADDRESS, show_webhooks, methods=["GET"]),
        Route(f"{_ADDRESS}/new", show_new_webhook, methods=["GET"]),
        Route(f"{_ADDRESS}/new", create_webhook, methods=["POST"]),
        Route(f"{_ADDRESS}/{{webhook_id}}", show_webhook, methods=["GET"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/change", show_change, methods=["GET"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/change", change_webhook, methods=["POST"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/secret", show_renewal, methods=["GET"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/secret", renew_secret, methods=["POST"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/remove", show_removal, methods=["GET"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/remove", remove_webhook, methods=["POST"]),
        Route(f"{_ADDRESS}/{{webhook_id}}/test", try_out, methods=["POST"]),
    ]


async def _get(visit: Visit) -> Webhook:
    async with visit.console.database.read() as connection:
        return await get_webhook(connection, visit.caller, visit.request.path_params["webhook_id"])


def _show_secret(visit: Visit, webhook: Webhook, secret: str) -> Response:
    response = visit.show_dialog("webhooks/secret.html", webhook=webhook, secret=secret)
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
