"""Signing in with what a browser has: a passkey of a virtual authenticator, and everything on the way to it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.conftest import Judge, SignIn
from tests.browser.fleet import Fleet
from tests.integration.console.office import PASSWORD

_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
_FIRST_PAGE = re.compile(r":\d+/$")


def _local(fleet: Fleet) -> str:
    """A passkey belongs to a host with a name; an address of four numbers has none."""
    return fleet.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="fr-FR", timezone_id="Europe/Paris", viewport={"width": 390, "height": 780})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def authenticator(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
    return session


def _enter(page: Page, fleet: Fleet, email: str) -> None:
    page.goto(f"{_local(fleet)}/sign-in")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button.btn-p").click()


def _leave(page: Page, fleet: Fleet) -> None:
    page.context.clear_cookies()
    page.goto(f"{_local(fleet)}/sign-in")


def test_a_passkey_is_set_up_opens_the_console_stands_in_for_a_code_and_is_removed(
    page: Page, authenticator: CDPSession, fleet: Fleet, judge: Judge
) -> None:
    _enter(page, fleet, "vendor-support@example.org")
    page.wait_for_url(_FIRST_PAGE)
    page.goto(f"{_local(fleet)}/security")
    page.get_by_role("button", name="En ajouter une…").click()
    page.locator("#dialog input[name=name]").fill("Portable")
    page.locator("#dialog .btn-p").click()
    expect(page.locator("#own-access")).to_contain_text("Portable")
    assert judge(page) == []

    _leave(page, fleet)
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    page.wait_for_url(_FIRST_PAGE)

    _leave(page, fleet)
    _enter(page, fleet, "vendor-support@example.org")
    page.wait_for_url(re.compile("/sign-in/second"))
    assert judge(page) == []
    page.get_by_role("button", name="Utiliser une clé d’accès").click()
    page.wait_for_url(_FIRST_PAGE)

    page.goto(f"{_local(fleet)}/prove?next=/security")
    assert judge(page) == []
    page.get_by_role("button", name="Utiliser une clé d’accès").click()
    page.wait_for_url(re.compile("/security"))
    page.get_by_role("button", name="Retirer Portable").click()
    expect(page.locator("#own-access")).not_to_contain_text("Portable")

    _leave(page, fleet)
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.locator("[data-passkey-trouble]")).to_be_visible()
    expect(page.locator("[data-passkey-trouble]")).to_contain_text("Aucune clé d’accès")


def test_an_invited_person_comes_in_by_the_link(sign_in: SignIn, fleet: Fleet, page: Page, judge: Judge) -> None:
    admin = sign_in()
    admin.goto(f"{fleet.url}/users")
    admin.get_by_role("button", name="Inviter…").click()
    admin.locator("#dialog input[name=email]").fill("invitee@example.org")
    admin.locator("#dialog .btn-p").click()
    link = admin.locator("#link-address").inner_text()
    faults = judge(admin)
    page.goto(link)
    faults += judge(page)
    page.locator("input[name=name]").fill("Somebody New")
    page.locator("input[name=password]").fill("battery staple horse")
    page.locator("button.btn-p").click()
    page.wait_for_url(_FIRST_PAGE)
    page.goto(link)
    expect(page.locator(".box.bad")).to_contain_text("Ce lien a servi")
    admin.goto(f"{fleet.url}/users")
    expect(admin.locator("#user-list")).to_contain_text("Somebody New")
    admin.get_by_role("link", name="Somebody New").click()
    expect(admin.locator("#user")).to_contain_text("Mot de passe")
    faults += judge(admin)
    assert faults == []
