"""A campaign on the demo's own fleet of real agents, in a real browser: a bad release stops it, nobody else is hurt."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.world import World
from tests.browser.conftest import Judge

pytestmark = pytest.mark.timeout(600)  # it builds three releases
_PATIENCE_SECONDS = 280.0
FIRST, SECOND = (one.name for one in plan.CLINIC)


class DemoFleet:
    """The clinic's two machines and their console, alive in a loop of their own."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, say=lambda _: None, machines=plan.CLINIC)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def carry_out(self, act: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(act, self._loop).result(timeout=_PATIENCE_SECONDS)

    def start(self) -> None:
        self.carry_out(self.world.start(lambda: [self.world.vendor.build(one, level=1) for one in plan.RELEASES]))

    def stop(self) -> None:
        self.carry_out(self.world.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)
        self._loop.close()

    def move_to_the_bad_release(self) -> None:
        """Published, and the clinic's account moved to it: what its campaign will bring."""
        self.world.vendor.publish(self.world.vendor.build(plan.BAD, level=1))
        with self.world.office.open_console(plan.OPERATOR) as operator:
            operator.refresh_releases()
            account = next(one for one in operator.list_accounts() if one.name == plan.SUD)
            operator.migrate_account(account.id, str(plan.BAD.version))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoFleet]:
    demo = DemoFleet(tmp_path / "demo")
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()


@pytest.fixture
def administrator(browser: Browser, demo: DemoFleet) -> Iterator[Page]:
    context = browser.new_context(locale="fr-FR", timezone_id="Europe/Paris", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{demo.world.console_url}/sign-in")
    page.locator("input[name=email]").fill(plan.SUD_ADMIN.email)
    page.locator("input[name=password]").fill(demo.world.office.passwords[plan.SUD_ADMIN.email])
    page.locator("button.btn-p").click()
    page.wait_for_url(f"{demo.world.console_url}/")
    page.goto(f"{demo.world.console_url}/devices")
    yield page
    context.close()


def test_a_bad_release_stops_a_campaign_before_it_reaches_the_second_machine(
    demo: DemoFleet, administrator: Page, judge: Judge
) -> None:
    page = administrator
    with demo.world.office.open_console(plan.SUD_ADMIN) as console:
        hands = Hands(console)
        hands.wait_on([FIRST, SECOND])
        demo.move_to_the_bad_release()
        page.reload()
        page.locator("#pick-all").check()
        page.get_by_text("Envoyer une commande").click()
        page.get_by_role("button", name="Créer une campagne avec cette sélection").click()
        page.wait_for_url("**/campaigns/*")
        _fill_in(page)
        expect(page.locator("#preview")).to_contain_text("Vague 2, le reste")
        assert judge(page) == []
        page.locator("#preview #primary").click()
        expect(page.locator("#campaign")).to_be_visible()
        expect(page.locator("#campaign .alarm")).to_be_visible(timeout=_PATIENCE_SECONDS * 1000)
        said = page.locator("#campaign").inner_text()
        assert judge(page) == []

        assert "Arrêtée automatiquement" in said
        assert "Plus rien n’est envoyé" in said
        assert "Retour arrière" in said
        runs = {name: hands.get_device(name) for name in (FIRST, SECOND)}
    assert {device.running for device in runs.values()} == {str(plan.OLD.version)}
    assert runs[FIRST].failed_versions == (str(plan.BAD.version),)
    assert runs[SECOND].staged is None
    assert runs[SECOND].last_action is None
    _end(page, judge)


def _fill_in(page: Page) -> None:
    """One machine first, the other at once after it."""
    expect(page.locator("#preview #primary")).to_be_visible()
    page.locator("input[name=shares]").fill("1")
    with page.expect_response(lambda answer: answer.url.endswith("/preview") and "watch_hours=0" in _sent(answer)):
        page.locator("input[name=watch_hours]").fill("0")


def _sent(answer: Any) -> str:
    return str(answer.request.post_data or "")


def _end(page: Page, judge: Callable[[Page], list[str]]) -> None:
    """The consequence is named with its number; what was not sent has its outcome."""
    page.get_by_role("button", name="Terminer…").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("1 périphérique non envoyé garde sa version")
    assert judge(page) == []
    dialog.locator("button[type=submit]").click()
    expect(page.locator("#campaign")).to_contain_text("Terminée avant la fin")
    expect(page.locator("#campaign")).to_contain_text("Non envoyée")
