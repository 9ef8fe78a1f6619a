"""No page has a serious fault for who reads it otherwise: every page and dialog, both languages, themes and widths."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import story
from tests.browser.conftest import Judge, SignIn
from tests.browser.fleet import Fleet
from tests.integration.console.office import NEW

_PATHS = (
    "",
    "devices",
    "devices?version=behind&columns=site.state.serial.agent",
    "devices?search=nothing",
    "procedure",
    "campaigns",
    "account",
    "sites",
    "releases",
    f"releases/{NEW}",
    "announcements",
    "announcements/webhooks",
    "keys",
    "journal",
    "journal?subject=nothing",
    "users",
    "security",
)
_DIALOGS = (
    "keys/new",
    "sites/new",
    "users/new",
    "users/invite",
    "security/codes",
    "security/password",
    "security/tokens/new",
    "security/passkeys/new",
    "announcements/preferences",
    "announcements/webhooks/new",
    "procedure/test",
    "procedure/approval",
    "devices/views/new?query=kind%3Dwrs",
)
_WINDOWS = {
    "desktop light": {"width": 1440, "height": 900, "scheme": "light"},
    "desktop dark": {"width": 1440, "height": 900, "scheme": "dark"},
    "phone light": {"width": 360, "height": 780, "scheme": "light"},
    "phone dark": {"width": 360, "height": 780, "scheme": "dark"},
}


@pytest.fixture(scope="module", autouse=True)
def busy_fleet(fleet: Fleet) -> Fleet:
    """A page is judged with everything on it that it can show."""
    story.tell(fleet)
    return fleet


def _speak(page: Page, language: str) -> None:
    """A reader's language is kept with the reader: another test may have left the other one."""
    if page.locator("html").get_attribute("lang") != language:
        page.locator("header button[name=language]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("window", "language"),
    [*((window, "fr") for window in _WINDOWS), ("desktop dark", "en"), ("phone light", "en")],
)
def test_no_page_has_a_serious_fault(
    sign_in: SignIn, fleet: Fleet, judge: Judge, complaints: list[str], window: str, language: str
) -> None:
    page = sign_in(**_WINDOWS[window])
    _speak(page, language)
    faults = []
    for path in (*_PATHS, *_DIALOGS):
        page.goto(f"{fleet.url}/{path}")
        faults += judge(page)
        spare = page.evaluate("document.documentElement.clientWidth - document.documentElement.scrollWidth")
        assert spare >= 0, f"{path} scrolls sideways"
    for name in ("LYO-WRS-01", "LIL-ACC-0212"):
        page.goto(fleet.page_of(name))
        faults += judge(page)
    assert faults == []
    assert complaints == []


@pytest.mark.parametrize("window", ["desktop light", "phone dark"])
def test_what_opens_over_a_page_has_no_serious_fault(
    sign_in: SignIn, fleet: Fleet, judge: Judge, complaints: list[str], window: str
) -> None:
    page = sign_in(**_WINDOWS[window])
    _speak(page, "fr")
    faults = []
    page.goto(fleet.page_of("LYO-BE-0142"))
    page.get_by_text("Actions périphérique").click()
    faults += judge(page)
    page.locator(".acts .item", has_text="Mettre à jour Wisper Linux").click()
    expect(page.locator("#dialog #primary")).to_be_visible()
    page.locator("#dialog").get_by_label("essai-2026.12").check()
    expect(page.locator("#dialog .box")).not_to_have_count(0)
    faults += judge(page)
    page.goto(f"{fleet.url}/devices?version=behind")
    page.locator(".pick").first.check()
    page.get_by_text("Envoyer une commande").click()
    faults += judge(page)
    page.locator("#selection .item").first.click()
    expect(page.locator("#dialog #primary")).to_be_visible()
    faults += judge(page)
    assert faults == []
    assert complaints == []


def test_the_sign_in_page_has_no_serious_fault(
    fleet: Fleet, open_page: SignIn, judge: Judge, complaints: list[str]
) -> None:
    faults = []
    for window in _WINDOWS.values():
        page = open_page(**window)
        page.goto(f"{fleet.url}/sign-in")
        faults += judge(page)
    assert faults == []
    assert complaints == []
