"""A real browser against a served console; and axe, the judge of accessibility."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.fleet import Fleet, serve_fleet
from tests.integration.console.office import PASSWORD

_AXE = Path(__file__).parent / "axe" / "axe.min.js"
_NOT_SERIOUS = frozenset({"minor", "moderate"})
_CHROMIUM = Path("/usr/bin/chromium")
SignIn = Callable[..., Page]
Judge = Callable[[Page], list[str]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not _CHROMIUM.exists():
        pytest.fail("no chromium here: apt-get install chromium")
    # Chromium's sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with serve_fleet(tmp_path_factory.mktemp("console")) as fleet:
        yield fleet


# A newer choice replaces the request of an older one (hx-sync), and htmx says so as an error.
_REPLACED = ("htmx:sendAbort", "htmx:afterRequest")


def _is_complaint(said: ConsoleMessage) -> bool:
    return said.type in ("error", "warning") and not said.text.startswith(_REPLACED)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said, and requests that left this machine: a test ends with none."""
    return []


@pytest.fixture
def open_page(browser: Browser, fleet: Fleet, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    fleet.keep_on()

    def open_one(*, width: int = 1440, height: int = 900, locale: str = "fr-FR", scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme="dark" if scheme == "dark" else "light",
            timezone_id="Europe/Paris",
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith(fleet.url) else complaints.append(f"left for {sent.url}"),
        )
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def sign_in(open_page: Callable[..., Page], fleet: Fleet) -> SignIn:
    def enter(email: str = "account-admin@example.org", **window: object) -> Page:
        page = open_page(**window)
        page.goto(f"{fleet.url}/sign-in")
        page.locator("input[name=email]").fill(email)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button.btn-p").click()
        page.wait_for_url(f"{fleet.url}/")
        page.goto(f"{fleet.url}/devices")
        return page

    return enter


@pytest.fixture(scope="session")
def judge() -> Judge:
    """What axe finds serious or critical on a page as it stands: the rule, its words, and the elements."""
    source = _AXE.read_text()

    def look(page: Page) -> list[str]:
        # What is being asked for anew is dimmed for that moment, on purpose.
        expect(page.locator(".htmx-request")).to_have_count(0)
        # Evaluated from outside the page: the page's own policy lets no such script in.
        page.evaluate(source)
        found: list[dict[str, Any]] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{page.url}: {one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:5]}"
            for one in found
            if one["impact"] not in _NOT_SERIOUS
        ]

    return look
