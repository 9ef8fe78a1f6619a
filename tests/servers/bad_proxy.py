"""An HTTP proxy of the kind that networks put in the way, on a free loopback port: it buffers, forgets `Range`, lies.

    with BadProxy(server.url) as proxy:
        proxy.faults.drops_range = True
        HttpTransport(proxy.url, ...)                       # before the server, or
        httpx.Client(proxy=proxy.url).get(server.url)       # asked for by name

`requests` counts what it was asked; `names` are hosts that it alone can find.
"""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

_PORTAL = b"<!doctype html><title>Welcome</title><p>Please sign in to use this network.</p>"


@dataclass
class Faults:
    """`drops_range`: asks the server for the whole file each time, and passes on all of it.

    `buffers`: answers only once it has the server's whole answer, which takes `bytes_per_second`. `shifts_part`: sends
    another part than was asked for, and says so. `lies_about_part`: sends it under the name of the right one.
    `refuse_first_n`: answers `status` with `retry_after`. `is_portal`: a page for everything. `compresses`: claims to.
    """

    drops_range: bool = False
    buffers: bool = False
    bytes_per_second: float = 1e9
    shifts_part: int = 0
    lies_about_part: int = 0
    refuse_first_n: int = 0
    status: int = 503
    retry_after: str = ""
    is_portal: bool = False
    compresses: bool = False
    cut_after_bytes: int | None = None


@dataclass
class BadProxy:
    target_url: str
    faults: Faults = field(default_factory=Faults)
    requests: int = 0
    port: int = 0
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        # Told the way itself: a proxy in this process's environment is the tests' business, not its own.
        self.upstream = httpx.Client(trust_env=False, timeout=30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), type("_BoundHandler", (_Handler,), {"owner": self}))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.upstream.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the proxy."""


class _Handler(BaseHTTPRequestHandler):
    owner: BadProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_GET(self) -> None:
        faults = self.owner.faults
        with self.owner.lock:
            self.owner.requests += 1
            is_refused = faults.refuse_first_n > 0
            faults.refuse_first_n -= is_refused
        if faults.is_portal:
            self._answer(200, {"Content-Type": "text/html; charset=utf-8"}, _PORTAL)
        elif is_refused:
            named = {"Retry-After": faults.retry_after} if faults.retry_after else {}
            self._answer(faults.status, {"Content-Type": "text/html", **named}, b"<p>not now")
        else:
            self._pass_on(faults)

    def _pass_on(self, faults: Faults) -> None:
        asked = self.headers.get("Range")
        span = _shift(asked, faults.shifts_part + faults.lies_about_part)
        named = urlsplit(self.path)
        address = self.owner.names.get(named.netloc, self.owner.target_url) + named.path
        response = self.owner.upstream.get(
            address, headers={} if span is None or faults.drops_range else {"Range": f"bytes={span[0]}-{span[1]}"}
        )
        if faults.buffers:
            time.sleep(len(response.content) / faults.bytes_per_second)
        headers = {"Content-Type": response.headers.get("Content-Type", "application/octet-stream")}
        if response.status_code == 206:
            headers["Content-Range"] = response.headers["Content-Range"]
        if faults.lies_about_part and asked:
            headers["Content-Range"] = f"{asked.replace('=', ' ')}/{response.headers['Content-Range'].split('/')[1]}"
        if faults.compresses:
            headers["Content-Encoding"] = "gzip"
        self._answer(response.status_code, headers, response.content, cut_after_bytes=faults.cut_after_bytes)

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes, *, cut_after_bytes: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut_after_bytes])
        if cut_after_bytes is not None and len(content) > cut_after_bytes:
            self.close_connection = True


def _shift(asked: str | None, count: int) -> tuple[int, int | str] | None:
    """`Range` as numbers, so many bytes further on."""
    if asked is None:
        return None
    first, last = asked.removeprefix("bytes=").split("-")
    return int(first) + count, int(last) + count if last else ""
