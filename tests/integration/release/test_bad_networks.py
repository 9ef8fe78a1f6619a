"""A whole update over each bad network there is: it ends with the right bytes, or with an error that says why, and
never takes again what had come already.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cebox.errors import CeboxError, Unavailable, Untrusted
from cebox.release.applying.apply import Applied, apply_best
from cebox.release.manifest import Image, find_way, full_way
from cebox.release.network.transport import HttpTransport
from tests.integration.release.conftest import Vendor
from tests.integration.release.samples import new_image, read_slot
from tests.servers.bad_proxy import BadProxy
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.lossy_link import SERVER_ADDRESS, LossyLink, find_obstacle
from tests.servers.range_server import RangeServer

# What may have left the server and not come into the update's hands when a connection ends.
IN_FLIGHT_BYTES = 64 << 10
MOST_HEADER_BYTES = 512


@dataclass
class Updater:
    """A box with an empty slot. `take` may be called again and again, as a box does."""

    image: Image
    slot: Path
    received_bytes: int = 0
    waits: list[float] = field(default_factory=list)

    def take(
        self,
        url: str | Callable[[], str],
        *,
        old: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
        on_wait: Callable[[int], None] = lambda number: None,
        timeout_seconds: float = 5,
        give_up_after_seconds: float = 3,
        most_retry_after_seconds: float = 60,
    ) -> Applied:
        def pause(seconds: float) -> None:
            self.waits.append(seconds)
            on_wait(len(self.waits))
            time.sleep(seconds)

        with HttpTransport(
            url,
            timeout_seconds=timeout_seconds,
            give_up_after_seconds=give_up_after_seconds,
            most_retry_after_seconds=most_retry_after_seconds,
            first_wait_seconds=0.01,
            most_wait_seconds=0.05,
            pause=pause,
        ) as transport:
            try:
                return apply_best(
                    self.image,
                    self.image.ways[-1].from_sha256 if old else None,
                    transport,
                    slot=self.slot,
                    old=old,
                    resume=True,
                    progress=progress,
                )
            finally:
                self.received_bytes += transport.received_bytes

    def take_in_vain(
        self, url: str, *, give_up_after_seconds: float = 3, most_retry_after_seconds: float = 60
    ) -> CeboxError:
        with pytest.raises(CeboxError) as refusal:
            self.take(
                url,
                give_up_after_seconds=give_up_after_seconds,
                most_retry_after_seconds=most_retry_after_seconds,
            )
        return refusal.value

    @property
    def is_done(self) -> bool:
        return read_slot(self.slot, self.image) == new_image()

    @property
    def has_no_wrong_byte(self) -> bool:
        """Everything in the slot is the image's, or still the zero that was there."""
        there = self.slot.read_bytes()[: self.image.size]
        return all(one in (0, right) for one, right in zip(there, new_image(), strict=True))


@pytest.fixture
def updater(vendor: Vendor, slot: Path) -> Updater:
    return Updater(vendor.image, slot)


@pytest.fixture
def full_bytes(vendor: Vendor) -> int:
    return full_way(vendor.image).blob.size


@pytest.fixture
def line(server: RangeServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture
def proxy(server: RangeServer) -> Iterator[BadProxy]:
    with BadProxy(server.url) as running:
        yield running


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(cut_after_bytes=1 << 20), id="cut-1MB"),
        pytest.param(Faults(cut_after_bytes=50_000), id="cut-50kB"),
        pytest.param(Faults(cut_after_bytes=1 << 20, latency_seconds=0.3), id="cut-1MB-and-600ms"),
        pytest.param(Faults(stall_after_bytes=400_000, most_faulty=3), id="stall"),
        pytest.param(Faults(stall_after_bytes=100_000, most_faulty=2, latency_seconds=0.05), id="stall-and-100ms"),
        pytest.param(Faults(cut_after_bytes=10, most_faulty=5), id="cut-in-the-headers"),
    ],
)
def test_whatever_ends_the_connections_each_byte_is_fetched_once(
    faults: Faults, line: FaultProxy, updater: Updater, full_bytes: int
) -> None:
    line.faults = faults
    # Longer than the two round trips before the first byte.
    updater.take(line.url, timeout_seconds=0.5 + 5 * faults.latency_seconds)

    assert updater.is_done
    assert updater.received_bytes == full_bytes
    assert line.passed_bytes <= full_bytes + line.connections * (MOST_HEADER_BYTES + IN_FLIGHT_BYTES)


