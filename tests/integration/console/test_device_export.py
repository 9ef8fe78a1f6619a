"""The list of devices as a file, and kept views over the API: the same filters and the same checks as the page."""

import csv
import io

import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.devices.export import COLUMNS
from cebox.console.spreadsheet import clean_cell
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console import office
from tests.integration.console.box import add_box
from tests.integration.console.office import NEW, OLD
from tests.integration.console.test_pages import browse

pytestmark = pytest.mark.anyio

_FORMULA = "=cmd|' /C calc'!A1"


@pytest.fixture
async def account(console: Console, app: Starlette) -> Account:
    account = await office.open_account(console, "Atelier Nord", NEW)
    other = await office.open_account(console, "Clinique Sud", OLD)
    client = office.open_client(app)
    await add_box(console, client, account, "alpha", running=str(NEW))
    await add_box(console, client, account, "beta; the second")
    await add_box(console, client, account, _FORMULA)
    await add_box(console, client, other, "foreign")
    return account


async def test_the_file_has_what_the_filters_find_and_no_other_accounts_device(
    console: Console, app: Starlette, account: Account
) -> None:
    viewer = await office.sign_in(app, await office.hire(console, Role.ACCOUNT_VIEWER, account))

    whole = await viewer.get("/api/v1/devices.csv", params={"sort": "-name"})
    behind = await viewer.get("/api/v1/devices.csv", params={"is_behind": "true"})

    assert whole.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(whole.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["name"] for row in rows] == ["beta; the second", "alpha", f"'{_FORMULA}"]
    assert (rows[1]["running"], rows[1]["would_take"], rows[1]["is_behind"]) == (str(NEW), str(NEW), "no")
    assert len(behind.text.splitlines()) == 3
    assert "foreign" not in whole.text


async def test_the_pages_file_speaks_the_readers_language_and_keeps_the_lists_filters(
    console: Console, app: Starlette, account: Account
) -> None:
    user = await office.hire(console, Role.ACCOUNT_VIEWER, account)
    async with browse(app, user) as client:
        page = await client.get("/devices?version=behind")
        french = await client.get("/devices/export.csv?version=behind")
        await client.post("/preferences", data={"language": "en", "back": "/"})
        english = await client.get("/devices/export.csv?version=behind")
        await client.post("/preferences", data={"language": "fr", "back": "/"})
    assert "/devices/export.csv?version=behind" in page.text
    assert french.headers["content-disposition"].startswith('attachment; filename="peripheriques-')
    first, *others = french.text.splitlines()
    assert first.startswith("\ufeffNom;Numéro de série;")
    assert sorted(line.partition(";")[0] for line in others) == ['"beta', f"'{_FORMULA}"]
    assert ";ceBox;Atelier Nord;;Télétravail;oui;" in others[1]
    assert english.text.startswith("\ufeffName,Serial number,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_begins_as_a_formula_does(start: str) -> None:
    assert clean_cell(f"{start}1+1").startswith("'")
    assert clean_cell("LYO-BE-0142") == "LYO-BE-0142"


async def test_views_are_kept_listed_and_removed_over_the_api_by_their_owner_alone(
    console: Console, app: Starlette, account: Account
) -> None:
    owner = await office.sign_in(app, await office.hire(console, Role.ACCOUNT_VIEWER, account))
    colleague = await office.sign_in(
        app, await office.hire(console, Role.ACCOUNT_ADMIN, account, email="admin@nord.example")
    )

    made = await owner.post("/api/v1/views", json={"name": "Mine", "query": "version=behind&order=site&nonsense=1"})
    foreign = await colleague.delete(f"/api/v1/views/{made.json()['id']}")
    listed = (await owner.get("/api/v1/views")).json()
    removed = await owner.delete(f"/api/v1/views/{made.json()['id']}")

    assert (made.status_code, made.json()["query"]) == (201, "version=behind&order=site")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "view_unknown")
    assert (listed, (await colleague.get("/api/v1/views")).json()) == ([made.json()], [])
    assert (removed.status_code, (await owner.get("/api/v1/views")).json()) == (204, [])
