"""The bandwidth of a site by hand, in a real browser: set, shown, and told before and while an update waits."""

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from cebox.kit.clock import format_utc, utc_now
from cebox.protocol.device import BoxPhase, Progress, ReportedEvent, Result
from tests.browser.conftest import SignIn
from tests.browser.fleet import Fleet

NEXT = "2026.12.1"


def _open_dialog(page: Page, fleet: Fleet) -> None:
    page.goto(f"{fleet.url}/sites")
    page.locator("tr", has_text="Lyon").get_by_role("button", name=re.compile("Bande passante")).click()
    expect(page.locator("#dialog-title")).to_have_text("Bande passante de Lyon")


def _save(page: Page) -> None:
    page.locator("#dialog .btn-p").click()


def _choose_hours(opens_in_hours: int) -> str:
    now = utc_now()
    opens, closes = now + timedelta(hours=opens_in_hours), now + timedelta(hours=opens_in_hours + 3)
    return f"{opens:%H}:00-{closes:%H}:00"


def test_a_site_is_limited_and_an_update_says_when_it_will_begin(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page = sign_in()
    _open_dialog(page, fleet)
    expect(page.locator("#dialog input[name=rate]")).to_be_hidden()
    page.locator("#dialog input[value=own]").check()
    page.locator("#dialog input[name=rate]").fill("16,5")
    page.locator("#dialog input[name=hours]").fill("la nuit")
    _save(page)
    expect(page.locator("#dialog [role=alert]")).to_contain_text("Ce ne sont pas des horaires.")
    complaints.clear()
    page.locator("#dialog input[name=hours]").fill(_choose_hours(4))
    page.locator("#dialog input[name=zone]").fill("UTC")
    _save(page)
    row = page.locator("tr", has_text="Lyon")
    expect(row).to_contain_text("16,5 Mbit/s au plus")

    page.goto(f"{fleet.page_of('LYO-WRS-01')}/update?choice=tag:essai-2026.12")
    expect(page.locator(".box.run")).to_contain_text("fenêtre de téléchargement du site")

    _open_dialog(page, fleet)
    page.locator("#dialog input[value=account]").check()
    _save(page)
    expect(row).to_contain_text("sans limite")
    assert complaints == []


def test_a_download_that_waits_says_until_when_and_one_that_moves_how_long(
    sign_in: SignIn, fleet: Fleet, complaints: list[str]
) -> None:
    page, box = sign_in(), fleet.box("TT-0088")
    page.goto(fleet.page_of("TT-0088"))
    page.get_by_text("Actions périphérique").click()
    page.locator(".acts .item", has_text="Mettre à jour Wisper Linux").click()
    page.locator("#dialog").get_by_label("essai-2026.12").check()
    page.locator("#primary", has_text=NEXT).click()
    expect(page.locator("#dialog")).to_be_hidden()
    order = box.say().orders[0]
    result = Result(id=f"{order.id}:d", event=ReportedEvent.DOWNLOAD, at=format_utc(utc_now()), action_id=order.id)
    waiting = Progress(
        version=NEXT,
        done_bytes=38_200_000,
        total_bytes=121_000_000,
        action_id=order.id,
        waits_until=format_utc(utc_now() + timedelta(hours=3)),
    )
    box.say(results=(result,), phase=BoxPhase.DOWNLOADING, progress=waiting)
    expect(page.locator("main")).to_contain_text("Attend la fenêtre de téléchargement du site")

    moving = Progress(
        version=NEXT,
        done_bytes=38_200_000,
        total_bytes=121_000_000,
        action_id=order.id,
        rate_bytes_per_second=1_400_000,
    )
    box.say(progress=moving)
    expect(page.locator("main")).to_contain_text("1,4 Mo/s · encore 1 min")
    expect(page.locator("main")).not_to_contain_text("Attend la fenêtre")
    failed = Result(id=f"{order.id}:f", event=ReportedEvent.FAIL, at=format_utc(utc_now()), action_id=order.id)
    box.say(results=(failed,), phase=BoxPhase.IDLE)
    assert complaints == []
