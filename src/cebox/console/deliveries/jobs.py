"""Empties the outbox: each delivery is taken, sent, and its outcome written down, by several workers at once.

A slow webhook holds up one worker of a few, and the mail server none of them.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import structlog

from cebox.console.deliveries.mail_server import MailSession, describe_misconfiguration, load_mail_server
from cebox.console.deliveries.records import Delivery, Outcome
from cebox.console.deliveries.sending import prepare_mail, send_to_webhook
from cebox.console.deliveries.service import has_due, record_outcome, take_due
from cebox.console.state import Console
from cebox.domain.announcement import Channel
from cebox.errors import CeboxError

WEBHOOK_WORKERS = 4
# A console that stops gives what is under way this long to be written down; the rest is sent again after its lease.
_FAREWELL_SECONDS = 1.5
_log = structlog.get_logger("cebox.console.deliveries")
Send = Callable[[Delivery], Awaitable[Outcome]]


async def deliver_announcements(console: Console) -> None:
    """Until nothing is due. Safe beside other consoles that do the same."""
    async with console.database.read() as connection:
        if not await has_due(connection, console.clock()):
            return
    holder = f"snd_{secrets.token_hex(8)}"

    async def post(delivery: Delivery) -> Outcome:
        return await send_to_webhook(console, delivery)

    async with asyncio.TaskGroup() as workers:
        workers.create_task(_deliver_mails(console, holder))
        for _ in range(WEBHOOK_WORKERS):
            workers.create_task(_empty(console, Channel.WEBHOOK, holder, post))


async def _deliver_mails(console: Console, holder: str) -> None:
    try:
        server = load_mail_server(console.settings)
    except CeboxError as error:
        refused = describe_misconfiguration(error)

        async def defer(_delivery: Delivery) -> Outcome:
            return refused

        await _empty(console, Channel.EMAIL, holder, defer)
        return
    session = MailSession(server) if server else None

    async def send(delivery: Delivery) -> Outcome:
        if session is None:
            return Outcome(False, is_cancelled=True, code="email_not_set_up")
        message = await prepare_mail(console, delivery)
        return message if isinstance(message, Outcome) else await asyncio.to_thread(session.send, message)

    try:
        await _empty(console, Channel.EMAIL, holder, send)
    finally:
        if session is not None:
            await asyncio.to_thread(session.close)


async def _empty(console: Console, channel: Channel, holder: str, send: Send) -> None:
    while True:
        async with console.database.write() as unit:
            taken = await take_due(unit, channel, holder, now=console.clock())
        if taken is None:
            return
        outcome = await _finish(asyncio.create_task(_send_one(console, taken, holder, send)))
        if outcome.is_for_all:
            return


async def _send_one(console: Console, taken: Delivery, holder: str, send: Send) -> Outcome:
    try:
        outcome = await send(taken)
    except CeboxError as error:
        outcome = Outcome(False, code=error.code)
    except Exception:
        # One that cannot be made must not keep the others waiting, nor come again without end.
        _log.exception("delivery_crashed", delivery=taken.id)
        outcome = Outcome(False, code="delivery_crashed")
    async with console.database.write() as unit:
        await record_outcome(unit, taken, holder, outcome, now=console.clock())
    if outcome.code:
        _log.info("delivery_not_accepted", delivery=taken.id, channel=taken.channel, code=outcome.code)
    return outcome


async def _finish(task: asyncio.Task[Outcome]) -> Outcome:
    """What left the house is written down, also when the console is told to stop just then."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_FAREWELL_SECONDS)
        task.cancel()
        raise