def test_a_connection_that_is_reset_costs_what_was_in_flight(
    line: FaultProxy, updater: Updater, full_bytes: int
) -> None:
    line.faults = Faults(reset_after_bytes=300_000)
    updater.take(line.url)

    assert updater.is_done
    assert updater.received_bytes == full_bytes


def test_a_long_way_costs_few_round_trips(
    line: FaultProxy, server: RangeServer, updater: Updater, old_slot: Path
) -> None:
    line.faults = Faults(latency_seconds=0.3)
    applied = updater.take(line.url, old=old_slot)

    assert updater.is_done
    assert applied.fell_back is None
    assert len(server.requests) <= 4


def test_a_server_that_is_away_for_a_while_is_waited_for(line: FaultProxy, updater: Updater, full_bytes: int) -> None:
    line.faults = Faults(cut_after_bytes=800_000)

    def go_away_and_come_back(number: int) -> None:
        if number == 1:
            line.refuse()
        if number == 5:
            line.admit()

    updater.take(line.url, on_wait=go_away_and_come_back)

    assert updater.is_done
    assert updater.received_bytes == full_bytes
    assert len(updater.waits) >= 5


@pytest.mark.parametrize("is_dead", [True, False], ids=["the-old-is-dead", "the-old-still-answers"])
def test_a_changed_address_is_used_for_the_rest(
    is_dead: bool, server: RangeServer, updater: Updater, full_bytes: int
) -> None:
    with RangeServer(server.folder) as new_server:
        known = [server.url]

        def move(done: int, _total: int) -> None:
            if done > full_bytes // 2 and len(known) == 1:
                known.append(new_server.url)
                if is_dead:
                    server.stop()

        updater.take(lambda: known[-1], progress=move)

        assert updater.is_done
        assert updater.received_bytes <= full_bytes + IN_FLIGHT_BYTES
        assert 0 < new_server.sent_bytes <= full_bytes // 2 + IN_FLIGHT_BYTES


def test_a_server_behind_a_name_that_moved_is_found_again(
    line: FaultProxy, server: RangeServer, updater: Updater, full_bytes: int
) -> None:
    """The same address, another machine: what a name in DNS looks like."""
    with RangeServer(server.folder) as new_server:

        def move(done: int, _total: int) -> None:
            if done > full_bytes // 2 and line.target_port != new_server.port:
                line.target_port = new_server.port
                server.stop()

        updater.take(line.url, progress=move)

    assert updater.is_done
    assert updater.received_bytes == full_bytes


@pytest.mark.skipif(find_obstacle() is not None, reason=find_obstacle() or "")
def test_an_update_comes_through_a_line_that_loses_a_tenth_at_600_ms(
    server: RangeServer, updater: Updater, old_slot: Path
) -> None:
    """Real packets, really lost: the patch, for a whole image would take the test's minute."""
    with LossyLink(loss=0.1, latency_seconds=0.3) as link:
        far = RangeServer(server.folder, host=SERVER_ADDRESS)
        link.run_at_server(far.start)
        applied = link.run_at_client(
            lambda: updater.take(far.url, old=old_slot, timeout_seconds=10, give_up_after_seconds=60)
        )
        far.stop()

    patch = find_way(updater.image, updater.image.ways[-1].from_sha256)
    assert patch is not None
    assert updater.is_done
    assert applied.fell_back is None
    assert updater.received_bytes == patch.blob.size
    assert link.dropped > 5


def test_a_proxy_that_forgets_range_is_read_from_the_right_byte_on(
    proxy: BadProxy, updater: Updater, full_bytes: int
) -> None:
    proxy.faults.drops_range = True
    updater.take(proxy.url)

    assert updater.is_done
    # The list at the beginning comes twice: alone, and before the rest.
    assert updater.received_bytes <= full_bytes + full_way(updater.image).index_bytes + 2 * IN_FLIGHT_BYTES


