"""Webhooks: signed so that a receiver can tell, and led nowhere that only the console's own network reaches."""

import base64
import hashlib
import hmac
import ipaddress
import json
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette

from cebox.console.deliveries.jobs import deliver_announcements
from cebox.console.deliveries.records import Outcome
from cebox.console.state import Console
from cebox.console.webhooks.addresses import Reach, is_public
from cebox.console.webhooks.posting import post
from cebox.domain.announcement import DeliveryState
from cebox.domain.role import Role
from tests.integration.console.office import hire, open_account, sign_in
from tests.integration.console.outbox import OPEN_REACH, add_webhook, look, tell, with_settings
from tests.servers.authority import make_server_tls
from tests.servers.webhook_receiver import Received, WebhookReceiver

pytestmark = pytest.mark.anyio


def is_signed(received: Received, secret: str) -> bool:
    """As a receiver would check it, from the documentation alone."""
    signed = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode() + received.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return mac in received.headers["webhook-signature"].split(" ")


async def test_a_receiver_can_tell_that_it_is_the_console(console: Console) -> None:
    nord = await open_account(console, "Nord")
    with WebhookReceiver(statuses=[204]) as receiver:
        _, secret = await add_webhook(console, nord, receiver.url)
        sending = with_settings(
            console, has_private_webhooks=True, has_plain_webhooks=True, public_url="https://console.example/"
        )
        announcement_id = await tell(console, nord, kind="release")
        await deliver_announcements(sending)

    [received] = receiver.requests
    said = json.loads(received.body)
    assert is_signed(received, secret)
    assert not is_signed(received, "whsec_" + base64.b64encode(bytes(32)).decode())
    assert received.headers["webhook-id"] == (await look(console, announcement_id))["Ticketing"].id
    assert said["account"] == {"id": nord.id, "name": "Nord"}
    assert said["title"] == {
        "fr": "La version 2026.12.1 est disponible",
        "en": "Version 2026.12.1 is available",
    }
    assert said["address"] == f"https://console.example/announcements/{announcement_id}"


