"""A customer's program behind a webhook: an HTTP server on a free loopback port, in threads of the test."""

import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """Answers each request with the next of `statuses`, the last one for ever. `location` goes with a redirect;
    `hold` keeps every answer back until `let_go`; `endless` never ends its body.
    """

    statuses: list[int] = field(default_factory=lambda: [200])
    says: bytes = b"taken"
    location: str = ""
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    hold: bool = False
    endless: bool = False
    requests: list[Received] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.held = threading.Event()
        self._go = threading.Event()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}/hook"

    def __enter__(self) -> Self:
        handler = type("_BoundHandler", (_Handler,), {"owner": self})
        self._server = _Server((self.host, 0), handler)
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        self._server.shutdown()
        self._server.server_close()

    def let_go(self) -> None:
        self.hold = False
        self._go.set()

    def take(self, received: Received) -> int:
        self.requests.append(received)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if self.hold:
            self.held.set()
            self._go.wait(60)
        return status


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    owner: WebhookReceiver

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.owner.take(Received(self.path, headers, body))
        self.send_response(status)
        if self.owner.location:
            self.send_header("Location", self.owner.location)
        if not self.owner.endless:
            self.send_header("Content-Length", str(len(self.owner.says)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(self.owner.says)
            while self.owner.endless:
                self.wfile.write(bytes(1 << 16))
