"""A box that speaks the device protocol and does what its test says: no slots, no release, no agent."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from cebox.errors import CeboxError
from cebox.kit.clock import format_utc, utc_now
from cebox.protocol.device import BoxPhase, Observed, Order, Progress, ReportedEvent, Result, SyncRequest, Taken
from cebox.protocol.device_client import DeviceClient
from cebox.protocol.identity import DeviceIdentity

_WAIT_SECONDS = 1
TOTAL_BYTES = 12_345_678


@dataclass
class ScriptedBox:
    """Lives in a thread from `start` to `stop`; then the console sees it off.

    `fails_with`: every update ends so. `rolls_back`: the trial after a reboot falls back. `is_stuck`: an update stays
    in its download until `let_go`.
    """

    console_url: str
    name: str
    running: str
    kind: str = "cebox"
    place: str = "site"
    fails_with: str = ""
    rolls_back: bool = False
    is_stuck: bool = False
    staged: str | None = None
    device_id: str = ""
    orders: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = DeviceClient(self.console_url, DeviceIdentity.generate(), clock=utc_now)
        self._sequence = 0
        self._boot = 1
        self._results: list[Result] = []
        self._acknowledged: list[str] = []
        self._staged_by: Order | None = None
        self._is_over = threading.Event()
        self._may_go = threading.Event()
        self._thread = threading.Thread(target=self._live, name=self.name)

    def enrol(self, token: str) -> None:
        answer = self._client.enrol(token=token, name=self.name, kind=self.kind, agent_version="1")
        self.device_id = answer.device_id
        self._client.use_enrolment(device_id=answer.device_id, console_id=answer.console_id)

    def start(self) -> None:
        """Returns once the console has heard of it."""
        self._sync()
        self._thread.start()

    def let_go(self) -> None:
        self._may_go.set()

    def end(self) -> None:
        """Makes `stop` quick: several boxes may be ended before any is waited for."""
        self._is_over.set()
        self._may_go.set()

    def stop(self) -> None:
        self.end()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def say_goodbye(self) -> None:
        self._sync(is_leaving=True)

    def _live(self) -> None:
        while not self._is_over.is_set():
            try:
                self._sync(wait_seconds=_WAIT_SECONDS)
            except CeboxError:
                self._is_over.wait(0.1)
        self.say_goodbye()

    def _sync(
        self,
        *,
        wait_seconds: int = 0,
        phase: BoxPhase = BoxPhase.IDLE,
        progress: Progress | None = None,
        is_leaving: bool = False,
    ) -> None:
        self._sequence += 1
        observed = Observed(
            boot=self._boot,
            sequence=self._sequence,
            phase=BoxPhase.STAGED if self.staged and phase is BoxPhase.IDLE else phase,
            place=self.place,
            running=self.running,
            staged=self.staged,
            slot_bytes=100_000_000,
            is_leaving=is_leaving,
            served=self.running if self.kind == "wrs" else None,
            server_url="http://127.0.0.1:9" if self.kind == "wrs" else None,
        )
        request = SyncRequest(
            observed=observed,
            acknowledged=tuple(self._acknowledged),
            results=tuple(self._results),
            progress=progress,
        )
        answer = self._client.sync(request, wait_seconds=wait_seconds)
        self._acknowledged.clear()
        self._results = [one for one in self._results if one.id not in answer.received_results]
        known = {order.id for order in self.orders}
        for order in answer.orders:
            if order.id not in known:
                self.orders.append(order)
                self._acknowledged.append(order.id)
                self._get_work(order)(order)

    def _get_work(self, order: Order) -> Callable[[Order], None]:
        return {"update": self._update, "reboot": self._reboot, "shutdown": self._shut_down}[order.kind]

    def _report(self, order: Order, event: ReportedEvent, **words: object) -> None:
        facts = {"id": f"{order.id}-{event}-{self._boot}", "event": event, "at": format_utc(utc_now())}
        self._results.append(msgspec.convert({**facts, "action_id": order.id, **words}, Result))

    def _update(self, order: Order) -> None:
        version = order.version or self.running
        self._report(order, ReportedEvent.DOWNLOAD)
        self._sync(
            phase=BoxPhase.DOWNLOADING,
            progress=Progress(
                version=version,
                done_bytes=TOTAL_BYTES // 3,
                total_bytes=TOTAL_BYTES,
                rate_bytes_per_second=1_400_000,
                action_id=order.id,
            ),
        )
        if self.is_stuck:
            self._may_go.wait()
        if self.fails_with:
            self._report(order, ReportedEvent.FAIL, code=self.fails_with, detail="as the test wished")
            return
        taken = Taken(
            version=version, source="cloud", reason="tag" if order.tag else "account", wan_bytes=TOTAL_BYTES, way="full"
        )
        self._report(order, ReportedEvent.STAGE, taken=msgspec.to_builtins(taken))
        self.staged, self._staged_by = version, order

    def _reboot(self, order: Order) -> None:
        self._boot += 1
        self._sequence = 0
        update, version = self._staged_by, self.staged
        self.staged, self._staged_by = None, None
        self._report(order, ReportedEvent.FINISH)
        if update is not None and version is not None:
            if self.rolls_back:
                self._report(update, ReportedEvent.ROLL_BACK, code="trial_failed", detail="it fell back by itself")
            else:
                self.running = version
                self._report(update, ReportedEvent.FINISH)

    def _shut_down(self, order: Order) -> None:
        self._report(order, ReportedEvent.FINISH)
        self._is_over.set()
