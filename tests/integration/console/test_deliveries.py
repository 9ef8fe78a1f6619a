"""The outbox: nothing is lost, nothing is sent by two at once, what fails is tried again a bounded number of times."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.announcements.service import announce
from cebox.console.deliveries.jobs import deliver_announcements
from cebox.console.deliveries.service import LEASE, take_due
from cebox.console.state import Console
from cebox.domain.announcement import RETRY_WAITS, Channel, DeliveryState
from cebox.domain.role import Role
from tests.integration.console.office import hire, open_account, sign_in
from tests.integration.console.outbox import add_webhook, look, tell, with_mail, with_settings
from tests.servers.smtp_server import SmtpServer
from tests.servers.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.anyio


async def test_an_announcement_is_in_the_outbox_or_was_never_made(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")

    async def announce_and_fail() -> None:
        async with console.database.write() as unit:
            await announce(unit, "message", "message:1", {}, [nord.id], at=console.clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await announce_and_fail()
    announcement_id = await tell(console, nord)

    assert {one.state for one in (await look(console, announcement_id)).values()} == {DeliveryState.WAITING}


async def test_only_the_people_and_programs_of_the_accounts_told_are_sent_something(console: Console) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    for account in (nord, sud):
        await hire(console, Role.ACCOUNT_VIEWER, account)
        await add_webhook(console, account, "https://receiver.example/hook", f"Of {account.name}")
    await hire(console, Role.VENDOR_OPERATOR)

    sent = await look(console, await tell(console, nord))

    assert sorted(sent) == ["Of Nord", "account-viewer@nord.example"]
    assert {one.account_id for one in sent.values()} == {nord.id}


async def test_a_console_without_a_mail_server_says_so_and_sends_nothing_later(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")
    announcement_id = await tell(console, nord)

    await deliver_announcements(console)

    mail = (await look(console, announcement_id))["chef@nord.example"]
    assert (mail.state, mail.code, mail.due_at) == (DeliveryState.CANCELLED, "email_not_set_up", None)


async def test_tries_come_later_and_later_and_end_visibly(console: Console) -> None:
    nord = await open_account(console, "Nord")
    with WebhookReceiver(statuses=[503], says=b"try\x1b[2J later\n") as receiver:
        await add_webhook(console, nord, receiver.url)
        open_console = with_settings(console, has_private_webhooks=True, has_plain_webhooks=True)
        announcement_id = await tell(console, nord)
        for number, wait in enumerate(RETRY_WAITS, start=1):
            await deliver_announcements(open_console)
            one = (await look(console, announcement_id))["Ticketing"]
            assert (one.state, one.attempts) == (DeliveryState.RETRYING, number)
            assert one.due_at == console.clock() + wait
            console.clock.advance(wait - timedelta(seconds=1))  # type: ignore[attr-defined]
            await deliver_announcements(open_console)
            assert len(receiver.requests) == number
            console.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
        await deliver_announcements(open_console)

    last = (await look(console, announcement_id))["Ticketing"]
    assert (last.state, last.code, last.due_at) == (DeliveryState.FAILED, "webhook_refused", None)
    assert last.answer == "503 try [2J later"
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_two_consoles_on_one_database_send_each_delivery_once(console: Console) -> None:
    nord = await open_account(console, "Nord")
    for number in range(6):
        await hire(console, Role.ACCOUNT_VIEWER, nord, email=f"{number}@nord.example")
    with SmtpServer() as server, WebhookReceiver() as receiver:
        for number in range(6):
            await add_webhook(console, nord, receiver.url, f"Program {number}")
        sending = with_mail(console, server, has_private_webhooks=True, has_plain_webhooks=True)
        await tell(console, nord)
        await asyncio.gather(*(deliver_announcements(sending) for _ in range(2)))

    assert sorted(letter.recipients[0] for letter in server.letters) == [
        f"{number}@nord.example" for number in range(6)
    ]
    assert len(receiver.requests) == len({request.headers["webhook-id"] for request in receiver.requests}) == 6


async def test_what_a_dead_console_had_taken_is_sent_by_another_after_its_lease(console: Console) -> None:
    nord = await open_account(console, "Nord")
    with WebhookReceiver() as receiver:
        await add_webhook(console, nord, receiver.url)
        sending = with_settings(console, has_private_webhooks=True, has_plain_webhooks=True)
        announcement_id = await tell(console, nord)
        async with console.database.write() as unit:
            assert await take_due(unit, Channel.WEBHOOK, "snd_dead", now=console.clock())
        await deliver_announcements(sending)
        assert receiver.requests == []
        console.clock.advance(LEASE)  # type: ignore[attr-defined]
        await deliver_announcements(sending)

    one = (await look(console, announcement_id))["Ticketing"]
    assert (one.state, one.attempts, len(receiver.requests)) == (DeliveryState.DELIVERED, 2, 1)


async def test_a_console_that_stops_in_the_middle_writes_down_what_left_the_house(console: Console) -> None:
    nord = await open_account(console, "Nord")
    with WebhookReceiver(hold=True) as receiver:
        await add_webhook(console, nord, receiver.url)
        sending = with_settings(console, has_private_webhooks=True, has_plain_webhooks=True)
        announcement_id = await tell(console, nord)
        job = asyncio.create_task(deliver_announcements(sending))
        assert await asyncio.to_thread(receiver.held.wait, 20)
        job.cancel()
        await asyncio.sleep(0)
        receiver.let_go()
        with pytest.raises(asyncio.CancelledError):
            await job

    assert (await look(console, announcement_id))["Ticketing"].state is DeliveryState.DELIVERED


async def test_who_left_the_account_meanwhile_is_sent_nothing(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    gone = await hire(console, Role.ACCOUNT_VIEWER, nord, email="gone@nord.example")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example"))
    announcement_id = await tell(console, nord)
    assert (await admin.patch(f"/api/v1/users/{gone.id}", json={"is_active": False})).is_success
    with SmtpServer() as server:
        await deliver_announcements(with_mail(console, server))

    sent = await look(console, announcement_id)
    assert [letter.recipients for letter in server.letters] == [("chef@nord.example",)]
    assert (sent["gone@nord.example"].state, sent["gone@nord.example"].code) == (
        DeliveryState.CANCELLED,
        "recipient_gone",
    )


@pytest.fixture
async def two_admins(console: Console, app: Starlette) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    return (
        await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord)),
        await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud)),
    )


async def test_an_account_sees_and_sends_again_its_own_deliveries_only(
    console: Console, app: Starlette, two_admins: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    nord, sud = two_admins
    accounts = [(await client.get("/api/v1/accounts")).json()["items"][0]["id"] for client in two_admins]
    async with console.database.write() as unit:
        await announce(unit, "message", "message:1", {}, accounts, at=console.clock())
    await deliver_announcements(console)
    [told] = (await nord.get("/api/v1/announcements")).json()["items"]
    [own] = (await nord.get(f"/api/v1/announcements/{told['id']}/deliveries")).json()["items"]
    assert (own["address"], own["state"]) == ("account-admin@nord.example", "cancelled")

    foreign = await sud.post(f"/api/v1/deliveries/{own['id']}/resend")
    again = await nord.post(f"/api/v1/deliveries/{own['id']}/resend")
    twice = await nord.post(f"/api/v1/deliveries/{own['id']}/resend")

    assert (foreign.status_code, foreign.json()["code"]) == (404, "delivery_unknown")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "waiting", 0)
    assert (twice.status_code, twice.json()["code"]) == (409, "delivery_event_refused")
