"""The pictures of the user's guide, small: `python -m tests.browser.screenshots docs/guide/images`."""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import story
from tests.browser.fleet import Fleet, serve_fleet
from tests.integration.console.office import NEXT, PASSWORD

_CHROMIUM = "/usr/bin/chromium"
_SIZE = (1120, 660)
_TWO_COLUMNS = (1200, 640)
"""The least width at which the pages lay their cards out side by side."""
_PATIENCE_MILLISECONDS = 20_000
_TEST_BOXES = ("LYO-BE-0142", "TT-0088")
_NEWS = {
    "fr": "La console sera mise à jour le **{date}**.\n\n## Nouvelles fonctionnalités\n\n- La cause de chaque retard.",
    "en": "The console will be updated on **{date}**.\n\n## New features\n\n- Why each device is behind.",
}
_ADMINISTRATOR, _COLLEAGUE, _VENDOR = "account-admin", "account-operator", "vendor-operator"


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
            _walk(_Photographer(browser, fleet, folder))
        finally:
            browser.close()


@dataclass
class _Photographer:
    browser: Browser
    fleet: Fleet
    folder: Path

    def sign_in(self, role: str, language: str = "fr") -> Page:
        page = self.browser.new_page(
            viewport={"width": _SIZE[0], "height": _SIZE[1]},
            locale="fr-FR" if language == "fr" else "en-GB",
            timezone_id="Europe/Paris",
            color_scheme="light",
            reduced_motion="reduce",
        )
        page.set_default_timeout(_PATIENCE_MILLISECONDS)
        page.goto(f"{self.fleet.url}/sign-in")
        page.locator("input[name=email]").fill(f"{role}@example.org")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button.btn-p").click()
        page.wait_for_url(f"{self.fleet.url}/")
        if page.locator("html").get_attribute("lang") != language:
            page.locator("header button[name=language]").click()
            expect(page.locator("html")).to_have_attribute("lang", language)
        return page

    def open(self, page: Page, path: str, size: tuple[int, int] = _SIZE) -> None:
        """A box that was silent for a minute would be shown as off."""
        width, height = size
        page.set_viewport_size({"width": width, "height": height})
        self.fleet.keep_on()
        page.goto(f"{self.fleet.url}{path}")

    def take(self, page: Page, name: str) -> None:
        """What the reader sees once the fonts are there and nothing is asked for any more."""
        page.locator("#stream [data-when=live]").wait_for()
        expect(page.locator(".htmx-request")).to_have_count(0)
        page.evaluate("document.fonts.ready.then(() => true)")
        page.screenshot(path=self.folder / f"{name}.png")


def _walk(camera: _Photographer) -> None:
    """In the order of the procedure: a test, a command to many, the migration, production."""
    page, english = camera.sign_in(_ADMINISTRATOR), camera.sign_in(_COLLEAGUE, "en")
    _choose_tag(camera, page, "tag")
    _choose_tag(camera, english, "tag-en")
    _test(camera, page)
    _draft_campaign(camera, page)
    _command(camera, page)
    for reader, name in ((page, "tableau-de-bord"), (english, "dashboard-en")):
        camera.open(reader, "/", _TWO_COLUMNS)
        camera.take(reader, name)
    _approve(camera, page)
    _migrate(camera)
    _go_into_production(camera, page)
    _administer(camera, page)


def _choose_tag(camera: _Photographer, page: Page, name: str) -> None:
    """A tag that the site of this ceBox overrules: the forecast says so."""
    camera.open(page, f"/devices/{camera.fleet.box('LYO-BE-0117').id}")
    page.locator(".acts summary").click()
    page.locator(".acts .item").first.click()
    page.locator("#dialog").get_by_label("essai-2026.12").check()
    page.locator("#dialog .box.warn").first.wait_for()
    camera.take(page, name)


