"""The guided path, walked in a browser: one next button at a time, and a page that follows the devices by itself."""

from typing import Any

from playwright.sync_api import Page, expect

from cebox.kit.clock import format_utc, utc_now
from cebox.protocol.device import BoxPhase, ReportedEvent, Result
from tests.browser.conftest import Judge, SignIn
from tests.browser.fleet import Fleet
from tests.browser.scripted_box import ScriptedBox
from tests.integration.console.office import NEXT


def _carry_out(box: ScriptedBox) -> None:
    """What the box was sent is installed."""
    orders = box.say().orders
    assert len(orders) == 1
    at = format_utc(utc_now())
    result = Result(id=f"s-{orders[0].id}", event=ReportedEvent.STAGE, at=at, action_id=orders[0].id)
    box.say(phase=BoxPhase.STAGED, staged=str(NEXT), results=(result,))


def _come_up(box: ScriptedBox, **changes: Any) -> None:
    box.say(boot=2, sequence=1, phase=BoxPhase.IDLE, staged=None, running=str(NEXT), **changes)


def _choose(page: Page, *names: str) -> None:
    page.get_by_role("button", name="Choisir les ceBox de test…").click()
    for name in names:
        page.locator("#test-search").fill(name)
        expect(page.locator("#test-boxes .check")).to_have_count(1)
        page.get_by_label(name).check()
    page.get_by_role("button", name="Garder ce choix").click()


def test_a_test_is_walked_by_its_one_next_button(
    sign_in: SignIn, fleet: Fleet, judge: Judge, complaints: list[str]
) -> None:
    page = sign_in()
    page.goto(f"{fleet.url}/procedure")
    primary = page.locator("#procedure .btn-p")
    _choose(page, "LYO-BE-0142", "TT-0088")
    expect(page.locator("#procedure .rows")).to_contain_text("TT-0088")

    expect(primary).to_have_text("Mettre à jour LYO-WRS-01…")
    primary.click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_label("essai-2026.12")).to_be_checked()
    dialog.get_by_role("button", name=f"Installer {NEXT}").click()
    expect(dialog).not_to_be_visible()
    wrs = fleet.box("LYO-WRS-01")
    _carry_out(wrs)

    # It moved on by itself; the dialog says what is at stake.
    expect(primary).to_have_text("Redémarrer LYO-WRS-01…")
    assert judge(page) == []
    primary.click()
    expect(dialog).to_contain_text("prochain arrêt")
    page.keyboard.press("Escape")
    _come_up(wrs, served=str(NEXT))

    expect(primary).to_have_text("Mettre à jour LYO-BE-0142…")
    _come_up(fleet.box("LYO-BE-0142"))
    expect(primary).to_have_text("Mettre à jour TT-0088…")
    _come_up(fleet.box("TT-0088"))
    expect(primary).to_have_text(f"Valider {NEXT}…")
    primary.click()
    dialog.get_by_role("button", name=f"Valider {NEXT}").click()
    expect(page.locator("#procedure")).to_contain_text("Vous n’avez rien à faire avant la migration")
    assert complaints == []
