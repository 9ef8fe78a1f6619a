"""The notice before a restart by hand, in a real browser: set on the account's page, said by the restart's dialog."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.fleet import Fleet

_SAID = "prévenue 15 min avant et peut le reporter 2 fois, de 1 h chaque fois."


def _set(page: Page, fleet: Fleet, *, countdown: str, times: str, postponement: str) -> None:
    page.goto(f"{fleet.url}/account")
    page.get_by_role("button", name="Modifier le préavis").click()
    expect(page.locator("#dialog-title")).to_have_text("Préavis de redémarrage ou d’arrêt")
    for name, value in (("countdown", countdown), ("times", times), ("postponement", postponement)):
        page.locator(f"#dialog input[name={name}]").fill(value)
    page.locator("#dialog .btn-p").click()


def test_a_notice_is_corrected_saved_and_said_before_a_restart(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in()
    _set(page, fleet, countdown="15", times="2", postponement="2 h")
    expect(page.locator("#dialog [role=alert]")).to_contain_text("Cette durée de report ne peut pas être utilisée.")
    expect(page.locator("#dialog input[name=countdown]")).to_have_value("15")
    complaints.clear()
    page.locator("#dialog input[name=postponement]").fill("60")
    page.locator("#dialog .btn-p").click()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#account-page")).to_contain_text(_SAID)

    page.goto(f"{fleet.page_of('TT-0088')}/power?kind=reboot")
    expect(page.locator("main")).to_contain_text(_SAID)
    _set(page, fleet, countdown="5", times="3", postponement="30")
    expect(page.locator("#account-page")).to_contain_text("prévenue 5 min avant")
    assert complaints == []
