"""A page that keeps itself up to date: in a second, losing nothing of what the reader does, honest when it cannot."""

import re

import pytest
from playwright.sync_api import Page, expect

from cebox.protocol.device import BoxPhase
from tests.browser import story
from tests.browser.conftest import SignIn
from tests.browser.fleet import Fleet
from tests.integration.console.office import NEW, OLD

_SOON_MILLISECONDS = 1000
_STREAM = re.compile(r"/events")


@pytest.fixture(scope="module", autouse=True)
def busy_fleet(fleet: Fleet) -> Fleet:
    story.tell(fleet)
    return fleet


def _wait_until_live(page: Page) -> None:
    expect(page.locator("#stream [data-when=live]")).to_be_visible()


def test_a_change_of_a_box_is_on_screen_within_a_second(sign_in: SignIn, fleet: Fleet, complaints: list[str]) -> None:
    page = sign_in()
    page.goto(fleet.page_of("LYO-BE-0117"))
    _wait_until_live(page)
    box = fleet.box("LYO-BE-0117")
    # The wait begins once the console has answered the box, which is when the change is made.
    box.say(phase=BoxPhase.STAGED, staged=str(NEW))
    expect(page.locator(".slot.next")).to_contain_text(str(NEW), timeout=_SOON_MILLISECONDS)
    box.say(phase=BoxPhase.IDLE, staged=None)
    expect(page.locator(".slot.next")).to_have_count(0, timeout=_SOON_MILLISECONDS)
    assert complaints == []


def test_a_refresh_loses_neither_scroll_nor_selection_nor_what_is_typed_nor_an_open_menu(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in(height=500)
    _wait_until_live(page)
    page.get_by_label("Sélectionner LYO-BE-0142").check()
    page.locator("#columns summary").click()
    # Typed, and not yet sent: the list waits a moment for the rest.
    page.locator("#search").evaluate("field => { field.focus(); field.value = 'LY' }")
    page.evaluate("scrollTo(0, 300)")
    box = fleet.box("LYO-BE-0117")
    box.say(phase=BoxPhase.STAGED, staged=str(NEW))
    expect(page.locator("tr", has_text="LYO-BE-0117")).to_contain_text("Prête, à redémarrer")
    expect(page.get_by_label("Sélectionner LYO-BE-0142")).to_be_checked()
    expect(page.locator("#selection [data-count]")).to_have_text("1 sélectionné")
    expect(page.locator("#search")).to_have_value("LY")
    expect(page.locator("#search")).to_be_focused()
    expect(page.locator("#columns")).to_have_attribute("open", "")
    assert page.evaluate("scrollY") == 300
    box.say(phase=BoxPhase.IDLE, staged=None)
    assert complaints == []


def test_a_broken_stream_is_said_and_comes_back(sign_in: SignIn, fleet: Fleet, complaints: list[str]) -> None:
    page = sign_in()
    page.route(_STREAM, lambda route: route.abort())
    page.goto(fleet.page_of("LYO-BE-0117"))
    expect(page.locator("#stream [data-when=lost]")).to_be_visible()
    expect(page.locator("#stream").get_by_text("Données de")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Réessayer")).to_be_visible()
    fleet.box("LYO-BE-0117").say(running=str(NEW), previous=str(OLD))
    page.unroute(_STREAM)
    page.get_by_role("button", name="Réessayer").click()
    _wait_until_live(page)
    complaints[:] = [said for said in complaints if "ERR_FAILED" not in said]
    assert complaints == []


def test_a_request_that_fails_is_said_and_can_be_made_again(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in()
    page.route(re.compile(r"/devices\?.*search="), lambda route: route.abort())
    page.locator("#search").fill("LYO-SAL")
    trouble = page.locator("#toasts .box.bad")
    expect(trouble).to_contain_text("La console n’a pas répondu.")
    expect(page.locator("#search")).to_have_value("LYO-SAL")
    page.unroute_all()
    trouble.get_by_role("button", name="Réessayer").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    complaints[:] = [said for said in complaints if "ERR_FAILED" not in said and "htmx:" not in said]
    assert complaints == []


def test_a_selection_of_all_that_match_travels_as_the_filter(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    for number in range(30):
        fleet.enrol(f"LIL-ZZZ-{number:04}", "lille")
    page = sign_in("account-operator@example.org")
    page.goto(f"{fleet.url}/devices?search=LIL-")
    page.locator("#pick-all").check()
    page.get_by_role("button", name="Sélectionner les 55 de la vue").click()
    expect(page.locator("#selection [data-count]")).to_have_text("55 sélectionnés")
    page.locator("#next").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.get_by_label("Sélectionner LIL-ZZZ-0029").uncheck()
    expect(page.locator("#selection [data-count]")).to_have_text("54 sélectionnés")
    page.get_by_text("Envoyer une commande").click()
    page.locator("#selection .item", has_text="Redémarrer").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("54 périphériques")
    expect(dialog.locator("input[name=device]")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Tout désélectionner").click()
    expect(page.locator("#selection")).to_be_hidden()
    assert complaints == []
