"""A box on a held exchange: answered at once when there is news, left alone when there is none."""

import asyncio
import time
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from cebox.console.state import Console
from cebox.domain.action import ActionState
from cebox.domain.device import PRESENCE, DeviceKind
from tests.integration.console.box import ScriptedBox, add_box, look_at, reload_action, send_update, wait_for_waiters
from tests.integration.console.office import NEW, OLD, add_site, migrate, open_account, open_client
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def box(console: Console, app: Starlette) -> ScriptedBox:
    """One box of an account that has moved on to NEW; it runs OLD."""
    account = await open_account(console, "Atelier Nord", NEW)
    return await add_box(console, open_client(app), account)


async def test_a_long_poll_answers_at_the_click_not_at_its_end(console: Console, box: ScriptedBox) -> None:
    await box.sync()
    waiting = asyncio.create_task(box.sync(wait=25))
    await wait_for_waiters(console, 1)

    clicked_at = time.monotonic()
    action = await send_update(console, box)
    answer = await waiting

    assert time.monotonic() - clicked_at < 12
    assert [order.id for order in answer.orders] == [action.id]
    assert (await reload_action(console, action)).state is ActionState.SENT


async def test_a_box_without_news_is_not_answered_before_its_time(console: Console, box: ScriptedBox) -> None:
    await box.sync()

    asked_at = time.monotonic()
    answer = await box.sync(wait=1)

    assert time.monotonic() - asked_at >= 0.95
    assert (answer.orders, answer.cancelled) == ((), ())


async def test_a_box_that_never_acknowledges_does_not_spin(console: Console, box: ScriptedBox) -> None:
    await send_update(console, box)
    await box.ask(box.prepare())

    asked_at = time.monotonic()
    answers = [await box.ask(box.prepare(), wait=1) for _ in range(2)]

    assert time.monotonic() - asked_at >= 1.9
    assert all(answer.orders for answer in answers)


async def test_the_accounts_new_version_reaches_a_waiting_box_at_once(console: Console, app: Starlette) -> None:
    account = await open_account(console, "Atelier Nord", OLD)
    box = await add_box(console, open_client(app), account)
    waiting = asyncio.create_task(box.sync(wait=25))
    await wait_for_waiters(console, 1)

    await migrate(console, account.id, NEW)

    async with asyncio.timeout(2):
        assert (await waiting).account_version == str(NEW)


async def test_a_box_that_was_away_during_a_migration_hears_of_it_at_once(console: Console, app: Starlette) -> None:
    account = await open_account(console, "Atelier Nord", OLD)
    box = await add_box(console, open_client(app), account)
    await migrate(console, account.id, NEW)

    async with asyncio.timeout(2):
        assert (await box.sync(wait=25)).account_version == str(NEW)


async def test_the_boxes_of_a_site_hear_of_their_wrs_and_what_it_serves(console: Console, app: Starlette) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    site = await add_site(console, account)
    box = await add_box(console, open_client(app), account, site_id=site.id)
    wrs = await add_box(console, open_client(app), account, "wrs", kind=DeviceKind.WRS, site_id=site.id)
    before = await box.sync()
    waiting = asyncio.create_task(box.sync(wait=25))
    await wait_for_waiters(console, 1)

    told = await wrs.sync(served=str(OLD), server_url="http://10.20.4.2:8480")

    async with asyncio.timeout(2):
        after = await waiting
    assert before.site is not None
    assert before.site.server is None
    assert after.site is not None
    assert after.site.server is not None
    assert after.site.server.url == "http://10.20.4.2:8480"
    assert after.site.server.version == str(OLD)
    assert after.site.server.public_key == wrs.identity.public_key
    assert after.site.networks == ("10.20.4.0/24",)
    assert told.site is not None
    assert (told.site.server, told.site.box_versions) == (None, (str(OLD),))


async def test_an_open_long_poll_keeps_a_box_on_and_a_heartbeat_is_written_behind(
    console: Console, box: ScriptedBox, clock: HandClock
) -> None:
    clock.advance(PRESENCE + timedelta(seconds=1))
    assert not (await look_at(console, box)).is_on

    await box.sync()

    assert (await look_at(console, box)).is_on


async def test_the_hubs_close_releases_waiting_boxes_at_once(console: Console, box: ScriptedBox) -> None:
    await box.sync()
    waiting = [asyncio.create_task(box.ask(box.prepare(), wait=25)) for _ in range(3)]
    await wait_for_waiters(console, 3)

    console.hub.close()

    async with asyncio.timeout(1):
        await asyncio.gather(*waiting)
    await wait_for_waiters(console, 0)
