"""The procedure by hand, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cebox.kit.clock import format_utc, utc_now
from cebox.protocol.device import BoxPhase, Progress, ReportedEvent, Result
from tests.browser.conftest import SignIn
from tests.browser.fleet import Fleet

OLD, NEW, NEXT = "2026.10.1", "2026.11.1", "2026.12.1"
_PATHS = [
    *("devices", "procedure", "account", "sites", "releases", f"releases/{NEW}"),
    *("announcements", "keys", "journal", "users"),
]


def _open_action(page: Page, fleet: Fleet, device: str, words: str) -> None:
    page.goto(fleet.page_of(device))
    page.get_by_text("Actions périphérique").click()
    page.locator(".acts .item", has_text=words).click()
    expect(page.locator("#dialog")).to_be_visible()


def _refused_by(complaints: list[str], status: int) -> None:
    """The browser itself notes an answer of refusal; nothing else may stand there."""
    assert complaints
    assert all(f"status of {status}" in complaint for complaint in complaints)
    complaints.clear()


def test_a_wrong_password_is_said_and_keeps_the_address(
    open_page: Callable[..., Page], fleet: Fleet, complaints: list[str]
) -> None:
    page = open_page()
    page.goto(f"{fleet.url}/devices")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    page.locator("input[name=email]").fill("account-viewer@example.org")
    page.locator("input[name=password]").fill("not this one")
    page.locator("button.btn-p").click()
    expect(page.get_by_role("alert")).to_contain_text("Adresse inconnue ou mot de passe faux.")
    expect(page.locator("input[name=email]")).to_have_value("account-viewer@example.org")
    _refused_by(complaints, 401)


def test_the_list_says_what_each_device_would_take(sign_in: SignIn, complaints: list[str]) -> None:
    page = sign_in()
    expect(page.locator("tr", has_text="LYO-BE-0117")).to_contain_text("2026.11.1 du WRS")
    expect(page.locator("tr", has_text="TT-0088")).to_contain_text("2026.11.1 du cloud")
    expect(page.locator("tr", has_text="LYO-SAL-0009")).to_contain_text("Éteinte")
    expect(page.locator("tr", has_text="LYO-WRS-01")).to_contain_text("Allumé")
    expect(page.get_by_text("SUD-0001")).to_have_count(0)
    expect(page.get_by_text("En direct")).to_be_visible()
    assert complaints == []


def test_filters_live_in_the_address(sign_in: SignIn, complaints: list[str]) -> None:
    page = sign_in()
    page.get_by_role("link", name="En retard").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("#search").fill("TT-")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"search=TT-"))
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert complaints == []


def test_the_tag_dialog_says_before_sending_that_the_site_decides(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in()
    _open_action(page, fleet, "LYO-BE-0117", "Mettre à jour Wisper Linux")
    dialog = page.locator("#dialog")
    expect(dialog.locator("#dialog-title")).to_be_focused()
    dialog.get_by_label("essai-2026.12").check()
    expect(dialog.locator(".box.warn")).to_contain_text("La ceBox prendra 2026.11.1")
    expect(dialog.locator(".box.warn")).to_contain_text(
        "Pour avoir 2026.12.1 ici, mettez d’abord à jour le WRS de Lyon"
    )
    expect(dialog.locator("#primary")).to_have_text(re.compile("Installer 2026.11.1"))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert complaints == []


def test_a_tag_nobody_handed_out_is_refused_while_it_is_typed(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in()
    _open_action(page, fleet, "TT-0088", "Mettre à jour Wisper Linux")
    dialog = page.locator("#dialog")
    dialog.get_by_label("Autre tag reçu de Wisper").check()
    expect(dialog.locator("#other")).to_be_editable()
    dialog.locator("#other").press_sequentially("essai-2027.01", delay=20)
    expect(dialog.get_by_role("alert")).to_contain_text("Ce tag n’existe pas pour ce compte.")
    expect(dialog.locator("#primary")).to_be_disabled()
    expect(dialog.locator("#other")).to_have_value("essai-2027.01")
    dialog.locator("#other").fill("essai-2026.12")
    expect(dialog.locator("#primary")).to_have_text(re.compile("Installer 2026.12.1"))
    assert complaints == []


def test_a_device_that_is_off_is_offered_its_next_start(sign_in: SignIn, fleet: Fleet, complaints: list[str]) -> None:
    page = sign_in()
    _open_action(page, fleet, "LYO-SAL-0009", "Mettre à jour Wisper Linux")
    dialog = page.locator("#dialog")
    expect(dialog.locator("#primary")).to_be_disabled()
    dialog.locator("#at-next-start").check()
    expect(dialog.locator("#primary")).to_have_text(re.compile("Installer 2026.11.1 au prochain démarrage"))
    dialog.locator("#primary").click()
    expect(page.locator("#toasts")).to_contain_text("à son prochain démarrage")
    expect(page.locator("#device")).to_contain_text("Au prochain démarrage")
    page.get_by_role("button", name="Annuler…").click()
    page.get_by_role("button", name="Annuler l’action").click()
    expect(page.locator("#device")).to_contain_text("Annulée")
    assert complaints == []


def test_an_update_is_followed_live_to_the_end(sign_in: SignIn, fleet: Fleet, complaints: list[str]) -> None:
    page = sign_in()
    box = fleet.box("TT-0088")
    _open_action(page, fleet, "TT-0088", "Mettre à jour Wisper Linux")
    page.locator("#dialog #primary").click()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#device")).to_contain_text("Mise à jour vers 2026.11.1")
    (order,) = box.say().orders
    progress = Progress(version=NEW, done_bytes=24_800_000, total_bytes=40_000_000, action_id=order.id)
    started = Result(id="r1", event=ReportedEvent.DOWNLOAD, at=format_utc(utc_now()), action_id=order.id)
    box.say(phase=BoxPhase.DOWNLOADING, results=(started,), progress=progress)
    expect(page.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "62")
    staged = Result(id="r2", event=ReportedEvent.STAGE, at=format_utc(utc_now()), action_id=order.id)
    box.say(phase=BoxPhase.STAGED, staged=NEW, results=(staged,))
    expect(page.locator("#device")).to_contain_text("Installée et vérifiée")
    page.locator("#device").get_by_role("button", name="Redémarrer…").last.click()
    page.get_by_role("button", name=f"Redémarrer en {NEW}").click()
    expect(page.locator("#dialog")).to_be_hidden()
    back = Result(id="r3", event=ReportedEvent.ROLL_BACK, at=format_utc(utc_now()), action_id=order.id)
    box.say(boot=2, sequence=1, phase=BoxPhase.IDLE, staged=None, failed_versions=(NEW,), results=(back,))
    expect(page.locator("#device")).to_contain_text("Retour arrière")
    expect(page.locator("#device")).to_contain_text(f"Écartée ici : {NEW}")
    assert complaints == []


def test_a_group_command_is_summed_up_before_it_is_sent(sign_in: SignIn, fleet: Fleet, complaints: list[str]) -> None:
    page = sign_in("account-operator@example.org")
    for name in ("LYO-BE-0117", "LYO-BE-0142", "LYO-SAL-0009"):
        page.get_by_label(f"Sélectionner {name}").check()
    expect(page.locator("#selection")).to_contain_text("3 sélectionnés")
    page.get_by_text("Envoyer une commande").click()
    page.locator("#selection .item", has_text="Mise à jour Wisper Linux").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Prendront 2026.11.1 maintenant")
    expect(dialog).to_contain_text("Rien ne changera")
    expect(dialog.locator("#primary")).to_have_text(re.compile("Envoyer à 1"))
    dialog.locator("#group-later").check()
    expect(dialog.locator("#primary")).to_have_text(re.compile("Envoyer à 1, et à 1 plus tard"))
    dialog.locator("#primary").click()
    expect(page.locator("#toasts")).to_contain_text("Commande envoyée à 2 périphériques.")
    expect(page.locator("tr", has_text="LYO-SAL-0009")).to_contain_text("Au prochain démarrage")
    assert fleet.box("LYO-BE-0117").say().orders[0].kind == "update"
    assert complaints == []


def test_a_viewer_sees_no_button_that_changes_anything(sign_in: SignIn, fleet: Fleet, complaints: list[str]) -> None:
    page = sign_in("account-viewer@example.org")
    expect(page.get_by_text("Lecture seule")).to_be_visible()
    for path in [f"{fleet.url}/{path}" for path in _PATHS] + [fleet.page_of("LYO-BE-0142")]:
        page.goto(path)
        changing = page.locator("main [hx-post], main .btn-p, main .pick, main .acts button")
        # Which e-mails one gets is one's own business.
        expect(changing.and_(page.locator(":not([hx-get='/announcements/preferences'])"))).to_have_count(0)
    assert complaints == []


def test_the_vendor_migrates_an_account_with_the_numbers_in_view(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in("vendor-operator@example.org")
    page.goto(f"{fleet.url}/accounts")
    page.get_by_role("link", name="Clinique Sud").click()
    page.get_by_role("button", name="Migrer le compte…").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("1 clé sera périmée")
    dialog.locator("#version").select_option(NEW)
    expect(dialog.locator("#primary")).to_have_text(re.compile(f"Migrer Clinique Sud en {NEW}"))
    dialog.locator("#primary").click()
    expect(page.locator("#procedure")).to_contain_text(f"Compte en {NEW}")
    page.goto(f"{fleet.url}/keys")
    expect(page.locator("#key-list")).to_contain_text("Périmée")
    page.goto(f"{fleet.url}/announcements")
    expect(page.locator("#announcement-list")).to_contain_text(f"Votre compte est passé de {OLD} à {NEW}")
    assert complaints == []


_FRENCH = re.compile(r"\b(le|la|les|une|des|du|avec|sur|pour|est)\b")
_ENGLISH = re.compile(r"\b(the|and|with|from|this|are|of)\b", re.IGNORECASE)


@pytest.mark.parametrize("locale", ["fr-FR", "en-GB"])
def test_a_page_speaks_one_language(sign_in: SignIn, fleet: Fleet, complaints: list[str], locale: str) -> None:
    page = sign_in("account-admin@example.org", locale=locale)
    if locale == "en-GB":
        page.get_by_role("button", name="Switch to English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
    foreign = _FRENCH if locale == "en-GB" else _ENGLISH
    for path in [f"{fleet.url}/{path}" for path in _PATHS] + [fleet.page_of("LYO-WRS-01")]:
        page.goto(path)
        said = page.locator("body").inner_text().replace("Passer en français", "").replace("Switch to English", "")
        assert not foreign.findall(said), (path, foreign.findall(said))
    if locale == "en-GB":
        page.get_by_role("button", name="Passer en français").click()
        expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert complaints == []


@pytest.mark.parametrize("width", [360, 768, 1024, 1440])
def test_no_page_scrolls_sideways(sign_in: SignIn, fleet: Fleet, complaints: list[str], width: int) -> None:
    page = sign_in("vendor-operator@example.org", width=width, height=800)
    for path in [f"{fleet.url}/{path}" for path in [*_PATHS, "accounts"]] + [fleet.page_of("LYO-BE-0142")]:
        page.goto(path)
        spare = page.evaluate("document.documentElement.clientWidth - document.documentElement.scrollWidth")
        assert spare >= 0, path
    assert complaints == []


def test_the_phones_menu_opens_and_closes(sign_in: SignIn, complaints: list[str]) -> None:
    page = sign_in(width=390, height=844)
    side = page.locator("#menu")
    expect(side).to_be_hidden()
    page.get_by_role("button", name="Ouvrir le menu").click()
    expect(side).to_be_visible()
    page.keyboard.press("Escape")
    expect(side).to_be_hidden()
    assert complaints == []


def test_a_theme_is_kept_for_the_reader(sign_in: SignIn, complaints: list[str]) -> None:
    page = sign_in("account-viewer@example.org")
    page.locator(".top .menu summary").click()
    page.get_by_role("button", name="Thème sombre").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
    assert complaints == []


def test_a_forecast_that_changed_meanwhile_reopens_the_dialog(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in()
    wrs = fleet.box("LYO-WRS-01")
    _open_action(page, fleet, "LYO-BE-0142", "Mettre à jour Wisper Linux")
    dialog = page.locator("#dialog")
    dialog.get_by_label("essai-2026.12").check()
    expect(dialog.locator("#primary")).to_be_disabled()
    wrs.say(running=NEXT, served=NEXT, previous=NEW)
    dialog.get_by_label("atelier-nord").check()
    expect(dialog.locator("#primary")).to_have_text(re.compile(f"Installer {NEXT}"))
    wrs.say(running=OLD, served=OLD, previous=NEW)
    dialog.locator("#primary").click()
    expect(dialog).to_contain_text("La situation a changé depuis l’aperçu.")
    expect(dialog.locator("#primary")).to_have_text(re.compile(f"Installer {OLD}"))
    wrs.say(running=NEW, served=NEW, previous=OLD)
    _refused_by(complaints, 409)
