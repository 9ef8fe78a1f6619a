"""The pictures of the user's guide, small: `python -m tests.browser.screenshots docs/guide/images`."""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import story
from tests.browser.fleet import Fleet, serve_fleet
from tests.integration.console.office import PASSWORD

_CHROMIUM = "/usr/bin/chromium"
_DESKTOP = {"width": 1200, "height": 760}
_PHONE = {"width": 390, "height": 780}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with (
        tempfile.TemporaryDirectory() as state,
        serve_fleet(Path(state)) as fleet,
        sync_playwright() as playwright,
    ):
        story.tell(fleet)
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        try:
            _walk(browser, fleet, folder)
        finally:
            browser.close()


def _walk(browser: Browser, fleet: Fleet, folder: Path) -> None:
    page = _sign_in(browser, fleet, "light")
    page.goto(fleet.page_of("LYO-BE-0117"))
    _open_update(page)
    page.locator("#dialog").get_by_label("essai-2026.12").check()
    page.locator("#dialog .box.warn").wait_for()
    _take(page, folder / "tag.png")
    page.goto(f"{fleet.url}/devices?version=behind")
    page.locator("#pick-all").check()
    page.get_by_text("Envoyer une commande").click()
    page.locator("#selection .item").first.click()
    page.locator("#dialog #primary").wait_for()
    _take(page, folder / "commande.png")
    page.locator("#dialog #primary").click()
    page.locator("#toasts .box").wait_for()
    waiting = story.list_waiting(fleet)
    story.carry_on(waiting)
    page.goto(f"{fleet.url}/devices")
    _take(page, folder / "peripheriques.png")
    box, order = waiting[0]
    story.download(box, order)
    page.goto(f"{fleet.url}/devices/{box.id}")
    _take(page, folder / "peripherique.png")
    page.goto(f"{fleet.url}/procedure")
    _take(page, folder / "procedure.png")
    for scheme, size, name in (("dark", _DESKTOP, "sombre"), ("light", _PHONE, "telephone")):
        page = _sign_in(browser, fleet, scheme, size)
        page.goto(f"{fleet.url}/devices/{box.id}")
        _take(page, folder / f"peripherique-{name}.png")


def _open_update(page: Page) -> None:
    page.get_by_text("Actions périphérique").click()
    page.locator(".acts .item").first.click()
    page.locator("#dialog #primary").wait_for()


def _sign_in(browser: Browser, fleet: Fleet, scheme: str, size: dict[str, int] | None = None) -> Page:
    width, height = (size or _DESKTOP)["width"], (size or _DESKTOP)["height"]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        locale="fr-FR",
        timezone_id="Europe/Paris",
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page.goto(f"{fleet.url}/sign-in")
    page.locator("input[name=email]").fill("account-admin@example.org")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button.btn-p").click()
    page.wait_for_url(f"{fleet.url}/")
    return page


def _take(page: Page, path: Path) -> None:
    """What the reader sees once the fonts are there and nothing is asked for any more."""
    page.locator("#stream [data-when=live]").wait_for()
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => true)")
    page.screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
