"""E-mails over a real SMTP server: what a person gets, in their language, and what each refusal means."""

from pathlib import Path

import pytest
from starlette.applications import Starlette

from cebox.console.deliveries.jobs import deliver_announcements
from cebox.console.state import Console
from cebox.domain.announcement import DeliveryState
from cebox.domain.role import Role
from tests.integration.console.office import NEW, OLD, hire, migrate, open_account, open_client, sign_in
from tests.integration.console.outbox import look, tell, with_mail, write_password
from tests.servers.authority import make_server_tls
from tests.servers.smtp_server import SmtpServer

pytestmark = pytest.mark.anyio


async def test_each_person_gets_text_and_html_in_their_own_language(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")
    english = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, nord, email="reader@nord.example"))
    await english.patch("/api/v1/me", json={"language": "en"})
    await migrate(console, nord.id, NEW)
    with SmtpServer() as server:
        await deliver_announcements(with_mail(console, server))

    letters = {letter.recipients[0]: letter.message for letter in server.letters}
    assert letters["chef@nord.example"]["Subject"] == f"Votre compte est passé de {OLD} à {NEW}"
    assert letters["reader@nord.example"]["Subject"] == f"Your account moved from {OLD} to {NEW}"
    message = letters["chef@nord.example"]
    text, html = (part.get_content() for part in message.iter_parts())
    assert "1. mettre à jour le WRS" in text
    assert "<li>mettre à jour le WRS</li>" in html
    assert "https://console.example/announcements/ann_" in text
    assert message["From"] == "Wisper <news@vendor.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert server.connections == 1


async def test_an_email_put_off_comes_again_under_the_same_id(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")
    with SmtpServer(busy_first_n=1) as server:
        announcement_id = await tell(console, nord)
        sending = with_mail(console, server)
        await deliver_announcements(sending)
        deferred = (await look(console, announcement_id))["chef@nord.example"]
        assert (deferred.state, deferred.code) == (DeliveryState.RETRYING, "mail_refused")
        assert deferred.answer == "451 4.7.1 come back later"
        assert deferred.due_at is not None
        console.clock.advance(deferred.due_at - console.clock())  # type: ignore[attr-defined]
        await deliver_announcements(sending)

    assert (await look(console, announcement_id))["chef@nord.example"].state is DeliveryState.DELIVERED
    assert [letter.message["Message-ID"] for letter in server.letters] == [f"<{deferred.id}@vendor.example>"]


async def test_an_address_that_is_refused_for_good_fails_at_once_and_keeps_nobody_else_waiting(
    console: Console,
) -> None:
    nord = await open_account(console, "Nord")
    for email in ("gone@nord.example", "later@nord.example", "there@nord.example"):
        await hire(console, Role.ACCOUNT_VIEWER, nord, email=email)
    answers = {"gone@nord.example": "550 5.1.1 nobody here", "later@nord.example": "450 4.2.1 greylisted"}
    with SmtpServer(refused_recipients=answers) as server:
        announcement_id = await tell(console, nord)
        await deliver_announcements(with_mail(console, server))

    sent = await look(console, announcement_id)
    assert {address: (one.state, one.code) for address, one in sent.items()} == {
        "gone@nord.example": (DeliveryState.FAILED, "mail_recipient_refused"),
        "later@nord.example": (DeliveryState.RETRYING, "mail_recipient_deferred"),
        "there@nord.example": (DeliveryState.DELIVERED, ""),
    }
    assert server.connections == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_is_verified_and_signed_in_to(console: Console, tmp_path: Path, security: str) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")
    tls, authority = make_server_tls(tmp_path / "tls", "127.0.0.1")
    with SmtpServer(tls, from_start=security == "tls", users={"news": "pigeon"}) as server:
        announcement_id = await tell(console, nord)
        path = write_password(tmp_path)
        wanted = {"smtp_security": security, "smtp_user": "news", "smtp_password_file": path}
        await deliver_announcements(with_mail(console, server, **wanted))
        stranger = (await look(console, announcement_id))["chef@nord.example"]
        assert stranger.due_at is not None
        console.clock.advance(stranger.due_at - console.clock())  # type: ignore[attr-defined]
        await deliver_announcements(with_mail(console, server, **wanted, smtp_authorities=authority))

    assert (stranger.state, stranger.code) == (DeliveryState.RETRYING, "mail_server_untrusted")
    assert [(letter.is_encrypted, letter.user) for letter in server.letters] == [(True, "news")]


async def test_a_password_is_never_sent_where_others_can_read_it(console: Console, tmp_path: Path) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")
    announcement_id = await tell(console, nord)
    exposed = write_password(tmp_path, mode=0o644)
    with SmtpServer(users={"news": "pigeon"}) as server:
        for changes, code in (
            ({"smtp_security": "starttls"}, "mail_server_lacks"),
            ({"smtp_security": "none", "smtp_host": "mail.example"}, "smtp_needs_tls"),
            ({"smtp_password_file": exposed}, "smtp_password_exposed"),
            ({"smtp_password_file": tmp_path / "none"}, "smtp_password_missing"),
            ({"smtp_authorities": tmp_path / "none"}, "smtp_authorities_missing"),
        ):
            await deliver_announcements(with_mail(console, server, **{"smtp_user": "news", **changes}))
            one = (await look(console, announcement_id))["chef@nord.example"]
            assert (one.state, one.code) == (DeliveryState.RETRYING, code)
            assert "pigeon" not in one.answer
            assert one.due_at is not None
            console.clock.advance(one.due_at - console.clock())  # type: ignore[attr-defined]
        assert server.letters == []


async def test_a_mail_server_that_is_away_is_asked_once_not_once_per_person(console: Console) -> None:
    nord = await open_account(console, "Nord")
    for number in range(3):
        await hire(console, Role.ACCOUNT_VIEWER, nord, email=f"{number}@nord.example")
    with SmtpServer() as server:
        away = with_mail(console, server)
    announcement_id = await tell(console, nord)

    await deliver_announcements(away)

    sent = (await look(console, announcement_id)).values()
    assert sorted(one.state for one in sent) == ["retrying", "waiting", "waiting"]


async def test_the_link_in_an_email_ends_those_of_its_kind_and_no_others(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    reader = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, nord, email="reader@nord.example"))
    with SmtpServer() as server:
        sending = with_mail(console, server)
        await tell(console, nord)
        await deliver_announcements(sending)
        link = server.letters[0].message["List-Unsubscribe"].strip("<>")
        assert link.startswith("https://console.example/")
        async with open_client(app) as nobody:
            path = link.removeprefix("https://console.example")
            assert (await nobody.get(path)).status_code == 200
            assert (await reader.get("/api/v1/me/mail")).json() == {"muted": []}
            assert (await nobody.post(path, data={"List-Unsubscribe": "One-Click"})).status_code == 200
            assert (await nobody.post(f"{path}x")).status_code == 404
            assert (await nobody.get("/announcements/unsubscribe?token=usr_x.message.é")).status_code == 404
        await tell(console, nord, subject="message:2")
        await tell(console, nord, subject="release:x", kind="release")
        await deliver_announcements(sending)

    assert (await reader.get("/api/v1/me/mail")).json() == {"muted": ["message"]}
    assert [letter.message["Subject"] for letter in server.letters] == [
        "Message de l’éditeur",
        "La version 2026.12.1 est disponible",
    ]