async def test_a_renewed_secret_and_the_one_before_are_both_valid_for_a_day(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    with WebhookReceiver() as receiver:
        webhook, first = await add_webhook(console, nord, receiver.url)
        sending = with_settings(console, has_private_webhooks=True, has_plain_webhooks=True)
        second = (await admin.post(f"/api/v1/webhooks/{webhook.id}/secret")).json()["secret"]
        await tell(console, nord)
        await deliver_announcements(sending)
        console.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
        await tell(console, nord, subject="message:2")
        await deliver_announcements(sending)

    both, one = receiver.requests
    assert (is_signed(both, first), is_signed(both, second)) == (True, True)
    assert (is_signed(one, first), is_signed(one, second)) == (False, True)
    assert second not in (await admin.get("/api/v1/webhooks")).text


async def test_a_webhook_is_its_accounts_and_its_administrators(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    operator = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, nord))
    stranger = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))
    body = {"name": "Ticketing", "url": "https://tickets.example/hook"}
    made = (await admin.post("/api/v1/webhooks", json=body)).json()

    assert (await operator.get("/api/v1/webhooks")).status_code == 403
    assert (await stranger.get("/api/v1/webhooks")).json()["items"] == []
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/secret"), ("POST", "/test"), ("GET", "/deliveries")):
        answer = await stranger.request(
            method, f"/api/v1/webhooks/{made['id']}{path}", json={} if method == "PATCH" else None
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_unknown"), path
    changed = await admin.patch(f"/api/v1/webhooks/{made['id']}", json={"is_active": False})
    assert (changed.json()["is_active"], changed.json()["url"]) == (False, body["url"])
    assert (await admin.delete(f"/api/v1/webhooks/{made['id']}")).status_code == 204
    journal = (await admin.get("/api/v1/journal")).text
    assert "webhook_removed" in journal
    assert made["secret"] not in journal
    assert "tickets.example" not in journal


async def test_a_webhook_that_is_off_or_gone_is_sent_nothing(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    off, _ = await add_webhook(console, nord, "https://off.example/", "Off")
    gone, _ = await add_webhook(console, nord, "https://gone.example/", "Gone")
    announcement_id = await tell(console, nord)
    await admin.patch(f"/api/v1/webhooks/{off.id}", json={"is_active": False})
    await admin.delete(f"/api/v1/webhooks/{gone.id}")

    await deliver_announcements(console)

    sent = await look(console, announcement_id)
    assert {name: (sent[name].state, sent[name].code) for name in ("Off", "Gone")} == {
        "Off": (DeliveryState.CANCELLED, "webhook_off"),
        "Gone": (DeliveryState.CANCELLED, "recipient_gone"),
    }


async def test_trying_a_webhook_says_at_once_what_the_receiver_answered(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    refused, _ = await add_webhook(console, nord, "http://127.0.0.1:9/hook")

    answer = await admin.post(f"/api/v1/webhooks/{refused.id}/test")

    assert answer.status_code == 200
    assert answer.json()["is_accepted"] is False
    assert answer.json()["code"] == "webhook_needs_https"


FORBIDDEN_URLS = {
    "this_machine": ("https://127.0.0.1/", "webhook_address_private"),
    "this_machine_by_name": ("https://localhost/", "webhook_address_private"),
    "this_machine_as_number": ("https://2130706433/", "webhook_address_private"),
    "this_machine_in_ipv6": ("https://[::1]/", "webhook_address_private"),
    "mapped": ("https://[::ffff:127.0.0.1]/", "webhook_address_private"),
    "office": ("https://192.168.1.10/", "webhook_address_private"),
    "metadata_service": ("https://169.254.169.254/latest/", "webhook_address_private"),
    "anywhere": ("https://0.0.0.0/", "webhook_address_private"),
    "in_the_clear": ("http://receiver.example/", "webhook_needs_https"),
    "other_scheme": ("file:///etc/passwd", "webhook_url_malformed"),
    "with_password": ("https://user:pass@receiver.example/", "webhook_url_malformed"),
    "with_line_break": ("https://receiver.example/\r\nHost: x", "webhook_url_malformed"),
    "without_host": ("https:///hook", "webhook_url_malformed"),
    "bad_port": ("https://receiver.example:99999/", "webhook_url_malformed"),
}


@pytest.mark.parametrize(("url", "code"), FORBIDDEN_URLS.values(), ids=FORBIDDEN_URLS.keys())
async def test_a_webhook_does_not_lead_inside(url: str, code: str) -> None:
    outcome = await post(url, b"{}", {}, Reach())

    assert (outcome.is_accepted, outcome.is_final, outcome.code) == (False, True, code)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("::", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_an_address_is_public_or_not(address: str, expected: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is expected


async def test_a_redirect_is_not_followed() -> None:
    with WebhookReceiver() as inside, WebhookReceiver(statuses=[307], location=inside.url) as receiver:
        outcome = await post(receiver.url, b"{}", {}, OPEN_REACH)

    assert (outcome.code, outcome.is_final, inside.requests) == ("webhook_redirects", False, [])


async def test_an_answer_without_end_is_cut_short() -> None:
    with WebhookReceiver(statuses=[500], endless=True, says=b"x" * 5000) as receiver:
        outcome = await post(receiver.url, b"{}", {}, OPEN_REACH)

    assert outcome.code == "webhook_refused"
    assert len(outcome.answer) < 400


async def test_a_receiver_that_is_gone_for_good_is_not_asked_again() -> None:
    with WebhookReceiver(statuses=[410]) as receiver:
        outcome = await post(receiver.url, b"{}", {}, OPEN_REACH)

    assert (outcome.is_final, outcome.answer) == (True, "410 taken")


async def test_a_receiver_is_verified_by_its_name(tmp_path: Path) -> None:
    tls, _ = make_server_tls(tmp_path)
    with WebhookReceiver(tls=tls) as receiver:
        outcome = await post(receiver.url, b"{}", {}, Reach(has_private=True))

    assert outcome == Outcome(False, code="webhook_untrusted", answer=outcome.answer)
    assert receiver.requests == []
