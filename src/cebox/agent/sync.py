"""The exchange with the console: what the box sees goes out, orders come in; both through the journal.

When to exchange is `conversation`'s.
"""

import threading
from datetime import datetime, timedelta

from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.enrolment import note_site
from cebox.agent.journal import Facts, Journal
from cebox.agent.orders import accept_order, withdraw_order
from cebox.agent.place import find_place
from cebox.agent.states import PHASES
from cebox.agent.waking import wake_machines
from cebox.kit.clock import format_utc
from cebox.protocol.device import Observed, SyncRequest, SyncResponse
from cebox.protocol.device_client import DeviceClient

# Below this, a difference between the clocks is the network's.
_OFFSET_TOLERANCE_SECONDS = 5
# A message stays well below what the console takes at once; the rest goes with the next.
_RESULTS_SENT = 50


class Exchange:
    """Builds requests and takes in answers; threads may ask at the same time."""

    def __init__(self, box: Box, client: DeviceClient) -> None:
        self._box = box
        self._client = client
        self._lock = threading.Lock()
        self._sequence = 0
        self._is_leaving = False

    def poll(self, wait_seconds: int) -> SyncResponse:
        """Observed state and acknowledgements out; held by the console until it has something to say."""
        return self._sync(wait_seconds=wait_seconds, with_results=False)

    def report(self) -> SyncResponse:
        """Results and progress out, at once."""
        return self._sync(wait_seconds=0, with_results=True)

    def say_goodbye(self) -> None:
        """Results out, and the last word before power goes; whatever another thread still says, says it too."""
        self._is_leaving = True
        self._sync(wait_seconds=0, with_results=True)

    def _sync(self, *, wait_seconds: int, with_results: bool) -> SyncResponse:
        with self._lock:
            request = self._build(with_results=with_results)
        response = self._client.sync(request, wait_seconds=wait_seconds)
        with self._lock:
            before = self._box.journal.now
            after = self._box.journal.change(lambda now: self._take_in(now, request, response))
        if _what_wakes(before) != _what_wakes(after):
            self._box.wake()
        if after.to_wake:
            wake_machines(self._box)
            after = self._box.journal.now
        if before.facts.site != after.facts.site:
            note_site(self._box.settings.identity_file, after.facts.site.id if after.facts.site else None)
        known = {result.id for result in before.results}
        is_more = with_results and (after.to_acknowledge or 0 < len(after.results) < len(before.results))
        if is_more or any(result.id not in known for result in after.results):
            self._box.live.changed.set()
        return response

    def _build(self, *, with_results: bool) -> SyncRequest:
        # Grows within a boot over restarts of the agent too: the machine's own clock since it started.
        self._sequence = max(self._sequence + 1, int(self._box.monotonic() * 1000))
        journal = self._box.journal.now
        return SyncRequest(
            observed=observe(self._box, sequence=self._sequence, is_leaving=self._is_leaving),
            acknowledged=journal.to_acknowledge,
            results=journal.results[:_RESULTS_SENT] if with_results else (),
            progress=self._box.live.find_progress(),
        )

    def _take_in(self, journal: Journal, request: SyncRequest, response: SyncResponse) -> Journal:
        """One save for the whole answer: what it acknowledges of ours, what it says, what it orders."""
        at = self._box.stamp()
        received = set(response.received_results)
        told = set(request.acknowledged)
        journal = replace(
            journal,
            facts=_take_facts(journal.facts, response, self._box.clock()),
            results=tuple(result for result in journal.results if result.id not in received),
            to_acknowledge=tuple(order_id for order_id in journal.to_acknowledge if order_id not in told),
        )
        for order in response.orders:
            journal = accept_order(journal, order, at=at, request_power=self._box.request_power)
        for order_id in response.cancelled:
            journal = withdraw_order(journal, order_id, at=at)
        return journal


def _what_wakes(journal: Journal) -> tuple[object, ...]:
    """What a box that rests or waits has to look at anew."""
    facts = journal.facts
    return journal.queue, journal.power, journal.update, journal.staged, facts.settings, facts.site


def observe(box: Box, *, sequence: int, is_leaving: bool = False) -> Observed:
    """What the box sees of itself now."""
    journal, slots = box.journal.now, box.machine.slots
    running_slot = slots.get_running()
    running = slots.find_content(running_slot)
    other = slots.find_content(running_slot.other)
    staged = journal.staged.version if journal.staged and journal.staged.slot is not running_slot else None
    return Observed(
        boot=journal.boot,
        sequence=sequence,
        phase=PHASES[journal.state],
        place=find_place(box),
        running=running.version if running else None,
        staged=staged,
        previous=other.version if other and not staged else None,
        failed_versions=journal.failed_versions,
        slot_bytes=slots.get_size_bytes(running_slot.other),
        agent_version=box.agent_version,
        clock=format_utc(box.clock()),
        is_leaving=is_leaving,
        wrs_reachable=box.live.wrs_reachable,
        served=box.live.served,
        server_url=box.settings.server_url,
        lan_addresses=box.machine.lan.list_addresses(),
    )


def _take_facts(facts: Facts, response: SyncResponse, clock: datetime) -> Facts:
    server = response.site.server if response.site else None
    offset_seconds = _measure_offset(response.time, clock)
    is_moved = abs(offset_seconds - facts.clock_offset_seconds) > _OFFSET_TOLERANCE_SECONDS
    return replace(
        facts,
        account_version=response.account_version,
        repository_url=response.repository_url or facts.repository_url,
        site=response.site,
        site_version=(server.version or facts.site_version) if server else None,
        settings=response.settings,
        clock_offset_seconds=offset_seconds if is_moved else facts.clock_offset_seconds,
    )


def _measure_offset(console_time: str, clock: datetime) -> int:
    try:
        offset = datetime.fromisoformat(console_time) - clock
    except (ValueError, TypeError):
        return 0
    return offset // timedelta(seconds=1)
