"""The journal: what is found in it, how it leaves, and that nothing in it is ever changed."""

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.accounts.records import Account
from cebox.console.journal import service
from cebox.console.journal.looks import NOTED_FOR
from cebox.console.journal.tables import audit_entries
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.box import add_box
from tests.integration.console.browsing import browse
from tests.integration.console.office import add_site, hire, open_account, open_client, sign_in
from tests.integration.console.test_routes import CHANGING, walk
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

JOURNAL = "/api/v1/journal"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.example")']


async def _note(console: Console, account: Account, subject: str, **facts: object) -> None:
    async with console.database.write() as unit:
        await service.record(unit, local_operator(), "site_changed", subject, facts, account.id, at=console.clock())


async def test_who_did_what_from_where_and_what_was_before(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    boss = await hire(console, Role.ACCOUNT_ADMIN, nord)
    user = await hire(console, Role.ACCOUNT_VIEWER, nord)
    admin = await sign_in(app, boss)
    await admin.patch(f"/api/v1/users/{user.id}", json={"role": "account-operator"})

    entry = (await admin.get(JOURNAL)).json()["items"][0]

    assert (entry["verb"], entry["subject"], entry["user_id"]) == ("user_changed", user.id, boss.id)
    assert (entry["before"], entry["facts"]) == ({"role": "account-viewer"}, {"role": "account-operator"})
    assert entry["address"] == "127.0.0.1"


async def test_filters_find_by_person_kind_object_and_date(console: Console, app: Starlette, clock: HandClock) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    boss = await hire(console, Role.ACCOUNT_ADMIN, nord)
    await _note(console, nord, "sit_1")
    clock.advance(timedelta(days=2))
    middle = clock()
    await _note(console, nord, "sit_2")
    await _note(console, sud, "sit_2")
    admin = await sign_in(app, boss)

    async def find(**wanted: str) -> list[str]:
        return [one["subject"] for one in (await admin.get(JOURNAL, params=wanted)).json()["items"]]

    assert await find(subject="sit_2") == ["sit_2"]
    assert await find(verb="site_changed") == ["sit_2", "sit_1"]
    assert await find(verb="site_changed", since=middle.isoformat()) == ["sit_2"]
    assert await find(verb="site_changed", until=middle.isoformat()) == ["sit_1"]
    assert await find(user="local", verb="site_changed", limit="1") == ["sit_2"]
    assert len(await find(user=boss.id)) == 1
    assert (await admin.get(JOURNAL, params={"since": "yesterday"})).status_code == 422


async def test_entries_of_one_moment_are_paged_without_loss(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord")
    for number in range(23):
        await _note(console, nord, f"sit_{number}")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    found: list[str] = []
    wanted = {"verb": "site_changed", "limit": "5"}
    while True:
        answer = (await admin.get(JOURNAL, params=wanted)).json()
        found += [one["subject"] for one in answer["items"]]
        if answer["next"] is None:
            break
        wanted["after"] = answer["next"]

    assert found == [f"sit_{number}" for number in reversed(range(23))]


async def test_an_export_holds_what_the_filters_find_and_calculates_nothing(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    for formula in FORMULAS:
        await _note(console, nord, formula, name=formula)
    await _note(console, sud, "sit_of_sud")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    wanted = {"verb": "site_changed"}

    table = await admin.get(f"{JOURNAL}/export", params={**wanted, "format": "csv"})
    lines = await admin.get(f"{JOURNAL}/export", params=wanted)

    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["subject"] for row in reversed(rows)] == [f"'{formula}" for formula in FORMULAS]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())
    assert [json.loads(line)["subject"] for line in lines.text.splitlines()] == list(reversed(FORMULAS))
    assert "attachment" in table.headers["content-disposition"]
    assert "sit_of_sud" not in table.text + lines.text


async def test_the_page_filters_and_offers_the_same_as_a_file(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    nord = await open_account(console, "Nord")
    await _note(console, nord, "sit_1")
    boss = await hire(console, Role.ACCOUNT_ADMIN, nord)
    day = clock().date().isoformat()
    async with browse(app, boss.email) as client:
        found = await client.get(f"/journal?verb=site_changed&since={day}&until={day}")
        nothing = await client.get("/journal?subject=sit_9&since=nonsense")
        exported = await client.get(f"/journal/export?verb=site_changed&since={day}&until={day}&format=csv")

    assert "sit_1" in found.text
    assert "Aucune entrée ne correspond" in nothing.text
    assert len(exported.text.splitlines()) == 2


async def test_no_route_changes_the_journal(app: Starlette) -> None:
    touching = {address.method for address in walk(app.routes) if "journal" in address.path}

    assert touching == {"GET"}
    assert not touching & CHANGING


async def test_the_database_itself_keeps_entries_as_they_are(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await _note(console, nord, "sit_1")
    statements = [
        update(audit_entries).values(verb="nothing_happened"),
        delete(audit_entries),
        delete(audit_entries).where(audit_entries.c.subject == "sit_1"),
    ]
    if console.database.url.get_backend_name() == "postgresql":
        statements.append(text("TRUNCATE audit_entries"))  # type: ignore[arg-type]
    for statement in statements:
        with pytest.raises(DBAPIError, match="never changed"):
            async with console.database.write() as unit:
                await unit.connection.execute(statement)


async def _list_looks(console: Console) -> list[tuple[str | None, str]]:
    async with console.database.read() as connection:
        rows = await connection.execute(
            audit_entries.select().where(audit_entries.c.verb == "account_viewed").order_by(audit_entries.c.id)
        )
        return [(row.account_id, row.facts["page"]) for row in rows]


async def test_a_look_of_the_vendors_people_is_noted_once_per_page(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    box = await add_box(console, open_client(app), sud)
    support = await hire(console, Role.VENDOR_SUPPORT)
    async with browse(app, support.email) as client:
        for _ in range(3):
            await client.get(f"/sites?account={nord.id}")
            await client.get(f"/devices/{box.device_id}")
            await client.get("/devices/dev_0000000000000000")
        assert await _list_looks(console) == [
            (nord.id, "/sites"),
            (sud.id, f"/devices/{box.device_id}"),
            (nord.id, "/devices/dev_0000000000000000"),
        ]
        clock.advance(NOTED_FOR)
        await client.get(f"/sites?account={nord.id}")
    assert (await _list_looks(console))[-1] == (nord.id, "/sites")


async def test_what_the_vendors_programs_read_is_noted_and_the_customer_sees_it(
    console: Console, app: Starlette
) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    site = await add_site(console, nord)
    support = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    neighbour = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))
    for _ in range(2):
        await support.get(f"/api/v1/sites/{site.id}")
        await support.get("/api/v1/keys", params={"account": nord.id})
        await support.get("/api/v1/sites")
        await support.get("/api/v1/me")
    await admin.get("/api/v1/sites")

    assert await _list_looks(console) == [
        (nord.id, f"/api/v1/sites/{site.id}"),
        (nord.id, "/api/v1/keys"),
        (None, "/api/v1/sites"),
    ]
    seen = (await admin.get(JOURNAL, params={"verb": "account_viewed"})).json()["items"]
    assert {one["user_name"] for one in seen} == {"vendor-support"}
    assert len(seen) == 2
    assert (await neighbour.get(JOURNAL, params={"verb": "account_viewed"})).json()["items"] == []