def _test(camera: _Photographer, page: Page) -> None:
    """The test is chosen and the WRS has installed its version: its restart is next."""
    camera.open(page, "/procedure")
    page.get_by_role("button", name="Choisir les ceBox de test…").click()
    for name in _TEST_BOXES:
        page.locator("#test-search").fill(name)
        expect(page.locator("#test-boxes .check")).to_have_count(1)
        page.get_by_label(name).check()
    page.get_by_role("button", name="Garder ce choix").click()
    page.get_by_role("link", name="Mettre à jour LYO-WRS-01…").click()
    page.locator("#dialog #primary").click()
    expect(page.locator("#dialog")).not_to_be_visible()
    for box, order in story.list_waiting(camera.fleet):
        story.stage_update(box, order, version=NEXT, source="cloud")
    camera.open(page, "/procedure")
    page.get_by_role("link", name="Redémarrer LYO-WRS-01…").wait_for()
    camera.take(page, "procedure-test")


def _draft_campaign(camera: _Photographer, page: Page) -> None:
    camera.open(page, "/campaigns", _TWO_COLUMNS)
    page.get_by_role("button", name="Créer une campagne…").click()
    page.locator("#preview #primary").wait_for()
    camera.take(page, "campagne")


def _command(camera: _Photographer, page: Page) -> None:
    camera.open(page, "/devices?version=behind")
    page.locator("#pick-all").check()
    page.get_by_text("Envoyer une commande").click()
    page.locator("#selection .item").first.click()
    page.locator("#dialog #primary").wait_for()
    camera.take(page, "commande")
    page.locator("#dialog #primary").click()
    page.locator("#toasts .box").wait_for()
    waiting = story.list_waiting(camera.fleet)
    story.carry_on(waiting)
    camera.open(page, "/devices")
    camera.take(page, "peripheriques")
    box, order = waiting[0]
    story.download(box, order)
    camera.open(page, f"/devices/{box.id}")
    camera.take(page, "peripherique")


def _approve(camera: _Photographer, page: Page) -> None:
    camera.open(page, "/procedure")
    page.get_by_role("button", name=f"Valider {NEXT}…").click()
    page.locator("#dialog textarea").fill("Essai concluant à Lyon et en télétravail.")
    page.locator("#dialog .btn-p").click()
    page.locator("#procedure .box.ok").wait_for()


def _migrate(camera: _Photographer) -> None:
    """By the vendor, who also announces an infrastructure update."""
    page = camera.sign_in(_VENDOR)
    camera.open(page, "/procedure")
    page.get_by_role("button", name="Migrer le compte…").click()
    page.locator("#dialog #primary").click()
    expect(page.locator("#dialog")).not_to_be_visible()
    camera.open(page, "/announcements/new?kind=infrastructure")
    page.locator("input[name=starts_at]").fill("2027-01-12T20:00")
    page.locator("input[name=title_fr]").fill("Console et APIs : mise à jour le {day}")
    for language, text in _NEWS.items():
        page.locator(f"textarea[name=text_{language}]").fill(text)
    page.get_by_role("button", name="Aperçu").click()
    page.locator("#preview .btn-p").click()
    page.wait_for_url("**/announcements/sent**")
    page.close()


def _go_into_production(camera: _Photographer, page: Page) -> None:
    camera.open(page, "/procedure")
    page.locator("#fleet-title").evaluate("title => scrollTo(0, title.getBoundingClientRect().top - 180)")
    camera.take(page, "procedure-production")
    camera.open(page, "/announcements")
    page.get_by_role("link", name="Votre compte est passé").first.click()
    page.get_by_text("Vous pouvez maintenant mettre à jour tout le parc").wait_for()
    camera.take(page, "communications")
    camera.open(page, "/keys")
    page.locator("#key-list .box button").click()
    page.locator("#dialog .btn-p").wait_for()
    camera.take(page, "cles")


def _administer(camera: _Photographer, page: Page) -> None:
    camera.open(page, "/users")
    page.get_by_role("button", name="Inviter…").click()
    page.locator("#dialog input[name=email]").fill("nouvelle.personne@example.org")
    page.locator("#dialog .btn-p").click()
    page.locator("#dialog .secret, #dialog code, #dialog input[readonly]").first.wait_for()
    camera.open(page, "/users")
    camera.take(page, "utilisateurs")
    camera.open(page, "/journal", _TWO_COLUMNS)
    camera.take(page, "journal")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
