"""What the agent asks of the machine beneath it: small ports, one set of adapters per kind of machine.

`agent.virtual` implements them on a folder. Every adapter passes the contract tests in `tests/unit/agent`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cebox.agent.states import BoxState
from cebox.domain.device import Place
from cebox.protocol.device import SiteInfo

TRIES = 3


class SlotName(StrEnum):
    A = "a"
    B = "b"

    @property
    def other(self) -> "SlotName":
        return SlotName.B if self is SlotName.A else SlotName.A


class PowerKind(StrEnum):
    REBOOT = "reboot"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class SlotContent:
    """The image a slot holds, as its boot entry names it."""

    version: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Boot:
    """This start of the machine: `id` differs from that of every other, `is_blessed` is False while on trial."""

    id: str
    slot: SlotName
    is_blessed: bool


class Slots(Protocol):
    """The two places a system can be in."""

    def get_running(self) -> SlotName: ...

    def get_path(self, slot: SlotName) -> Path: ...

    def get_size_bytes(self, slot: SlotName) -> int: ...

    def find_content(self, slot: SlotName) -> SlotContent | None:
        """None while the slot has no boot entry: empty, or being written."""


class BootLoader(Protocol):
    """Every call is durable when it returns and harmless when repeated."""

    def get_boot(self) -> Boot: ...

    def clear(self, slot: SlotName) -> None:
        """Take the slot's entry away, so that nothing starts it while it is written.

        Raises Conflict (`slot_in_use`) for the running one.
        """

    def stage(self, slot: SlotName, content: SlotContent, *, tries: int = TRIES) -> None:
        """Start `slot` from now on; after `tries` starts without a blessing, the blessed one again."""

    def bless(self) -> None:
        """Keep the running slot for good."""

    def find_tries(self, slot: SlotName) -> int | None:
        """Starts left of a slot on trial; None when it has no entry or is blessed."""


class Power(Protocol):
    """Both calls return at once; the agent then ends, and its end says which (`agent.main`)."""

    def reboot(self) -> None: ...

    def power_off(self) -> None: ...

    def take_request(self) -> PowerKind | None:
        """Whether somebody pressed the button (or the system is going down); asked once per press."""


class Location(Protocol):
    def find_place(self, site: SiteInfo) -> Place | None:
        """Where the box is; None when its addresses do not tell (then the WRS's answer does)."""


class Verdict(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Examination:
    verdict: Verdict
    reason: str = ""


class Health(Protocol):
    """Judged on the box alone: a trial must not fail because a console or a network is away (R15)."""

    def examine(self) -> Examination: ...


class Witness(Protocol):
    """Told around the work of each state; the virtual one can cut it short there, as a power cut would."""

    def before(self, state: BoxState) -> None: ...

    def after(self, state: BoxState) -> None: ...


@dataclass(frozen=True, slots=True)
class Machine:
    slots: Slots
    boot_loader: BootLoader
    power: Power
    location: Location
    health: Health
    witness: Witness

    @property
    def target(self) -> SlotName:
        """The slot that may be written."""
        return self.slots.get_running().other
