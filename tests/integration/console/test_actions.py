"""Actions through the admin API: forecast, sent, refused with the reason, withdrawn; for one device and for groups."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.accounts.records import Account
from cebox.console.accounts.service import get_account
from cebox.console.database.paging import Page
from cebox.console.journal.service import list_entries
from cebox.console.state import Console
from cebox.domain.device import PRESENCE, DeviceKind
from cebox.domain.migration import Phase
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase, ReportedEvent
from tests.integration.console.box import ScriptedBox, add_box, send_update
from tests.integration.console.office import (
    NEW,
    NEXT,
    OLD,
    add_site,
    hand_out,
    hire,
    migrate,
    open_account,
    open_client,
    sign_in,
)
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio

API = "/api/v1"


@dataclass
class Workshop:
    """One account on NEW with a box on OLD, and its operator at work."""

    account: Account
    box: ScriptedBox
    operator: httpx.AsyncClient

    async def send(self, box: ScriptedBox | None = None, **words: Any) -> httpx.Response:
        path = f"{API}/devices/{(box or self.box).device_id}/actions"
        return await self.operator.post(path, json={"kind": "update", **words})

    async def forecast(self, box: ScriptedBox | None = None, **words: Any) -> dict[str, Any]:
        path = f"{API}/devices/{(box or self.box).device_id}/preflight"
        answer = await self.operator.post(path, json=words)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def command(self, *boxes: ScriptedBox, **words: Any) -> httpx.Response:
        ids = [box.device_id for box in boxes]
        return await self.operator.post(f"{API}/commands", json={"kind": "update", "device_ids": ids, **words})


@pytest.fixture
async def workshop(console: Console, app: Starlette) -> Workshop:
    account = await open_account(console, "Atelier Nord", NEW)
    box = await add_box(console, open_client(app), account)
    operator = await sign_in(app, await hire(console, Role.ACCOUNT_OPERATOR, account))
    return Workshop(account, box, operator)


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_an_update_without_a_tag_takes_the_accounts_version(workshop: Workshop) -> None:
    forecast = await workshop.forecast()
    sent = await workshop.send(expected_version=forecast["resolution"]["version"])

    assert sent.status_code == 201
    action = sent.json()
    assert (action["state"], action["asked_tag"], action["asked_version"]) == ("waiting", None, str(NEW))
    assert (action["expected_version"], action["expected_source"]) == (str(NEW), "cloud")
    assert forecast["admission"] == "send"
    assert (forecast["download_bytes"], forecast["image_bytes"]) == (40_000_000, 64_000_000)
    shown = await workshop.operator.get(f"{API}/actions/{action['id']}")
    assert shown.json() == action
    listed = await workshop.operator.get(f"{API}/actions", params={"device": workshop.box.device_id})
    assert [one["id"] for one in listed.json()["items"]] == [action["id"]]


async def test_a_version_tag_reaches_the_box_with_its_version(console: Console, workshop: Workshop) -> None:
    await hand_out(console, "essai-2026.12", NEXT, [workshop.account.id])

    sent = await workshop.send(tag="essai-2026.12")
    (order,) = (await workshop.box.sync()).orders

    assert sent.status_code == 201
    assert (order.tag, order.version) == ("essai-2026.12", str(NEXT))


async def test_a_tag_nobody_handed_out_or_that_is_anothers_is_unknown(console: Console, workshop: Workshop) -> None:
    foreign = await open_account(console, "Clinique Sud", NEW)
    await hand_out(console, "essai-sud", NEXT, [foreign.id])

    answers = [await workshop.send(tag=tag) for tag in ("essai-nowhere", "essai-sud", foreign.tag_name)]

    assert {_code(answer) for answer in answers} == {(404, "tag_unknown")}
    assert _code(await workshop.send(tag="Not a tag!")) == (422, "tag_malformed")


async def test_a_tag_taken_away_before_the_device_came_back_refuses_the_action(
    console: Console, workshop: Workshop
) -> None:
    await hand_out(console, "essai-2026.12", NEXT, [workshop.account.id])
    await workshop.box.sync(is_leaving=True)
    queued = (await workshop.send(tag="essai-2026.12", at_next_start=True)).json()
    async with console.database.write() as unit:
        await unit.connection.exec_driver_sql("DELETE FROM tag_grants WHERE tag_name = 'essai-2026.12'")

    workshop.box.restart(is_leaving=False)
    answer = await workshop.box.sync()

    assert answer.orders == ()
    after = (await workshop.operator.get(f"{API}/actions/{queued['id']}")).json()
    assert (after["state"], after["code"]) == ("refused", "tag_unknown")


async def test_a_box_on_a_site_takes_its_wrss_version_and_the_console_says_so_first(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    site = await add_site(console, workshop.account)
    wrs = await add_box(console, open_client(app), workshop.account, "wrs", kind=DeviceKind.WRS, site_id=site.id)
    await wrs.sync(served=str(OLD), server_url="http://10.20.4.2:8480")
    box = await add_box(console, open_client(app), workshop.account, "on-site", site_id=site.id, running="2026.9.1")
    await hand_out(console, "essai-2026.12", NEXT, [workshop.account.id])

    forecast = await workshop.forecast(box, tag="essai-2026.12")
    away = await workshop.forecast(workshop.box, tag="essai-2026.12")
    shown = (await workshop.operator.get(f"{API}/devices/{box.device_id}")).json()
    spread = await workshop.forecast(wrs, tag="essai-2026.12")

    resolution = forecast["resolution"]
    assert (resolution["version"], resolution["source"], resolution["reason"]) == (str(OLD), "wrs", "site")
    assert {"code": "site_decides", "severity": "warns"} in forecast["findings"]
    assert (away["resolution"]["version"], away["resolution"]["source"]) == (str(NEXT), "cloud")
    assert (shown["would_take"]["version"], shown["would_take"]["is_overruled"]) == (str(OLD), True)
    assert "wrs_would_spread_test" in [finding["code"] for finding in spread["findings"]]


async def test_with_its_wrs_off_a_box_on_site_is_told_the_sites_version_from_the_cloud(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    site = await add_site(console, workshop.account)
    wrs = await add_box(console, open_client(app), workshop.account, "wrs", kind=DeviceKind.WRS, site_id=site.id)
    await wrs.sync(served=str(OLD), server_url="http://10.20.4.2:8480", is_leaving=True)
    box = await add_box(console, open_client(app), workshop.account, "on-site", site_id=site.id, running="2026.9.1")

    resolution = (await workshop.forecast(box))["resolution"]

    assert (resolution["version"], resolution["source"]) == (str(OLD), "cloud")
    assert resolution["reason"] == "site_without_wrs"


async def test_a_device_that_is_off_is_refused_with_the_way_out(workshop: Workshop, clock: HandClock) -> None:
    clock.advance(PRESENCE + timedelta(seconds=1))

    refused = await workshop.send()
    forecast = await workshop.forecast(at_next_start=True)
    queued = await workshop.send(at_next_start=True, expires_in_seconds=3600)

    assert _code(refused) == (409, "device_off")
    assert "at_next_start" in refused.json()["hint"]
    assert forecast["admission"] == "queue"
    assert queued.status_code == 201
    assert queued.json()["at_next_start"] is True
    assert queued.json()["deadline_at"] == (clock() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    workshop.box.token = ""
    assert [order.id for order in (await workshop.box.sync()).orders] == [queued.json()["id"]]


async def test_a_second_action_is_refused_while_one_is_under_way_but_not_while_one_waits_for_a_restart(
    console: Console, workshop: Workshop
) -> None:
    first = (await workshop.send()).json()
    busy = await workshop.send()
    off_and_busy = await workshop.operator.post(
        f"{API}/devices/{workshop.box.device_id}/actions", json={"kind": "reboot"}
    )
    await workshop.box.sync()
    await workshop.box.report(ReportedEvent.STAGE, first["id"])
    await workshop.box.sync(phase=BoxPhase.STAGED, staged=str(NEW))
    staged = await workshop.send()
    await migrate(console, workshop.account.id, NEXT)
    newer = await workshop.send()

    assert _code(busy) == _code(off_and_busy) == (409, "device_busy")
    assert _code(staged) == (409, "already_staged")
    assert newer.status_code == 201


async def test_a_device_that_went_off_in_the_middle_may_get_an_update_for_its_next_start(workshop: Workshop) -> None:
    await workshop.box.sync(phase=BoxPhase.REBOOTING, is_leaving=True)

    assert (await workshop.send(at_next_start=True)).status_code == 201
    assert _code(await workshop.send(at_next_start=True)) == (409, "device_busy")


async def test_what_was_shown_is_what_happens_or_the_sender_hears_of_the_difference(
    console: Console, workshop: Workshop
) -> None:
    shown = (await workshop.forecast())["resolution"]["version"]
    await migrate(console, workshop.account.id, NEXT)

    assert _code(await workshop.send(expected_version=shown)) == (409, "forecast_changed")


async def test_an_update_to_what_runs_already_or_is_too_large_is_refused(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    there = await add_box(console, open_client(app), workshop.account, "there", running=str(NEW))
    small = await add_box(console, open_client(app), workshop.account, "small", slot_bytes=1000)

    assert _code(await workshop.send(there)) == (409, "already_there")
    assert _code(await workshop.send(small)) == (409, "slot_too_small")


@pytest.mark.parametrize("seconds", [0, 59, 90 * 86400 + 1, -1])
async def test_an_expiry_out_of_range_is_refused(workshop: Workshop, seconds: int) -> None:
    assert (await workshop.send(expires_in_seconds=seconds)).status_code == 422


async def test_many_clicks_at_the_same_moment_send_one_action(workshop: Workshop) -> None:
    answers = await asyncio.gather(*(workshop.send() for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_a_shutdown_says_what_it_would_install_and_a_restart_what_it_would_finish(workshop: Workshop) -> None:
    shutdown = await workshop.forecast(kind="shutdown")
    await workshop.box.sync(phase=BoxPhase.STAGED, staged=str(NEW))
    reboot = await workshop.forecast(kind="reboot")
    staged = await workshop.forecast(kind="shutdown")
    await workshop.box.sync(phase=BoxPhase.IDLE, staged=None, failed_versions=(str(NEW),))
    failed = await workshop.forecast(kind="shutdown")
    sent = await workshop.operator.post(f"{API}/devices/{workshop.box.device_id}/actions", json={"kind": "shutdown"})

    assert shutdown["installs"]["version"] == str(NEW)
    assert (reboot["finalises"], staged["finalises"]) == (str(NEW), str(NEW))
    assert staged["installs"] is failed["installs"] is None
    assert sent.status_code == 201


async def test_power_needs_a_device_that_is_on(workshop: Workshop) -> None:
    await workshop.box.sync(is_leaving=True)

    refused = await workshop.operator.post(f"{API}/devices/{workshop.box.device_id}/actions", json={"kind": "reboot"})

    assert _code(refused) == (409, "device_off")
    assert "at_next_start" not in refused.json()["hint"]


async def test_another_accounts_device_and_its_actions_do_not_exist_here(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    foreign = await open_account(console, "Clinique Sud", NEW)
    box = await add_box(console, open_client(app), foreign, "secret-name")
    action = await send_update(console, box)
    path = f"{API}/devices/{box.device_id}"
    operator = workshop.operator

    answers = [
        await operator.get(path),
        await operator.get(f"{path}/events"),
        await operator.post(f"{path}/preflight", json={}),
        await operator.post(f"{path}/actions", json={"kind": "update"}),
        await operator.get(f"{API}/devices/dev_0000000000000000"),
        await operator.post(f"{API}/commands", json={"kind": "update", "device_ids": [box.device_id]}),
    ]
    actions = [
        await operator.get(f"{API}/actions/{action.id}"),
        await operator.post(f"{API}/actions/{action.id}/cancel"),
    ]

    assert {_code(answer) for answer in answers} == {(404, "device_unknown")}
    assert {_code(answer) for answer in actions} == {(404, "action_unknown")}
    assert _code(await operator.get(f"{API}/commands/cmd_0000000000000000")) == (404, "command_unknown")
    assert (await operator.get(f"{API}/actions")).json()["items"] == []


async def test_who_only_looks_may_forecast_and_send_nothing(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    action = await send_update(console, workshop.box)
    path = f"{API}/devices/{workshop.box.device_id}"
    for role, account in ((Role.ACCOUNT_VIEWER, workshop.account), (Role.VENDOR_SUPPORT, None)):
        looker = await sign_in(app, await hire(console, role, account))
        refused = [
            await looker.post(f"{path}/actions", json={"kind": "update"}),
            await looker.post(f"{API}/commands", json={"kind": "reboot", "device_ids": [workshop.box.device_id]}),
            await looker.post(f"{API}/actions/{action.id}/cancel"),
        ]
        assert {_code(answer) for answer in refused} == {(403, "role_may_not")}
        assert (await looker.post(f"{path}/preflight", json={})).status_code == 200
        assert (await looker.get(path)).status_code == 200


async def test_cancelling_works_until_the_restart_and_is_noted(console: Console, workshop: Workshop) -> None:
    first = (await workshop.send()).json()
    cancelled = await workshop.operator.post(f"{API}/actions/{first['id']}/cancel")
    again = await workshop.operator.post(f"{API}/actions/{first['id']}/cancel")
    second = (await workshop.send()).json()
    await workshop.box.sync()
    await workshop.box.report(ReportedEvent.REBOOT, second["id"])
    too_late = await workshop.operator.post(f"{API}/actions/{second['id']}/cancel")

    assert cancelled.json()["state"] == "cancelled"
    assert _code(again) == (409, "action_over")
    assert _code(too_late) == (409, "action_begun")
    async with console.database.read() as connection:
        entries = await list_entries(connection, local_operator().scope, Page())
    assert [entry.verb for entry in entries.items][:3] == ["update_sent", "action_cancelled", "update_sent"]


async def test_a_group_updates_who_can_and_says_who_cannot_and_why(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    client = open_client(app)
    off = await add_box(console, client, workshop.account, "off", is_on=False)
    there = await add_box(console, client, workshop.account, "there", running=str(NEW))
    foreign = await add_box(console, client, await open_account(console, "Clinique Sud", NEW), "foreign")
    boxes = (workshop.box, off, there, foreign)
    ids = [box.device_id for box in boxes]

    forecast = (await workshop.operator.post(f"{API}/group-preflight", json={"device_ids": ids})).json()
    sent = await workshop.command(*boxes)
    queued = await workshop.command(*boxes, at_next_start=True)

    outcome = {one["name"]: one["admission"] for one in forecast["devices"]}
    assert outcome == {"box": "send", "off": "refuse", "there": "refuse"}
    assert forecast["unknown_ids"] == [foreign.device_id]
    assert forecast["download_bytes"] == 40_000_000
    assert sent.status_code == 201, sent.text
    refusals = {one["device_id"]: one["finding"] for one in sent.json()["refusals"]}
    assert refusals == {
        off.device_id: "device_off",
        there.device_id: "already_there",
        foreign.device_id: "device_unknown",
    }
    assert (sent.json()["sent_count"], sent.json()["counts"]) == (1, {"waiting": 1})
    assert queued.json()["sent_count"] == 1
    shown = await workshop.operator.get(f"{API}/commands/{sent.json()['id']}")
    assert shown.json() == sent.json()
    listed = await workshop.operator.get(f"{API}/actions", params={"command": sent.json()["id"]})
    assert [one["device_id"] for one in listed.json()["items"]] == [workshop.box.device_id]


async def test_a_group_takes_no_tag(console: Console, workshop: Workshop) -> None:
    refused = await workshop.command(workshop.box, tag=workshop.account.tag_name)
    forecast = await workshop.operator.post(
        f"{API}/group-preflight", json={"device_ids": [workshop.box.device_id], "tag": "essai"}
    )

    assert _code(refused) == _code(forecast) == (422, "group_takes_no_tag")
    assert (await workshop.box.sync()).orders == ()


async def test_a_group_update_after_the_migration_opens_production(console: Console, workshop: Workshop) -> None:
    await migrate(console, workshop.account.id, NEXT)

    async def phase() -> Phase:
        async with console.database.read() as connection:
            return (await get_account(connection, local_operator().scope, workshop.account.id)).phase

    before = await phase()
    await workshop.command(workshop.box)

    assert (before, await phase()) == (Phase.MIGRATED, Phase.PRODUCTION)


async def test_a_group_that_can_do_nothing_opens_nothing(console: Console, workshop: Workshop) -> None:
    await migrate(console, workshop.account.id, NEXT)
    await workshop.box.sync(is_leaving=True)

    answer = await workshop.command(workshop.box)

    assert answer.json()["sent_count"] == 0
    async with console.database.read() as connection:
        account = await get_account(connection, local_operator().scope, workshop.account.id)
    assert account.phase is Phase.MIGRATED


async def test_a_group_of_several_accounts_is_refused_even_to_the_vendor(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    foreign = await add_box(console, open_client(app), await open_account(console, "Clinique Sud", NEW), "foreign")
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))

    ids = [workshop.box.device_id, foreign.device_id]
    refused = await vendor.post(f"{API}/commands", json={"kind": "reboot", "device_ids": ids})

    assert _code(refused) == (422, "devices_of_several_accounts")


async def test_a_group_restart_reaches_each_of_its_devices(
    console: Console, app: Starlette, workshop: Workshop
) -> None:
    other = await add_box(console, open_client(app), workshop.account, "other")

    sent = await workshop.command(workshop.box, other, kind="reboot")

    assert sent.json()["sent_count"] == 2
    for box in (workshop.box, other):
        assert [order.kind for order in (await box.sync()).orders] == ["reboot"]


async def test_a_larger_group_costs_no_more_statements(console: Console, app: Starlette, workshop: Workshop) -> None:
    client = open_client(app)
    boxes = [await add_box(console, client, workshop.account, f"box-{number:02}") for number in range(12)]
    counted: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counted.append(statement)

    event.listen(console.database.engine.sync_engine, "before_cursor_execute", count)
    try:
        await workshop.command(*boxes[:2])
        few = len(counted)
        await workshop.command(*boxes[2:])
        many = len(counted) - few
    finally:
        event.remove(console.database.engine.sync_engine, "before_cursor_execute", count)

    assert many <= few


async def test_group_bounds_are_said_clearly(workshop: Workshop) -> None:
    empty = await workshop.operator.post(f"{API}/commands", json={"kind": "update", "device_ids": []})
    many = await workshop.operator.post(
        f"{API}/commands", json={"kind": "update", "device_ids": [f"dev_{number}" for number in range(10_001)]}
    )

    assert (empty.status_code, many.status_code) == (422, 422)
