import http.server
import random
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cebox.errors import NotFound, Unavailable, Untrusted
from cebox.release.network.transport import FolderTransport, HttpTransport, Transport
from tests.integration.release.conftest import make_transport
from tests.servers.range_server import RangeServer

CONTENT = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RangeServer]:
    (tmp_path / "a blob").write_bytes(CONTENT)
    (tmp_path / "empty").write_bytes(b"")
    with RangeServer(tmp_path) as running:
        yield running


@pytest.fixture
def transport(server: RangeServer) -> Iterator[HttpTransport]:
    with make_transport(server, give_up_after_seconds=1) as made:
        yield made


@pytest.fixture(params=["http", "folder"])
def either(request: pytest.FixtureRequest, server: RangeServer) -> Iterator[Transport]:
    """What every transport must do alike."""
    if request.param == "folder":
        yield FolderTransport(server.folder)
    else:
        with make_transport(server, give_up_after_seconds=1) as made:
            yield made


@pytest.mark.parametrize(
    ("start", "length"), [(0, None), (0, 3_000_000), (0, 1), (2_999_999, 1), (1_234_567, 1_000_000), (5, None), (7, 0)]
)
def test_exactly_what_was_asked_for_arrives(either: Transport, start: int, length: int | None) -> None:
    expected = CONTENT[start:] if length is None else CONTENT[start : start + length]

    assert b"".join(either.read("a blob", start, length)) == expected
    assert either.received_bytes == len(expected)


def test_an_empty_file_is_read(either: Transport) -> None:
    assert b"".join(either.read("empty")) == b""


def test_what_is_missing_is_not_found(either: Transport) -> None:
    with pytest.raises(NotFound) as refusal:
        list(either.read("no such blob", 0, 10))

    assert refusal.value.code == "blob_missing"


def test_a_file_shorter_than_asked_is_truncated(either: Transport) -> None:
    with pytest.raises(Untrusted) as refusal:
        list(either.read("a blob", 2_000_000, 1_000_001))

    assert refusal.value.code == "blob_truncated"


def test_a_start_behind_the_end_is_truncated(transport: HttpTransport) -> None:
    with pytest.raises(Untrusted) as refusal:
        list(transport.read("a blob", 5_000_000, 1))

    assert refusal.value.code == "blob_truncated"


@pytest.mark.parametrize("length", [None, 3_000_000])
def test_a_cut_connection_is_resumed_where_it_was_cut(
    server: RangeServer, transport: HttpTransport, length: int | None
) -> None:
    server.faults.cut_after_bytes = 1 << 20

    assert b"".join(transport.read("a blob", 0, length)) == CONTENT
    assert transport.received_bytes == len(CONTENT)
    assert len(server.requests) == 3


def test_a_server_that_ignores_range_is_read_on_from_the_right_byte(
    server: RangeServer, transport: HttpTransport
) -> None:
    server.faults.ignore_range = True

    assert b"".join(transport.read("a blob", 1_000_000, 500_000)) == CONTENT[1_000_000:1_500_000]
    assert transport.received_bytes < 1_700_000


def test_a_server_that_ignores_range_and_cuts_is_given_up(server: RangeServer, transport: HttpTransport) -> None:
    server.faults.ignore_range = True
    server.faults.cut_after_bytes = 1 << 20
    with pytest.raises(Unavailable) as refusal:
        list(transport.read("a blob", 0, 3_000_000))

    assert refusal.value.code == "range_ignored"
    assert transport.received_bytes <= 8 << 20


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(server: RangeServer, transport: HttpTransport, status: int) -> None:
    server.faults.fail_first_n = 3
    server.faults.status = status

    assert b"".join(transport.read("a blob", 0, 100)) == CONTENT[:100]


def test_a_refusal_is_not_repeated(server: RangeServer, transport: HttpTransport) -> None:
    server.faults.fail_first_n = 100
    server.faults.status = 401
    with pytest.raises(Unavailable) as refusal:
        list(transport.read("a blob"))

    assert refusal.value.code == "repository_refused"
    assert len(server.requests) == 1


def test_an_object_store_says_forbidden_for_missing(server: RangeServer, transport: HttpTransport) -> None:
    server.faults.fail_first_n = 1
    server.faults.status = 403
    with pytest.raises(NotFound):
        list(transport.read("a blob"))


def test_a_dead_server_is_given_up_after_the_time_named(server: RangeServer, transport: HttpTransport) -> None:
    server.stop()
    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        list(transport.read("a blob"))

    assert refusal.value.code == "repository_unreachable"
    assert 0.5 < time.monotonic() - began < 30


def test_a_server_that_comes_back_is_read_on(server: RangeServer) -> None:
    """It dies in the middle of a transfer and comes back at the same address."""
    server.faults.hold_after_bytes = 1 << 20
    with make_transport(server, give_up_after_seconds=20) as transport:
        received = bytearray()
        reader = threading.Thread(target=lambda: received.extend(b"".join(transport.read("a blob", 0, 3_000_000))))
        reader.start()
        assert server.held.wait(20)
        server.stop()
        with RangeServer(server.folder, port=server.port):
            reader.join(20)

    assert bytes(received) == CONTENT
    assert transport.received_bytes <= len(CONTENT)


def test_an_endless_answer_is_cut_off(server: RangeServer, transport: HttpTransport) -> None:
    server.faults.endless = True
    server.faults.ignore_range = True
    with pytest.raises(Untrusted) as refusal:
        list(transport.read("a blob", 0, 3_000_000))

    assert refusal.value.code == "endless_data"
    assert transport.received_bytes < 4_000_000


def test_an_endless_part_never_gives_more_than_was_asked(server: RangeServer, transport: HttpTransport) -> None:
    server.faults.endless = True
    with pytest.raises(Untrusted) as refusal:
        list(transport.read("a blob", 2_000_000, 500_000))

    assert refusal.value.code == "endless_data"


def test_the_rate_is_kept(server: RangeServer) -> None:
    began = time.monotonic()
    with HttpTransport(server.url, bytes_per_second=2_000_000) as transport:
        list(transport.read("a blob", 0, 1_500_000))

    assert time.monotonic() - began > 0.5


def test_a_reader_that_stops_early_breaks_nothing(transport: HttpTransport) -> None:
    chunks = transport.read("a blob", 0, 3_000_000)
    first = next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # it is a generator

    assert CONTENT.startswith(first)
    assert b"".join(transport.read("a blob", 0, 10)) == CONTENT[:10]


def test_connections_are_kept_between_reads(server: RangeServer, transport: HttpTransport) -> None:
    for _ in range(5):
        list(transport.read("a blob", 10, 1000))

    assert server.connections == 1


def test_a_repository_may_stand_on_a_unix_socket(tmp_path: Path) -> None:
    """The client is the caller's, and stays open for the caller."""
    address = str(tmp_path / "socket")
    with socketserver.UnixStreamServer(address, _OneFile) as socket_server:
        threading.Thread(target=socket_server.serve_forever, args=(0.02,), daemon=True).start()
        client = httpx.Client(transport=httpx.HTTPTransport(uds=address))
        with client, HttpTransport("http://mirror/prepared/2026.11.1", client=client) as transport:
            assert b"".join(transport.read("any")) == b"/prepared/2026.11.1/any"
            transport.close()
            assert not client.is_closed
        socket_server.shutdown()


class _OneFile(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Quiet."""
