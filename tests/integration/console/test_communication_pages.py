"""The pages of communications: for whom they open, what they say, and what a form does."""

import re

import pytest
from starlette.applications import Starlette

from cebox.console.deliveries.jobs import deliver_announcements
from cebox.console.state import Console
from cebox.domain.role import VENDOR_ROLES, Role
from tests.integration.console.office import NEW, OLD, hire, migrate, open_account
from tests.integration.console.outbox import add_webhook, look, tell, with_mail
from tests.integration.console.test_pages import browse
from tests.servers.smtp_server import SmtpServer

pytestmark = pytest.mark.anyio

# Nothing on them changes while they are looked at.
_WHOLE = {
    "/announcements/new",
    "/announcements/new?kind=infrastructure",
    "/announcements/wordings",
    "/announcements/wordings/migration",
}
_MESSAGE = {
    "kind": "message",
    "once": "abcdefgh1234",
    "title_fr": "Fermeture du support",
    "text_fr": "Le support est **fermé** lundi.",
    "title_en": "Support is closed",
    "text_en": "Support is **closed** on Monday.",
    "whom": "all",
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_page_of_communications_opens_for_whom_it_is(
    console: Console, app: Starlette, role: Role, language: str
) -> None:
    nord = await open_account(console, "Nord")
    await migrate(console, nord.id, NEW)
    webhook, _ = await add_webhook(console, nord, "https://127.0.0.1/hook")
    for kind in ("release", "withdrawal", "infrastructure", "message"):
        announcement_id = await tell(console, nord, subject=f"{kind}:x", kind=kind)
    await deliver_announcements(console)
    user = await hire(console, role, None if role in VENDOR_ROLES else nord)
    is_vendor, may_administer = role in VENDOR_ROLES, role in (Role.VENDOR_OPERATOR, Role.ACCOUNT_ADMIN)
    is_operator = role is Role.VENDOR_OPERATOR
    pages = {
        "/announcements": True,
        "/announcements?kind=versions": True,
        f"/announcements/{announcement_id}?language=en": True,
        "/announcements/preferences": True,
        f"/announcements/{announcement_id}/deliveries": is_vendor or may_administer,
        f"/announcements/{announcement_id}/deliveries?state=unfinished&all=1": is_vendor or may_administer,
        "/announcements/webhooks": is_vendor or may_administer,
        f"/announcements/webhooks/{webhook.id}": is_vendor or may_administer,
        "/announcements/webhooks/new": may_administer,
        f"/announcements/webhooks/{webhook.id}/change": may_administer,
        f"/announcements/webhooks/{webhook.id}/secret": may_administer,
        f"/announcements/webhooks/{webhook.id}/remove": may_administer,
        "/announcements/sent": is_vendor,
        f"/announcements/sent/{announcement_id}": is_vendor,
        "/announcements/new": is_operator,
        "/announcements/new?kind=infrastructure": is_operator,
        "/announcements/wordings": is_operator,
        "/announcements/wordings/migration": is_operator,
        "/announcements/wordings/migration/reset": is_operator,
    }
    async with browse(app, user) as client:
        await client.post("/preferences", data={"language": language, "back": "/devices"})
        for path, is_open in pages.items():
            answer = await client.get(path)
            assert answer.status_code == (200 if is_open else 403), path
            assert f'<html lang="{language}"' in answer.text, path
            if path not in _WHOLE:
                part = await client.get(path, headers={"hx-request": "true"})
                assert "<html" not in part.text, path


async def test_an_opened_communication_is_read_by_who_opened_it(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    announcement_id = await tell(console, nord)
    user = await hire(console, Role.ACCOUNT_OPERATOR, nord)
    async with browse(app, user) as client:
        opened = await client.get(f"/announcements/{announcement_id}")
        assert f'hx-post="/announcements/{announcement_id}/read"' in opened.text
        read = await client.post(f"/announcements/{announcement_id}/read", headers={"hx-request": "true"})
        again = await client.get(f"/announcements/{announcement_id}")
    async with browse(app, await hire(console, Role.VENDOR_SUPPORT)) as vendor:
        recipients = await vendor.get(f"/announcements/sent/{announcement_id}")
    async with browse(app, await hire(console, Role.ACCOUNT_ADMIN, sud)) as stranger:
        foreign = await stranger.get(f"/announcements/{announcement_id}")

    assert (read.status_code, foreign.status_code) == (204, 404)
    assert f'hx-post="/announcements/{announcement_id}/read"' not in again.text
    assert "account-operator, " in recipients.text


async def test_what_was_previewed_is_what_is_sent_and_sent_once(console: Console, app: Starlette) -> None:
    await open_account(console, "Nord")
    sud = await open_account(console, "Sud")
    await hire(console, Role.ACCOUNT_VIEWER, sud, email="reader@sud.example")
    chosen = {**_MESSAGE, "whom": "some", "accounts": sud.id}
    async with browse(app, await hire(console, Role.VENDOR_OPERATOR)) as vendor:
        preview = await vendor.post("/announcements/new/preview", data=chosen, headers={"hx-request": "true"})
        carried = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', preview.text))
        answers = [
            await vendor.post("/announcements/new", data=carried, headers={"hx-request": "true"}) for _ in range(2)
        ]
        sent = await vendor.get("/announcements/sent")
    with SmtpServer() as server:
        await deliver_announcements(with_mail(console, server))

    assert "<strong>fermé</strong>" in preview.text
    assert "Envoyer à 1 compte" in preview.text
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[0].headers["hx-redirect"] == answers[1].headers["hx-redirect"]
    assert sent.text.count("Fermeture du support") == 1
    assert [letter.message["Subject"] for letter in server.letters] == ["Fermeture du support"]


WRONG_MESSAGES = {
    "no_title": ({"title_en": ""}, "Un titre manque"),
    "no_account": ({"whom": "some"}, "Aucun compte"),
    "placeholder": ({"text_fr": "Bonjour\n{nom}"}, "<code>{nom}</code> En français, ligne 2 du texte. Ce type n’a pas"),
    "no_date": ({"kind": "infrastructure"}, "une date et une heure"),
    "written_by_events": ({"kind": "release"}, "s’annonce"),
    "unknown_kind": ({"kind": "spam"}, "formulaire"),
    "another_zone": ({"kind": "infrastructure", "starts_at": "2026-12-15T22:00", "zone": "Mars/Olympus"}, "fuseau"),
}


@pytest.mark.parametrize(("changes", "words"), WRONG_MESSAGES.values(), ids=WRONG_MESSAGES.keys())
async def test_a_message_that_cannot_be_sent_is_refused_with_its_reason(
    console: Console, app: Starlette, changes: dict[str, str], words: str
) -> None:
    await open_account(console, "Nord")
    async with browse(app, await hire(console, Role.VENDOR_OPERATOR)) as vendor:
        answer = await vendor.post(
            "/announcements/new/preview", data=_MESSAGE | changes, headers={"hx-request": "true"}
        )

    assert answer.status_code == 422
    assert words in answer.text


async def test_a_wording_of_the_vendors_holds_from_then_on_and_can_be_put_back(
    console: Console, app: Starlette
) -> None:
    nord = await open_account(console, "Nord")
    form = {
        "title_fr": "{to} !",
        "text_fr": "<script>alert(1)</script> **{from}** {{brut}}",
        "title_en": "{to}!",
        "text_en": "**{from}**",
    }
    async with browse(app, await hire(console, Role.VENDOR_OPERATOR)) as vendor:
        preview = await vendor.post(
            "/announcements/wordings/migration/preview", data=form, headers={"hx-request": "true"}
        )
        saved = await vendor.post("/announcements/wordings/migration", data=form, headers={"hx-request": "true"})
        await migrate(console, nord.id, NEW)
        reset = await vendor.post("/announcements/wordings/migration/reset", headers={"hx-request": "true"})
        mailbox = await vendor.get("/announcements?kind=migrations")

    assert (saved.status_code, reset.status_code) == (204, 204)
    assert "<script>alert" not in preview.text
    assert "{brut}" in preview.text
    assert f"{NEW} !" in mailbox.text
    assert f"<strong>{OLD}</strong>" in mailbox.text


async def test_a_webhooks_secret_is_shown_once_and_a_private_address_is_found_at_the_test(
    console: Console, app: Starlette
) -> None:
    nord = await open_account(console, "Nord")
    form = {"name": "Ticketing", "url": "https://127.0.0.1/hook"}
    async with browse(app, await hire(console, Role.ACCOUNT_ADMIN, nord)) as client:
        made = await client.post("/announcements/webhooks/new", data=form, headers={"hx-request": "true"})
        listed = await client.get("/announcements/webhooks")
        [webhook_id] = set(re.findall(r"whk_\w+", listed.text))
        tried = await client.post(f"/announcements/webhooks/{webhook_id}/test", headers={"hx-request": "true"})
        removed = await client.post(f"/announcements/webhooks/{webhook_id}/remove", headers={"hx-request": "true"})

    assert "whsec_" in made.text
    assert "whsec_" not in listed.text.replace("whsec_ ", "")
    assert "Cette adresse mène dans un réseau privé." in tried.text
    assert removed.status_code == 204


async def test_preferences_choose_what_comes_by_email_and_in_which_language(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    user = await hire(console, Role.ACCOUNT_VIEWER, nord, email="reader@nord.example")
    async with browse(app, user) as client:
        answer = await client.post("/announcements/preferences", data={"kind": "migration", "language": "en"})
        shown = await client.get("/announcements/preferences")
    await tell(console, nord)
    await migrate(console, nord.id, NEW)
    with SmtpServer() as server:
        await deliver_announcements(with_mail(console, server))

    assert answer.status_code == 303
    assert len(re.findall(r'name="kind" value="\w+" checked', shown.text)) == 1
    assert [letter.message["Subject"] for letter in server.letters] == [f"Your account moved from {OLD} to {NEW}"]


async def test_what_failed_is_sent_again_with_one_button(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    await hire(console, Role.ACCOUNT_VIEWER, nord, email="reader@nord.example")
    announcement_id = await tell(console, nord)
    await deliver_announcements(console)
    async with browse(app, await hire(console, Role.ACCOUNT_ADMIN, nord)) as client:
        page = await client.get(f"/announcements/{announcement_id}/deliveries")
        again = await client.post(f"/announcements/{announcement_id}/deliveries", headers={"hx-request": "true"})

    assert "Cette console n’envoie pas d’e-mail." in page.text
    assert again.status_code == 204
    assert {one.state for one in (await look(console, announcement_id)).values()} == {"waiting"}
