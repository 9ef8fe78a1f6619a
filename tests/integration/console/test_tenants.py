"""No account sees, lists, changes or can even tell the existence of what is another's."""

from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette

from cebox.console.accounts.records import Account
from cebox.console.announcements.service import announce
from cebox.console.state import Console
from cebox.domain.role import Role
from tests.integration.console.office import NEW, add_site, hand_out, hire, make_key, migrate, open_account, sign_in

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Neighbours:
    """Two customers with everything a customer can have, and the administrator of the first at work."""

    nord: Account
    sud: Account
    nord_admin: httpx.AsyncClient
    ids_of_sud: dict[str, str]


@pytest.fixture
async def neighbours(console: Console, app: Starlette) -> Neighbours:
    nord, sud = await open_account(console, "Atelier Nord"), await open_account(console, "Clinique Sud")
    ids = {}
    for account in (nord, sud):
        await hire(console, Role.ACCOUNT_ADMIN, account)
        site = await add_site(console, account, f"Site of {account.name}")
        key, _ = await make_key(console, account)
        await hand_out(console, f"essai-{account.tag_name}", NEW, [account.id])
        migrated = await migrate(console, account.id, NEW)
        assert migrated.migration is not None
        async with console.database.write() as unit:
            await announce(unit, "test", f"test:{account.id}", {"of": account.name}, [account.id], at=console.clock())
        ids = {"site": site.id, "key": key.id, "account": account.id}
    user = await hire(console, Role.ACCOUNT_ADMIN, nord, email="chef@nord.example")
    return Neighbours(nord, sud, await sign_in(app, user), ids)


@pytest.mark.parametrize(
    "path", ["/accounts", "/users", "/tags", "/sites", "/keys", "/announcements", "/journal", "/devices"]
)
async def test_a_list_holds_nothing_of_another_account(neighbours: Neighbours, path: str) -> None:
    answer = await neighbours.nord_admin.get(f"/api/v1{path}")

    assert answer.status_code == 200, answer.text
    if path != "/devices":
        assert answer.json()["items"]
    for trace in (neighbours.sud.id, neighbours.sud.name, neighbours.sud.tag_name, *neighbours.ids_of_sud.values()):
        assert trace not in answer.text


@pytest.mark.parametrize("path", ["/accounts", "/tags", "/sites", "/keys", "/announcements", "/journal", "/devices"])
async def test_naming_another_account_is_answered_as_if_it_did_not_exist(neighbours: Neighbours, path: str) -> None:
    of_another = await neighbours.nord_admin.get(f"/api/v1{path}", params={"account": neighbours.sud.id})
    of_nobody = await neighbours.nord_admin.get(f"/api/v1{path}", params={"account": "acc_0000000000000000"})

    assert of_another.status_code == of_nobody.status_code == 404
    assert of_another.json()["code"] == of_nobody.json()["code"] == "account_unknown"


async def test_one_thing_of_another_account_is_not_found(neighbours: Neighbours) -> None:
    client, ids = neighbours.nord_admin, neighbours.ids_of_sud
    for method, path, code in (
        ("GET", f"/accounts/{ids['account']}", "account_unknown"),
        ("GET", f"/accounts/{ids['account']}/migrations", "account_unknown"),
        ("GET", f"/sites/{ids['site']}", "site_unknown"),
        ("PATCH", f"/sites/{ids['site']}", "site_unknown"),
        ("DELETE", f"/keys/{ids['key']}", "key_unknown"),
    ):
        answer = await client.request(method, f"/api/v1{path}", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path


async def test_a_change_for_another_account_is_not_found_and_changes_nothing(neighbours: Neighbours) -> None:
    for path, body in (("/sites", {"name": "Mine now"}), ("/keys", {"name": "Mine now"})):
        answer = await neighbours.nord_admin.post(f"/api/v1{path}", params={"account": neighbours.sud.id}, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "account_unknown")


async def test_a_key_cannot_point_at_another_accounts_site(neighbours: Neighbours) -> None:
    body = {"name": "Crossed", "site_id": neighbours.ids_of_sud["site"]}

    answer = await neighbours.nord_admin.post("/api/v1/keys", json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "site_unknown")


async def test_a_user_of_another_account_cannot_be_changed(
    neighbours: Neighbours, console: Console, app: Starlette
) -> None:
    stranger = await hire(console, Role.ACCOUNT_VIEWER, neighbours.sud)
    operator = await hire(console, Role.VENDOR_OPERATOR)

    for user in (stranger, operator):
        answer = await neighbours.nord_admin.patch(f"/api/v1/users/{user.id}", json={"is_active": False})
        assert (answer.status_code, answer.json()["code"]) == (404, "user_unknown")
        await sign_in(app, user)


async def test_an_announcement_of_another_account_cannot_be_marked(neighbours: Neighbours, app: Starlette) -> None:
    own = (await neighbours.nord_admin.get("/api/v1/announcements")).json()["items"]
    assert {item["recipient_count"] for item in own} == {1}

    answer = await neighbours.nord_admin.post("/api/v1/announcements/ann_0000000000000000/read")

    assert (answer.status_code, answer.json()["code"]) == (404, "announcement_unknown")


async def test_holders_of_a_shared_tag_do_not_learn_of_one_another(neighbours: Neighbours, console: Console) -> None:
    await hand_out(console, "essai-commun", NEW, [neighbours.nord.id, neighbours.sud.id])

    tags = (await neighbours.nord_admin.get("/api/v1/tags")).json()["items"]

    shared = next(tag for tag in tags if tag["name"] == "essai-commun")
    assert shared["account_ids"] == [neighbours.nord.id]


async def test_the_vendor_sees_all_and_can_look_at_one(
    neighbours: Neighbours, console: Console, app: Starlette
) -> None:
    vendor = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))

    everything = (await vendor.get("/api/v1/sites")).json()["items"]
    one = (await vendor.get("/api/v1/sites", params={"account": neighbours.sud.id})).json()["items"]

    assert {site["account_id"] for site in everything} == {neighbours.nord.id, neighbours.sud.id}
    assert {site["account_id"] for site in one} == {neighbours.sud.id}


async def test_the_vendor_is_told_of_an_account_that_does_not_exist(console: Console, app: Starlette) -> None:
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))

    listed = await vendor.get("/api/v1/sites", params={"account": "acc_0000000000000000"})
    made = await vendor.post("/api/v1/sites", params={"account": "acc_0000000000000000"}, json={"name": "Paris"})
    unnamed = await vendor.post("/api/v1/sites", json={"name": "Paris"})

    assert (listed.status_code, listed.json()["code"]) == (404, "account_unknown")
    assert (made.status_code, made.json()["code"]) == (404, "account_unknown")
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "account_missing")
