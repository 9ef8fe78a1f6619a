"""A real HTTP/1.1 file server with `Range` and faults on demand, on a free loopback port, in threads of the test.

    with RangeServer(folder) as server:
        server.faults.cut_after_bytes = 1 << 20
        HttpTransport(server.url, ...)

`server.sent_bytes` counts body bytes, `server.requests` lists what was asked. Faults may change while it runs.
"""

import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_CHUNK_BYTES = 64 << 10


@dataclass
class Faults:
    """What goes wrong; everything off by default.

    `cut_after_bytes`: every response is cut (connection closed) after so many body bytes.
    `ignore_range`: answers 200 with the whole file whatever was asked.
    `fail_first_n`: the first n requests from now on get `status`; counts down.
    `only_path`: a substring; the faults hit only requests whose path contains it.
    `endless`: after the file's bytes, sends more and more (no Content-Length).
    `hold_after_bytes`: a response stops there until `RangeServer.let_go()`; `RangeServer.held` is set meanwhile.
    """

    cut_after_bytes: int | None = None
    ignore_range: bool = False
    fail_first_n: int = 0
    status: int = 503
    only_path: str = ""
    endless: bool = False
    hold_after_bytes: int | None = None


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None


@dataclass
class RangeServer:
    """`port` 0 takes a free one; give the port of a stopped server to bring it back. `host` is where it listens."""

    folder: Path
    faults: Faults = field(default_factory=Faults)
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    sent_bytes: int = 0
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.held = threading.Event()
        self._go = threading.Event()
        self._server: _Server | None = None

    @property
    def connections(self) -> int:
        """How many were opened since `start()`."""
        return self._server.opened if self._server else 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> Self:
        handler = type("_BoundHandler", (_Handler,), {"owner": self})
        self._server = _Server((self.host, self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and break every open connection."""
        self._go.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.break_connections()
            self._server.server_close()
            self._server = None

    def let_go(self) -> None:
        """End `hold_after_bytes`: held responses go on."""
        self.faults.hold_after_bytes = None
        self._go.set()

    def wait_until_let_go(self) -> None:
        self.held.set()
        self._go.wait(60)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: set[socket.socket] = set()
        self.opened = 0

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._connections.add(request)
        self.opened += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._connections.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    owner: RangeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        faults = self._note_request(path)
        if faults.fail_first_n > 0:
            with self.owner.lock:
                self.owner.faults.fail_first_n -= 1
            self._send_empty(faults.status)
            return
        file = (self.owner.folder / path.lstrip("/")).resolve()
        if not file.is_relative_to(self.owner.folder.resolve()) or not file.is_file():
            self._send_empty(404)
            return
        self._send_file(file, faults, with_body=with_body)

    def _note_request(self, path: str) -> Faults:
        with self.owner.lock:
            self.owner.requests.append(Request(self.command, path, self.headers.get("Range")))
        faults = self.owner.faults
        return faults if faults.only_path in path else Faults()

    def _send_empty(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(self, file: Path, faults: Faults, *, with_body: bool) -> None:
        size = file.stat().st_size
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        is_partial = match is not None and not faults.ignore_range
        start = int(match[1]) if match and is_partial else 0
        end = min(int(match[2]) + 1, size) if match and is_partial and match[2] else size
        if is_partial and start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if is_partial else 200)
        self.send_header("Accept-Ranges", "bytes")
        if is_partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        if faults.endless:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if with_body:
            self._send_body(file, start, end, faults)

    def _send_body(self, file: Path, start: int, end: int, faults: Faults) -> None:
        sent = 0
        with file.open("rb") as stream:
            stream.seek(start)
            while sent < end - start:
                room = min(_CHUNK_BYTES, end - start - sent)
                for limit in (faults.cut_after_bytes, faults.hold_after_bytes):
                    room = room if limit is None or limit <= sent else min(room, limit - sent)
                self._send(stream.read(room))
                sent += room
                if faults.hold_after_bytes is not None and sent >= faults.hold_after_bytes:
                    self.owner.wait_until_let_go()
                if faults.cut_after_bytes is not None and sent >= faults.cut_after_bytes:
                    self.close_connection = True
                    return
        while faults.endless:
            self._send(bytes(_CHUNK_BYTES))

    def _send(self, chunk: bytes) -> None:
        self.wfile.write(chunk)
        with self.owner.lock:
            self.owner.sent_bytes += len(chunk)
