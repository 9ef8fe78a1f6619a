"""The hub wakes who waits for a topic, nobody else, and everybody when it closes."""

import asyncio
import time

import pytest

from cebox.console.live.hub import Hub

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _let_them_begin(hub: Hub, count: int) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    assert hub.waiting_count == count


async def test_a_waiter_wakes_with_the_topics_it_asked_for_and_no_others() -> None:
    hub = Hub()
    async with hub.subscribe("device:a", "account:b") as subscription:
        hub.publish(["device:a", "device:c"])
        hub.publish(["account:b"])

        assert await subscription.wait(5) == {"device:a", "account:b"}


async def test_what_is_published_between_two_waits_is_not_missed_and_not_told_twice() -> None:
    hub = Hub()
    async with hub.subscribe("releases") as subscription:
        hub.publish(["releases"])

        assert await subscription.wait(5) == {"releases"}
        assert await subscription.wait(0) == set()
        hub.publish(["releases"])
        assert await subscription.wait(5) == {"releases"}


async def test_a_wait_ends_after_its_time_with_nothing() -> None:
    async with Hub().subscribe("device:a") as subscription:
        began = time.monotonic()

        assert await subscription.wait(0.05) == set()
        assert time.monotonic() - began >= 0.04


async def test_closing_releases_every_waiter_at_once_and_later_ones_too() -> None:
    hub = Hub()

    async def wait_long() -> bool:
        async with hub.subscribe("device:a", "account:b") as subscription:
            await subscription.wait(60)
            return subscription.is_closed

    waiting = [asyncio.create_task(wait_long()) for _ in range(100)]
    await _let_them_begin(hub, 100)
    hub.close()

    async with asyncio.timeout(2):
        assert all(await asyncio.gather(*waiting, wait_long()))
    assert hub.waiting_count == 0


async def test_who_left_is_forgotten_even_when_it_was_cancelled() -> None:
    hub = Hub()

    async def wait_long() -> None:
        async with hub.subscribe("device:a") as subscription:
            await subscription.wait(60)

    task = asyncio.create_task(wait_long())
    await _let_them_begin(hub, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert hub.waiting_count == 0
    hub.publish(["device:a"])


async def test_a_waiter_woken_for_another_reason_sees_no_topic() -> None:
    async with Hub().subscribe("device:a") as subscription:
        subscription.wake()

        assert await subscription.wait(5) == set()
