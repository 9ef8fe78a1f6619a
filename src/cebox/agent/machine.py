"""What the agent asks of the machine beneath it: small ports, one set of adapters per kind of machine.

`agent.virtual` implements them on a folder, `agent.systemd_boot` on a real machine. Every adapter passes the contract
tests in `tests/unit/agent`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cebox.agent.states import BoxState
from cebox.domain.device import Place
from cebox.protocol.desk import Coming
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


@dataclass(frozen=True, slots=True)
class BootImage:
    """A file that starts a slot, and the hash it must have."""

    path: Path
    sha256: str


class Contact(StrEnum):
    """What a machine can reach beyond itself. What it reached before an update, it must reach after it."""

    NETWORK = "network"
    CONSOLE = "console"
    SITE_SERVER = "site_server"
    REPOSITORY = "repository"


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

        Raises Conflict (`slot_in_use`) for the running one, and (`not_blessed`) for the only way back from a trial.
        """

    def find_boot_room_bytes(self) -> int | None:
        """Room for the other slot's boot image, once that slot is cleared; None where slots start without one."""

    def find_boot_image(self) -> Path | None:
        """The boot image of the running slot."""

    def stage(
        self, slot: SlotName, content: SlotContent, *, boot_image: BootImage | None = None, tries: int = TRIES
    ) -> None:
        """Start `slot` from now on; after `tries` starts without a blessing, the blessed one again.

        `boot_image` starts it, on machines that need one; it is copied and verified.
        """

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


class Lan(Protocol):
    """The network this machine shares with its site."""

    def list_addresses(self) -> tuple[str, ...]:
        """The hardware addresses of its wired network cards, in lower case."""

    def wake(self, address: str, networks: tuple[str, ...]) -> None:
        """Send the packet that starts the machine of this address, to the whole of `networks` (CIDR blocks).

        Raises Unavailable (`lan_unreachable`).
        """


class Verdict(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Examination:
    verdict: Verdict
    reason: str = ""


class Health(Protocol):
    """What a new system must prove. A console or network that was away before it came is no fault of its (R15)."""

    def examine(self, missed: frozenset[Contact]) -> Examination:
        """`missed` answered before the update and has not answered since."""

    def has_network(self) -> bool: ...


class People(Protocol):
    """Those who sit at the machine."""

    def list_present(self) -> tuple[str, ...]:
        """Who is signed in and can see the screen."""

    def is_present(self, user: int) -> bool:
        """Whether the user of this number is one of them."""

    def announce(self, text: str) -> None:
        """Show it to them now, on their terminals. Never raises."""

    def show_coming(self, coming: Coming | None) -> None:
        """What their desktop shows from now on; None: nothing. Said again and again. Never raises."""

    def show_farewell(self, text: str, progress: str) -> None:
        """On the screen of a machine that goes off, in place of what was there. Never raises."""


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
    lan: Lan
    health: Health
    people: People
    witness: Witness

    @property
    def target(self) -> SlotName:
        """The slot that may be written."""
        return self.slots.get_running().other
