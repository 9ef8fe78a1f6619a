"""The hub: wakes those who wait (a box on a long-poll, a page on its event stream) when a change is committed.

Topics are plain texts:

    device:<id>     something for or about the device changed
    site:<id>       what the console tells the site's machines changed (its WRS, its networks)
    fleet:<id>      what the console tells every box of the account changed (its version)
    account:<id>    anything the account's pages show changed
    releases        the catalogue changed

It carries no content: whoever wakes reads the database, which is the truth. It lives in one process and belongs to its
event loop; several replicas will share topics behind this same class.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager


def device_topic(device_id: str) -> str:
    return f"device:{device_id}"


def site_topic(site_id: str) -> str:
    return f"site:{site_id}"


def fleet_topic(account_id: str) -> str:
    return f"fleet:{account_id}"


def account_topic(account_id: str) -> str:
    return f"account:{account_id}"


class Subscription:
    """One waiter. Topics published since the last `wait` are kept, so nothing is missed between two waits."""

    def __init__(self, topics: tuple[str, ...]) -> None:
        self.topics = topics
        self.is_closed = False
        self._seen: set[str] = set()
        self._awake = asyncio.Event()

    async def wait(self, timeout_seconds: float) -> set[str]:
        """The topics published since the last call; empty after the timeout, a `wake` or the hub's close."""
        if not self.is_closed and timeout_seconds > 0:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._awake.wait()
            except TimeoutError:
                pass
        if not self.is_closed:
            self._awake.clear()
        seen, self._seen = self._seen, set()
        return seen

    def wake(self, topic: str | None = None) -> None:
        """End the wait; without a topic because of something else the waiter watches, such as its connection."""
        if topic is not None:
            self._seen.add(topic)
        self._awake.set()

    def close(self) -> None:
        self.is_closed = True
        self._awake.set()


class Hub:
    """Publish and subscribe within one process. Call it from the event loop's thread only."""

    def __init__(self) -> None:
        self.is_closed = False
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._count = 0

    @property
    def waiting_count(self) -> int:
        """How many subscriptions are open."""
        return self._count

    def publish(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for subscription in self._subscriptions.get(topic, ()):
                subscription.wake(topic)

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[Subscription]:
        """From here on, `wait` sees what is published. Subscribe first, then read: a change in between is not lost."""
        subscription = Subscription(topics)
        if self.is_closed:
            subscription.close()
        self._add(subscription)
        try:
            yield subscription
        finally:
            self._remove(subscription)

    def close(self) -> None:
        """Release every waiter at once, and every later one without waiting: the process is about to stop."""
        self.is_closed = True
        for subscription in {one for many in self._subscriptions.values() for one in many}:
            subscription.close()

    def _add(self, subscription: Subscription) -> None:
        self._count += 1
        for topic in subscription.topics:
            self._subscriptions[topic].add(subscription)

    def _remove(self, subscription: Subscription) -> None:
        self._count -= 1
        for topic in subscription.topics:
            waiting = self._subscriptions[topic]
            waiting.discard(subscription)
            if not waiting:
                del self._subscriptions[topic]
