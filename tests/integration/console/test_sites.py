"""A site at a glance: its WRS against the account's version, its ceBox, its line, for its own account only."""

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.ids import SiteId
from cebox.domain.role import Role
from tests.integration.console.box import add_box
from tests.integration.console.office import NEW, OLD, add_site, hire, open_account, open_client, sign_in
from tests.integration.console.test_pages import browse

pytestmark = pytest.mark.anyio


async def test_a_site_says_what_its_wrs_and_its_boxes_run(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord", NEW), await open_account(console, "Sud")
    lyon = await add_site(console, nord)
    async with open_client(app) as client:
        await _enrol(console, client, nord, lyon.id)
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    stranger = await hire(console, Role.ACCOUNT_ADMIN, sud)
    limits = {"download_window": "22:00-06:00", "time_zone": "UTC"}
    assert (await admin.put(f"/api/v1/sites/{lyon.id}/limits", json=limits)).is_success

    overview = (await admin.get(f"/api/v1/sites/{lyon.id}/overview")).json()
    foreign = await (await sign_in(app, stranger)).get(f"/api/v1/sites/{lyon.id}/overview")
    async with browse(app, await hire(console, Role.ACCOUNT_OPERATOR, nord)) as operator:
        page = await operator.get(f"/sites/{lyon.id}")
        listed = await operator.get("/sites")
        form = await operator.get(f"/sites/{lyon.id}/change")
    async with browse(app, stranger) as other:
        foreign_page = await other.get(f"/sites/{lyon.id}")

    assert (overview["wrs"]["serves"], overview["wrs"]["is_behind"]) == (str(OLD), True)
    assert (overview["box_count"], overview["behind_count"], overview["on_count"]) == (3, 2, 3)
    assert overview["versions"] == {str(NEW): 1, str(OLD): 2}
    assert overview["window_opens_at"] == "2026-11-22T22:00:00Z"
    assert (foreign.status_code, foreign.json()["code"], foreign_page.status_code) == (404, "site_unknown", 404)
    assert f"Le WRS sert {OLD}, le compte est en {NEW}." in page.text
    assert "Mettre à jour le WRS…" in page.text
    assert f'href="/sites/{lyon.id}"' in listed.text
    assert form.status_code == 403


async def _enrol(console: Console, client: httpx.AsyncClient, account: Account, site_id: SiteId) -> None:
    wrs = await add_box(console, client, account, "wrs", kind=DeviceKind.WRS, site_id=site_id)
    await wrs.sync(running=str(OLD), served=str(OLD), server_url="http://10.20.4.2:8480")
    for number, version in enumerate((OLD, OLD, NEW)):
        await add_box(console, client, account, f"box-{number}", site_id=site_id, running=str(version))


async def test_a_site_without_anything_says_what_to_do(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    lyon = await add_site(console, nord)
    async with browse(app, await hire(console, Role.ACCOUNT_VIEWER, nord)) as viewer:
        page = await viewer.get(f"/sites/{lyon.id}")
        part = await viewer.get(f"/sites/{lyon.id}", headers={"hx-request": "true"})

    assert "Créez une clé USB pour ce site" in page.text
    assert "<html" not in part.text
