"""Announcements: told once, read per account; and the audit log that every change leaves a line in."""

import pytest
from starlette.applications import Starlette

from cebox.console.announcements.service import announce, count_unread
from cebox.console.database.scope import Scope
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.office import NEW, OLD, hire, open_account, publish, sign_in

pytestmark = pytest.mark.anyio


async def test_the_same_subject_is_announced_once(console: Console) -> None:
    nord = await open_account(console, "Nord")
    async with console.database.write() as unit:
        first = await announce(unit, "test", "test:1", {}, [nord.id], at=console.clock())
        second = await announce(unit, "test", "test:1", {"other": True}, [nord.id], at=console.clock())

    assert (first, second) == (True, False)
    async with console.database.read() as connection:
        assert await count_unread(connection, Scope.account(nord.id)) == 1


async def test_an_account_reads_for_itself(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    async with console.database.write() as unit:
        await announce(unit, "test", "test:1", {"date": "2026-12-01"}, [nord.id, sud.id], at=console.clock())
    operator = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, nord))
    neighbour = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, sud))
    vendor = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))
    told = (await operator.get("/api/v1/announcements?unread=true")).json()["items"]

    for _ in range(2):
        assert (await operator.post(f"/api/v1/announcements/{told[0]['id']}/read")).status_code == 204

    assert told[0]["facts"] == {"date": "2026-12-01"}
    assert (await operator.get("/api/v1/announcements?unread=true")).json()["items"] == []
    assert (await operator.get("/api/v1/announcements")).json()["items"][0]["is_read"] is True
    assert (await neighbour.get("/api/v1/announcements")).json()["items"][0]["is_read"] is False
    seen = (await vendor.get("/api/v1/announcements")).json()["items"][0]
    assert (seen["recipient_count"], seen["read_count"], seen["is_read"]) == (2, 1, False)


async def test_every_change_is_in_the_journal_with_who_did_it(console: Console, app: Starlette) -> None:
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    await publish(console, OLD, NEW)
    nord = (await vendor.post("/api/v1/accounts", json={"name": "Nord", "version": str(OLD)})).json()
    site = (await vendor.post(f"/api/v1/sites?account={nord['id']}", json={"name": "Lyon"})).json()
    changes = [
        ("POST", "/tags", {"name": "essai", "version": str(NEW), "account_ids": [nord["id"]]}),
        ("POST", f"/accounts/{nord['id']}/migration", {"version": str(NEW)}),
        ("PATCH", f"/sites/{site['id']}", {"networks": ["10.0.0.0/8", "2001:db8::/32"]}),
        ("POST", f"/keys?account={nord['id']}", {"name": "Key"}),
        (
            "POST",
            "/users",
            {
                "email": "a@b.example",
                "name": "A",
                "role": "account-admin",
                "password": "long enough",
                "account_id": nord["id"],
            },
        ),
        ("POST", f"/releases/{OLD}/withdraw", None),
    ]
    for method, path, body in changes:
        answer = await vendor.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text

    listed = (await vendor.get("/api/v1/journal")).json()["items"]
    # Looking at the journal of all accounts is in it too.
    entries = [entry for entry in listed if entry["verb"] != "account_viewed"]

    assert [entry["verb"] for entry in entries][:8] == [
        "release_withdrawn",
        "user_created",
        "key_created",
        "site_changed",
        "account_migrated",
        "tag_handed_out",
        "site_created",
        "account_created",
    ]
    assert {entry["user_name"] for entry in entries[:8]} == {"vendor-operator"}
    of_nord = (await vendor.get(f"/api/v1/journal?account={nord['id']}")).json()["items"]
    assert {entry["account_id"] for entry in of_nord} == {nord["id"]}
    assert "release_withdrawn" not in {entry["verb"] for entry in of_nord}


async def test_a_site_keeps_its_name_to_itself_within_the_account(console: Console, app: Starlette) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, nord))
    neighbour = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, sud))

    first = await admin.post("/api/v1/sites", json={"name": " Lyon ", "networks": ["10.0.0.0/8", "10.0.0.0/8"]})
    second = await admin.post("/api/v1/sites", json={"name": "Lyon"})
    elsewhere = await neighbour.post("/api/v1/sites", json={"name": "Lyon"})
    paris = await admin.post("/api/v1/sites", json={"name": "Paris"})
    renamed = await admin.patch(f"/api/v1/sites/{paris.json()['id']}", json={"name": "Lyon"})

    assert (first.status_code, first.json()["networks"]) == (201, ["10.0.0.0/8"])
    assert (second.status_code, second.json()["code"]) == (409, "site_exists")
    assert (elsewhere.status_code, renamed.status_code) == (201, 409)
