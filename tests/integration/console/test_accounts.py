"""Accounts, the tags handed out to them, and their migration from test to production (R2, R3, R12)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette

from cebox.console.access import Caller, local_operator
from cebox.console.accounts import service
from cebox.console.accounts.service import AccountService, suggest_tag_name
from cebox.console.accounts.tables import accounts
from cebox.console.accounts.tables import migrations as migrations_table
from cebox.console.announcements.service import list_announcements
from cebox.console.announcements.tables import announcements
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.journal.service import list_entries
from cebox.console.live.hub import account_topic, fleet_topic
from cebox.console.releases.service import withdraw_release
from cebox.console.state import Console
from cebox.domain.ids import AccountId, TagName
from cebox.domain.migration import Phase
from cebox.domain.role import Role
from cebox.domain.tag import TagKind, resolve_tag
from cebox.domain.version import Version
from cebox.errors import CeboxError, Conflict, InvalidInput, NotFound, NotPermitted
from tests.integration.console.office import (
    NEW,
    NEXT,
    OLD,
    hand_out,
    hire,
    make_key,
    migrate,
    open_account,
    publish,
    sign_in,
)

pytestmark = pytest.mark.anyio


async def _count(console: Console, table: Any) -> int:
    async with console.database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def _phase(console: Console, account_id: AccountId) -> Phase:
    async with console.database.read() as connection:
        return (await service.get_account(connection, Scope.everything(), account_id)).phase


async def test_a_new_account_has_a_tag_of_its_own_that_means_its_version(console: Console) -> None:
    account = await open_account(console, "Clinique Sud", OLD)

    async with console.database.read() as connection:
        tags = await service.list_tags(connection, account.id)
    assert [(tag.name, tag.kind, tag.version) for tag in tags] == [("clinique-sud", TagKind.ACCOUNT, OLD)]
    assert resolve_tag(None, account.id, tags).version == account.version == OLD
    assert tags[0].account_ids == {account.id}


async def test_an_account_needs_a_published_release(console: Console) -> None:
    await publish(console, OLD)
    async with console.database.write() as unit:
        with pytest.raises(NotFound) as caught:
            await AccountService(unit, local_operator(), console.clock).create_account(
                "Nord", Version.parse("2030.1.1")
            )

    assert caught.value.code == "release_unknown"


@pytest.mark.parametrize(
    ("name", "tag", "code"),
    [
        ("Atelier Nord", "another-tag", "account_exists"),
        ("Another name", "atelier-nord", "tag_taken"),
        ("  ", None, "account_name_malformed"),
        ("Two\nlines", None, "account_name_malformed"),
        ("株式会社", None, "tag_malformed"),
        ("Nul\0", None, "account_name_malformed"),
    ],
)
async def test_an_account_that_cannot_be_is_refused(console: Console, name: str, tag: str | None, code: str) -> None:
    await open_account(console, "Atelier Nord")
    async with console.database.write() as unit:
        with pytest.raises(CeboxError) as caught:
            await AccountService(unit, local_operator(), console.clock).create_account(name, OLD, tag_name=tag)
        assert caught.value.code == code
        await unit.connection.rollback()


def test_a_tag_is_suggested_from_any_latin_name() -> None:
    assert suggest_tag_name("L'Été à Nîmes (30)") == "l-ete-a-nimes-30"


async def test_a_tag_handed_out_opens_the_test_of_those_accounts_alone(console: Console) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")

    noted = await hand_out(console, "essai-2026.11", NEW, [nord.id])

    assert noted.tag.account_ids == {nord.id}
    assert await _phase(console, nord.id) is Phase.TEST
    assert await _phase(console, sud.id) is Phase.PRODUCTION
    async with console.database.read() as connection:
        open_to_sud = await service.list_tags(connection, sud.id)
        assert (
            resolve_tag(TagName("essai-2026.11"), nord.id, await service.list_tags(connection, nord.id)).version == NEW
        )
    with pytest.raises(NotFound, match="essai"):
        resolve_tag(TagName("essai-2026.11"), sud.id, open_to_sud)


async def test_handing_a_tag_out_again_changes_nothing(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await hand_out(console, "essai", NEW, [nord.id])
    await migrate(console, nord.id, NEW)

    await hand_out(console, "essai", NEW, [nord.id])

    assert await _phase(console, nord.id) is Phase.MIGRATED


async def test_moving_a_tag_moves_it_for_all_its_holders(console: Console) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")
    await hand_out(console, "essai", NEW, [nord.id])
    await migrate(console, nord.id, NEW)

    moved = await hand_out(console, "essai", NEXT, [sud.id])

    assert moved.tag.account_ids == {nord.id, sud.id}
    assert await _phase(console, nord.id) is Phase.TEST
    async with console.database.read() as connection:
        assert {tag.name: tag.version for tag in await service.list_tags(connection, nord.id)}[moved.tag.name] == NEXT


async def test_an_account_tag_is_not_for_handing_out(console: Console) -> None:
    nord, sud = await open_account(console, "Nord"), await open_account(console, "Sud")

    with pytest.raises(Conflict) as caught:
        await hand_out(console, nord.tag_name, NEW, [sud.id])

    assert caught.value.code == "tag_is_an_accounts"


async def test_a_tag_handed_out_to_an_unknown_account_is_handed_out_to_nobody(console: Console) -> None:
    nord = await open_account(console, "Nord")

    with pytest.raises(NotFound) as caught:
        await hand_out(console, "essai", NEW, [nord.id, AccountId("acc_0000000000000000")])

    assert caught.value.code == "account_unknown"
    async with console.database.read() as connection:
        assert [tag.name for tag in await service.list_tags(connection, nord.id)] == ["nord"]


async def test_a_tag_needs_somebody_to_be_handed_out_to(console: Console) -> None:
    await publish(console, NEW)

    with pytest.raises(InvalidInput) as caught:
        await hand_out(console, "essai", NEW, [])

    assert caught.value.code == "accounts_missing"


async def test_a_migration_moves_the_version_announces_itself_and_opens_production(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await make_key(console, nord, uses=3)
    await hand_out(console, "essai", NEW, [nord.id])
    async with console.hub.subscribe(fleet_topic(nord.id), account_topic(nord.id)) as waiter:
        migrated = await migrate(console, nord.id, NEW)
        assert await waiter.wait(0) == {fleet_topic(nord.id), account_topic(nord.id)}

    assert (migrated.account.version, migrated.account.phase) == (NEW, Phase.MIGRATED)
    async with console.database.read() as connection:
        told = (await list_announcements(connection, Scope.account(nord.id), Page())).items
        noted = (await list_entries(connection, Scope.account(nord.id), Page())).items
    assert told[0].facts == {"from": str(OLD), "to": str(NEW), "out_of_date_keys": 1}
    assert noted[0].verb == "account_migrated"
    async with console.database.write() as unit:
        await service.open_production(unit, nord.id)
        await service.open_production(unit, nord.id)
    assert await _phase(console, nord.id) is Phase.PRODUCTION


async def test_a_group_update_in_the_test_phase_opens_nothing(console: Console) -> None:
    nord = await open_account(console, "Nord")
    await hand_out(console, "essai", NEW, [nord.id])

    async with console.database.write() as unit:
        await service.open_production(unit, nord.id)

    assert await _phase(console, nord.id) is Phase.TEST


async def test_a_migration_sent_twice_is_one_migration_and_one_announcement(console: Console) -> None:
    nord = await open_account(console, "Nord")
    first = await migrate(console, nord.id, NEW)
    told = await _count(console, announcements)

    second = await migrate(console, nord.id, NEW)

    assert first.migration is not None
    assert second.migration is None
    assert await _count(console, migrations_table) == 1
    assert await _count(console, announcements) == told


async def test_migrations_sent_at_the_same_moment_are_one_migration_and_one_announcement(console: Console) -> None:
    nord = await open_account(console, "Nord")
    told = await _count(console, announcements)

    results = await asyncio.gather(*(migrate(console, nord.id, NEW) for _ in range(8)))

    assert [result.migration for result in results].count(None) == 7
    assert {result.account.version for result in results} == {NEW}
    assert await _count(console, migrations_table) == 1
    assert await _count(console, announcements) == told + 1


async def test_an_account_can_be_taken_back_to_an_earlier_release(console: Console) -> None:
    nord = await open_account(console, "Nord", NEW)

    migrated = await migrate(console, nord.id, OLD)

    assert migrated.account.version == OLD


@pytest.mark.parametrize(("version", "code"), [("2030.1.1", "release_unknown"), ("2026.11.1", "release_withdrawn")])
async def test_a_migration_to_what_is_not_offered_changes_nothing(console: Console, version: str, code: str) -> None:
    nord = await open_account(console, "Nord")
    async with console.database.write() as unit:
        await withdraw_release(unit, local_operator(), console.clock, NEW)

    with pytest.raises(CeboxError) as caught:
        await migrate(console, nord.id, Version.parse(version))

    assert caught.value.code == code
    async with console.database.read() as connection:
        assert (await service.get_account(connection, Scope.everything(), nord.id)).version == OLD


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VENDOR_OPERATOR])
async def test_only_the_vendors_operator_migrates_and_hands_out(console: Console, role: Role) -> None:
    nord = await open_account(console, "Nord")
    account_id = None if role is Role.VENDOR_SUPPORT else nord.id
    caller = Caller("usr_1", "a@b.example", "A", role, account_id)
    async with console.database.write() as unit:
        accounts_of_caller = AccountService(unit, caller, console.clock)
        with pytest.raises(NotPermitted):
            await accounts_of_caller.migrate_account(nord.id, NEW)
        with pytest.raises(NotPermitted):
            await accounts_of_caller.hand_out_tag("essai", NEW, [nord.id])
        with pytest.raises(NotPermitted):
            await accounts_of_caller.create_account("Sud", NEW)


async def test_the_migration_is_carried_out_over_the_api(console: Console, app: Starlette) -> None:
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    await publish(console, OLD, NEW)
    made = await vendor.post("/api/v1/accounts", json={"name": "Atelier Nord", "version": str(OLD)})
    account_id = made.json()["id"]
    body = {"name": "essai", "version": str(NEW), "account_ids": [account_id], "note": "Try it.\nThen tell us."}

    tag = await vendor.post("/api/v1/tags", json=body)
    first = await vendor.post(f"/api/v1/accounts/{account_id}/migration", json={"version": str(NEW)})
    second = await vendor.post(f"/api/v1/accounts/{account_id}/migration", json={"version": str(NEW)})

    assert made.status_code == tag.status_code == 201
    assert (made.json()["tag_name"], made.json()["phase"]) == ("atelier-nord", "production")
    assert tag.json()["account_ids"] == [account_id]
    assert first.json()["account"] == {**made.json(), "version": str(NEW), "phase": "migrated"}
    assert first.json()["migration"]["from_version"] == str(OLD)
    assert second.json()["migration"] is None
    listed = (await vendor.get(f"/api/v1/accounts/{account_id}/migrations")).json()["items"]
    assert [one["id"] for one in listed] == [first.json()["migration"]["id"]]


async def test_a_list_comes_in_pieces_without_loss_or_repetition(console: Console, app: Starlette) -> None:
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))
    names = [f"Account {number}" for number in range(5)]
    for name in reversed(names):
        await open_account(console, name)

    found, after = [], None
    for _ in range(3):
        answer = (
            await vendor.get("/api/v1/accounts", params={"limit": 2, **({"after": after} if after else {})})
        ).json()
        found += [account["name"] for account in answer["items"]]
        after = answer["next"]

    assert found == names
    assert after is None
    assert await _count(console, accounts) == 5


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzFd", "WyJhIiwiYiJd", "WyJcdTAwMDAiXQ", "%FF", "W3siYXQiOiAxfV0"])
async def test_a_made_up_cursor_is_refused(console: Console, app: Starlette, cursor: str) -> None:
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))

    answer = await vendor.get("/api/v1/accounts", params={"after": cursor})

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")
