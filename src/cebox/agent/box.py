"""What the work of every state shares: the machine, the journal, the clock, and why to stop.

One thread works; others bring orders and carry reports. They meet in the journal and in `Live`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from msgspec.structs import replace

from cebox.agent.journal import Facts, Journal, PowerRequest
from cebox.agent.journal_file import JournalFile
from cebox.agent.machine import Machine, PowerKind
from cebox.agent.settings import AgentSettings
from cebox.agent.states import BoxEvent, BoxState
from cebox.domain.device import DeviceKind
from cebox.kit.clock import Clock, format_utc, utc_now
from cebox.kit.wakes import Wakes
from cebox.protocol.device import Progress
from cebox.protocol.identity import DeviceIdentity
from cebox.release.manifest import Manifest

# After so long without a word a download is no longer said to move.
_STILL_AFTER_SECONDS = 10.0


class Interruption(StrEnum):
    """Why work on an update ends before it is done."""

    STOP = "stop"
    CANCEL = "cancel"
    POWER = "power"


class Ending(StrEnum):
    """Why the agent ends."""

    STOPPED = "stopped"
    REBOOT = "reboot"
    POWER_OFF = "power_off"


class Interrupted(Exception):
    """The work was left in the middle; `Box.find_interruption` says why."""


def keep_journal(journal: Journal) -> Journal:
    return journal


@dataclass(frozen=True, slots=True)
class Step:
    """The end of a state's work: the event, and what the journal learns with it in the same save."""

    event: BoxEvent
    change: Callable[[Journal], Journal] = keep_journal


@dataclass(slots=True)
class Live:
    """What is worth reporting and not worth saving. `changed` wakes whoever reports."""

    progress: Progress | None = None
    shown_at: float = 0.0
    wrs_reachable: bool | None = None
    is_console_heard: bool = False
    is_announced: bool = False
    """People have been told of a restart or shutdown that is to come."""
    served: str | None = None
    changed: threading.Event = field(default_factory=threading.Event)

    def show(self, progress: Progress | None) -> None:
        self.progress = progress
        self.shown_at = time.monotonic()
        self.changed.set()

    def find_progress(self) -> Progress | None:
        """As it is now: what has not moved for a while has no speed."""
        progress = self.progress
        if progress is None or time.monotonic() - self.shown_at < _STILL_AFTER_SECONDS:
            return progress
        return replace(progress, rate_bytes_per_second=None)


@dataclass(slots=True)
class Box:
    """One box in one process. `now()` is the console's time as far as it is known: the box's own clock may be wrong."""

    settings: AgentSettings
    machine: Machine
    journal: JournalFile
    identity: DeviceIdentity
    agent_version: str = ""
    clock: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic
    live: Live = field(default_factory=Live)
    manifest: Manifest | None = None
    """The last one the signed chain vouched for, so that the states of one update fetch it once."""
    read_back: dict[Path, str] = field(default_factory=dict)
    """The image (SHA-256) that this very run of the agent wrote to a place and found there; for one state to take."""
    silent_since: float | None = None
    """When sources began to be silent, on the monotonic clock; None while bytes come."""
    waits: Iterator[float] | None = None
    say_goodbye: Callable[[], None] = lambda: None
    """The last word to the console before power goes; bounded, never raises."""
    is_stopping: bool = False
    _is_signalled: bool = False
    wakes: Wakes = field(default_factory=Wakes)

    @property
    def kind(self) -> DeviceKind:
        return self.settings.kind

    @property
    def facts(self) -> Facts:
        return self.journal.now.facts

    @property
    def trust_folder(self) -> Path:
        return self.settings.state_folder / "trust"

    def now(self) -> datetime:
        return self.clock() + timedelta(seconds=self.facts.clock_offset_seconds)

    def stamp(self) -> str:
        return format_utc(self.now())

    def wake(self) -> None:
        """End the current `wait`, or the next one at once. Safe in a signal handler."""
        self.wakes.wake()

    def signal(self) -> None:
        """SIGTERM came: somebody pressed the button, or wants the agent to stop. Safe in a signal handler."""
        self._is_signalled = True
        self.wake()

    def wait(self, seconds: float) -> None:
        self.wakes.wait(seconds)

    def find_interruption(self) -> Interruption | None:
        self._notice_signal()
        if self.is_stopping:
            return Interruption.STOP
        journal = self.journal.now
        if journal.update is not None and journal.update.is_cancelled:
            return Interruption.CANCEL
        if journal.power is not None and self.monotonic() >= journal.power.deadline:
            return Interruption.POWER
        return None

    def verify_uninterrupted(self) -> None:
        """Raises Interrupted."""
        if self.find_interruption() is not None:
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait in the middle of work. Raises Interrupted."""
        self.verify_uninterrupted()
        self.wait(seconds)
        self.verify_uninterrupted()

    def request_power(self, kind: PowerKind, order_id: str | None = None) -> Callable[[Journal], Journal]:
        """The change that asks for a reboot or shutdown. Asked again, it no longer waits for an update on its way."""
        now = self.monotonic()
        deadline = now + self.settings.shutdown_patience_seconds

        def change(journal: Journal) -> Journal:
            if journal.power is None:
                # A trial that the end of the day cuts short goes on at the next start.
                until = now if journal.state is BoxState.ON_TRIAL else deadline
                return replace(journal, power=PowerRequest(kind=kind, deadline=until, order_id=order_id))
            if journal.power.is_under_way:
                return journal
            return replace(journal, power=replace(journal.power, kind=kind, deadline=now))

        return change

    def _notice_signal(self) -> None:
        if not self._is_signalled:
            return
        self._is_signalled = False
        kind = self.machine.power.take_request()
        if kind is None:
            self.is_stopping = True
        else:
            self.journal.change(self.request_power(kind))