def test_a_proxy_that_forgets_range_and_cuts_is_given_up_soon(
    proxy: BadProxy, server: RangeServer, updater: Updater, full_bytes: int
) -> None:
    proxy.faults.drops_range = True
    proxy.faults.cut_after_bytes = 1 << 20
    error = updater.take_in_vain(proxy.url)

    assert (type(error), error.code) == (Unavailable, "range_ignored")
    assert updater.received_bytes <= 8 << 20
    assert updater.has_no_wrong_byte

    before = updater.received_bytes
    updater.take(server.url)

    assert updater.is_done
    assert updater.received_bytes - before < full_bytes


def test_a_proxy_that_collects_whole_answers_is_asked_for_smaller_ones(
    proxy: BadProxy, updater: Updater, full_bytes: int
) -> None:
    proxy.faults.buffers = True
    proxy.faults.bytes_per_second = 1e6
    updater.take(proxy.url, timeout_seconds=0.5)

    assert updater.is_done
    assert updater.received_bytes == full_bytes


def test_a_proxy_that_sends_another_part_is_given_up(proxy: BadProxy, updater: Updater) -> None:
    proxy.faults.shifts_part = 4096
    error = updater.take_in_vain(proxy.url)

    assert (type(error), error.code) == (Unavailable, "range_ignored")
    assert updater.received_bytes == 0


def test_a_proxy_that_sends_another_part_under_a_false_name_writes_no_byte(proxy: BadProxy, updater: Updater) -> None:
    proxy.faults.lies_about_part = 4096
    error = updater.take_in_vain(proxy.url)

    assert isinstance(error, Untrusted)
    assert not any(updater.slot.read_bytes())


def test_a_proxy_that_compresses_is_given_up(proxy: BadProxy, updater: Updater) -> None:
    proxy.faults.compresses = True

    assert updater.take_in_vain(proxy.url).code == "range_ignored"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_proxy_that_has_no_time_is_asked_again(
    status: int, proxy: BadProxy, updater: Updater, full_bytes: int
) -> None:
    proxy.faults.refuse_first_n = 5
    proxy.faults.status = status
    updater.take(proxy.url)

    assert updater.is_done
    assert updater.received_bytes == full_bytes


def test_a_server_that_names_a_time_is_left_alone_until_then(proxy: BadProxy, updater: Updater) -> None:
    """Longer than a silent server would be given."""
    proxy.faults.refuse_first_n = 1
    proxy.faults.retry_after = "1"
    updater.take(proxy.url, give_up_after_seconds=0.5)

    assert updater.is_done
    assert max(updater.waits) >= 1


def test_a_server_that_always_names_another_time_is_given_up(proxy: BadProxy, updater: Updater) -> None:
    proxy.faults.refuse_first_n = 1000
    proxy.faults.retry_after = "3600"
    error = updater.take_in_vain(proxy.url, give_up_after_seconds=0.3, most_retry_after_seconds=0.2)

    assert error.code == "repository_unreachable"
    assert "503" in error.message


def test_a_sign_in_page_is_called_by_its_name_and_the_update_goes_on_afterwards(
    proxy: BadProxy, updater: Updater, full_bytes: int
) -> None:
    def open_portal(done: int, _total: int) -> None:
        proxy.faults.is_portal = done > full_bytes // 2

    proxy.faults.cut_after_bytes = 500_000
    with pytest.raises(Unavailable) as refusal:
        updater.take(proxy.url, progress=open_portal)

    assert refusal.value.code == "captive_portal"
    assert "sign in" in refusal.value.hint.lower()
    assert updater.has_no_wrong_byte

    proxy.faults.is_portal = False
    updater.take(proxy.url)

    assert updater.is_done
    assert updater.received_bytes <= full_bytes + (512 << 10)


def test_the_proxy_of_the_environment_is_used(
    proxy: BadProxy, updater: Updater, full_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository's name exists nowhere: only the proxy knows the way."""
    proxy.names["repository.invalid"] = proxy.target_url
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    updater.take("http://repository.invalid")

    assert updater.is_done
    assert updater.received_bytes == full_bytes
    assert proxy.requests > 0
