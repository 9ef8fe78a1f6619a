"""A device that is dead or gone leaves the fleet: its place is free again, and what it still says counts no more."""

import pytest
from starlette.applications import Starlette

from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.journal.service import list_entries
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.role import Role
from tests.integration.console.box import ScriptedBox
from tests.integration.console.office import NEW, add_site, hire, make_key, open_account, open_client, sign_in
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio
API = "/api/v1"


async def test_a_dead_wrs_is_removed_and_another_takes_its_place(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    site = await add_site(console, account)
    _, token = await make_key(console, account, uses=2, kind=DeviceKind.WRS, site_id=site.id)
    dead, fresh = (ScriptedBox(open_client(app), clock, DeviceKind.WRS, name) for name in ("wrs-dead", "wrs-fresh"))
    await dead.enrol(token)
    await dead.renew_token()
    await dead.sync()
    admin = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, account))
    sent = await admin.post(f"{API}/devices/{dead.device_id}/actions", json={"kind": "reboot"})
    assert sent.status_code == 201, sent.text

    removed = await admin.delete(f"{API}/devices/{dead.device_id}")

    assert removed.status_code == 204
    assert (await admin.get(f"{API}/devices/{dead.device_id}")).json()["code"] == "device_unknown"
    assert (await admin.get(f"{API}/actions/{sent.json()['id']}")).json()["code"] == "action_unknown"
    await fresh.enrol(token)
    with pytest.raises(AssertionError, match="device_not_enrolled"):
        await dead.sync()
    async with console.database.read() as connection:
        entries = await list_entries(connection, Scope.account(account.id), Page())
    assert "device_removed" in {entry.verb for entry in entries.items}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.ACCOUNT_VIEWER, (403, "role_may_not")),
        (Role.ACCOUNT_OPERATOR, (403, "role_may_not")),
        (Role.VENDOR_SUPPORT, (403, "role_may_not")),
    ],
)
async def test_only_an_administrator_removes_a_device(
    role: Role, expected: tuple[int, str], console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    _, token = await make_key(console, account)
    box = ScriptedBox(open_client(app), clock, DeviceKind.CEBOX, "box")
    await box.enrol(token)
    caller = await sign_in(app, await hire(console, role, None if role is Role.VENDOR_SUPPORT else account))

    answer = await caller.delete(f"{API}/devices/{box.device_id}")

    assert (answer.status_code, answer.json()["code"]) == expected


async def test_another_accounts_device_is_not_found(console: Console, app: Starlette, clock: HandClock) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    other = await open_account(console, "Clinique Sud", NEW)
    _, token = await make_key(console, account)
    box = ScriptedBox(open_client(app), clock, DeviceKind.CEBOX, "box")
    await box.enrol(token)
    stranger = await sign_in(app, await hire(console, Role.ACCOUNT_ADMIN, other))

    answer = await stranger.delete(f"{API}/devices/{box.device_id}")

    assert (answer.status_code, answer.json()["code"]) == (404, "device_unknown")
