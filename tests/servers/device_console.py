"""A console that speaks the device API on a free loopback port, in threads of the test, and does what the test says.

    with DeviceConsole() as console:
        console.give_order(Order(id="a1", kind="update", version="2026.11.2"))
        console.wait_for(lambda: console.has_result("a1", ReportedEvent.STAGE))

It keeps orders until they are acknowledged and collects what boxes say. `stop()` and `start()` are a console that dies
and comes back on the same port with what it knew.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import msgspec

from cebox.errors import CeboxError
from cebox.kit.clock import format_utc
from cebox.protocol.device import (
    ENROL_PATH,
    SYNC_PATH,
    TOKEN_PATH,
    EnrolRequest,
    EnrolResponse,
    Observed,
    Order,
    Problem,
    Progress,
    ReportedEvent,
    Result,
    Settings,
    SiteInfo,
    SyncRequest,
    SyncResponse,
    TokenRequest,
    TokenResponse,
)
from cebox.protocol.identity import verify_assertion

ENROLMENT_TOKEN = "key-0001"


@dataclass
class Faults:
    """`drop_answers`: the next n syncs are taken in, then their connection is cut. `refuse`: answered to every sync."""

    drop_answers: int = 0
    refuse: tuple[int, Problem] | None = None


@dataclass
class Device:
    """One enrolled box as this console knows it."""

    id: str
    public_key: str
    name: str
    kind: str
    orders: list[Order] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    receipts: Counter[str] = field(default_factory=Counter)
    progress: list[Progress] = field(default_factory=list)
    site: SiteInfo | None = None
    told: int = 0

    @property
    def last_observed(self) -> Observed:
        """The newest by its own count: requests may overtake one another."""
        return max(self.observed, key=lambda one: (one.boot, one.sequence))


@dataclass
class DeviceConsole:
    """`device` is the only box, for the tests that have one."""

    console_id: str = "console-1"
    account_version: str = "2026.11.1"
    repository_url: str = ""
    site: SiteInfo | None = None
    settings: Settings = field(default_factory=lambda: Settings(wait_seconds=10, progress_interval_milliseconds=50))
    clock_offset: timedelta = timedelta()
    port: int = 0
    faults: Faults = field(default_factory=Faults)
    devices: dict[str, Device] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    news: int = 0

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._is_up = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def device(self) -> Device:
        (device,) = self.devices.values()
        return device

    def start(self) -> Self:
        handler = type("_BoundHandler", (_Handler,), {"owner": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        self._is_up = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Die: held requests are cut, nobody is answered any more."""
        with self.changed:
            self._is_up = False
            self.changed.notify_all()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def give_order(self, order: Order, device: Device | None = None) -> None:
        with self.changed:
            (device or self.device).orders.append(order)
            self.changed.notify_all()

    def withdraw_order(self, order_id: str) -> None:
        with self.changed:
            self.device.cancelled.append(order_id)
            self.changed.notify_all()

    def tell(self, *, repository_url: str | None = None, settings: Settings | None = None) -> None:
        """Say something new to every box at once."""
        with self.changed:
            self.repository_url = repository_url or self.repository_url
            self.settings = settings or self.settings
            self.news += 1
            self.changed.notify_all()

    def forget_tokens(self) -> None:
        with self.changed:
            self.tokens.clear()

    def list_events(self, action_id: str | None) -> list[ReportedEvent]:
        return [result.event for result in self.device.results if result.action_id == action_id]

    def get_result(self, action_id: str | None, event: ReportedEvent) -> Result:
        return next(one for one in self.device.results if (one.action_id, one.event) == (action_id, event))

    def has_result(self, action_id: str | None, event: ReportedEvent) -> bool:
        return bool(self.devices) and event in self.list_events(action_id)

    def wait_for(self, is_so: Callable[[], bool], *, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        with self.changed:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {seconds} s: {self._describe()}")
                # A condition may also become true by the clock; look again now and then.
                self.changed.wait(min(left, 0.2))

    def wait_for_result(self, action_id: str | None, event: ReportedEvent, *, seconds: float = 30.0) -> Result:
        self.wait_for(lambda: self.has_result(action_id, event), seconds=seconds)
        return self.get_result(action_id, event)

    def _describe(self) -> str:
        return "; ".join(
            f"{one.name}: results {[(r.action_id, r.event, r.code, r.detail) for r in one.results]}, "
            f"last observed {one.last_observed if one.observed else None}"
            for one in self.devices.values()
        )

    def enrol(self, request: EnrolRequest) -> EnrolResponse | Problem:
        if request.token != ENROLMENT_TOKEN:
            return Problem(code="key_token_unknown", message="no such installation key")
        with self.changed:
            known = next((one for one in self.devices.values() if one.public_key == request.public_key), None)
            if known is None:
                known = Device(f"dev-{len(self.devices) + 1}", request.public_key, request.name, request.kind)
                known.site = self.site
                self.devices[known.id] = known
            self.changed.notify_all()
            site = known.site.id if known.site else None
            return EnrolResponse(device_id=known.id, console_id=self.console_id, account="acc", site=site)

    def make_token(self, request: TokenRequest) -> TokenResponse | Problem:
        device = self.devices.get(request.device_id)
        if device is None:
            return Problem(code="device_not_enrolled", message="no such device")
        try:
            verify_assertion(
                request.assertion,
                public_key=device.public_key,
                device_id=device.id,
                console_id=self.console_id,
            )
        except CeboxError as error:
            return Problem(code=error.code, message=error.message)
        token = secrets.token_urlsafe()
        with self.changed:
            self.tokens[token] = device.id
        return TokenResponse(token=token, expires_in_seconds=600)

    def sync(self, device: Device, request: SyncRequest, wait_seconds: float) -> SyncResponse | None:
        """None: the connection is cut."""
        with self.changed:
            self._take_in(device, request)
            deadline = time.monotonic() + wait_seconds
            while self._is_up and not device.orders and not device.cancelled and device.told == self.news:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self.changed.wait(left)
            if not self._is_up:
                return None
            if self.faults.drop_answers > 0:
                self.faults.drop_answers -= 1
                return None
            cancelled, device.cancelled = tuple(device.cancelled), []
            device.told = self.news
            return SyncResponse(
                time=format_utc(datetime.now(UTC) + self.clock_offset),
                account_version=self.account_version,
                orders=tuple(device.orders),
                cancelled=cancelled,
                received_results=tuple(result.id for result in request.results),
                site=device.site,
                repository_url=self.repository_url,
                settings=self.settings,
            )

    def _take_in(self, device: Device, request: SyncRequest) -> None:
        device.observed.append(request.observed)
        device.acknowledged.extend(request.acknowledged)
        device.orders = [order for order in device.orders if order.id not in request.acknowledged]
        for result in request.results:
            device.receipts[result.id] += 1
            if device.receipts[result.id] == 1:
                device.results.append(result)
        if request.progress is not None:
            device.progress.append(request.progress)
        self.changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A box that went away is no error of the console."""


class _Handler(BaseHTTPRequestHandler):
    owner: DeviceConsole
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if not self.owner._is_up:
            self.close_connection = True
            return
        if self.path == ENROL_PATH:
            self._answer(self.owner.enrol(msgspec.json.decode(body, type=EnrolRequest)), refusal=401)
        elif self.path == TOKEN_PATH:
            self._answer(self.owner.make_token(msgspec.json.decode(body, type=TokenRequest)), refusal=401)
        elif self.path == SYNC_PATH:
            self._sync(msgspec.json.decode(body, type=SyncRequest))
        else:
            self._answer(Problem(code="not_found", message=self.path), refusal=404)

    def _sync(self, request: SyncRequest) -> None:
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        device = self.owner.devices.get(self.owner.tokens.get(token, ""))
        if device is None:
            self._answer(Problem(code="token_invalid", message="no such token"), refusal=401)
            return
        if self.owner.faults.refuse is not None:
            status, problem = self.owner.faults.refuse
            self._answer(problem, refusal=status)
            return
        wait_seconds = float(self.headers.get("prefer", "wait=0").removeprefix("wait="))
        response = self.owner.sync(device, request, wait_seconds)
        if response is None:
            self.close_connection = True
            return
        self._answer(response, refusal=500)

    def _answer(self, message: msgspec.Struct, *, refusal: int) -> None:
        content = msgspec.json.encode(message)
        self.send_response(refusal if isinstance(message, Problem) else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
