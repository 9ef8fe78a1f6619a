"""The ports of `agent.machine` on the folder of a virtual machine."""

import hashlib
import os
import signal
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from cebox.agent.machine import (
    TRIES,
    Boot,
    BootImage,
    Contact,
    Examination,
    PowerKind,
    SlotContent,
    SlotName,
    Verdict,
)
from cebox.agent.magic_packet import make_packet, send_packet
from cebox.agent.states import BoxState
from cebox.agent.virtual.boot_table import BootTable, Entry, load_table, save_table, slot_path
from cebox.agent.virtual.trial import Behaviour, read_behaviour
from cebox.domain.device import Place
from cebox.errors import Conflict, Unavailable
from cebox.kit.files import replace_file
from cebox.protocol.desk import Coming
from cebox.protocol.device import SiteInfo

NETWORK_FILE = "network.json"
LAN_FILE = "lan.json"
POWER_FILE = "power-request"
PEOPLE_FILE = "people"
SCREEN_FILE = "screen"
DESKTOP_FILE = "desktop.json"


class NetworkFile(msgspec.Struct, frozen=True):
    place: Place


def _get_booted(folder: Path) -> tuple[BootTable, SlotName]:
    table = load_table(folder)
    if table.booted is None:
        raise Conflict(
            "machine_is_off", f"the machine in {folder} is off", hint="Power it on before its agent is started."
        )
    return table, table.booted


class VirtualSlots:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_running(self) -> SlotName:
        return _get_booted(self._folder)[1]

    def get_path(self, slot: SlotName) -> Path:
        return slot_path(self._folder, slot)

    def get_size_bytes(self, slot: SlotName) -> int:
        return self.get_path(slot).stat().st_size

    def find_content(self, slot: SlotName) -> SlotContent | None:
        entry = load_table(self._folder).entries.get(slot)
        return entry.content if entry else None


class VirtualBootLoader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_boot(self) -> Boot:
        table, slot = _get_booted(self._folder)
        return Boot(id=str(table.starts), slot=slot, is_blessed=table.entries[slot].is_blessed)

    def clear(self, slot: SlotName) -> None:
        table, running = _get_booted(self._folder)
        if slot is running:
            raise Conflict("slot_in_use", f"slot {slot} runs", hint="Only the other slot may be written.")
        if not table.entries[running].is_blessed:
            raise Conflict(
                "not_blessed", f"slot {running} runs on trial: the other is the only way back", hint="Restart the box."
            )
        save_table(self._folder, replace(table.without_entry(slot), default=running))

    def find_boot_room_bytes(self) -> int | None:
        """A virtual machine starts its slots without boot images."""
        return None

    def find_boot_image(self) -> Path | None:
        return None

    def stage(
        self,
        slot: SlotName,
        content: SlotContent,
        *,
        boot_image: BootImage | None = None,  # noqa: ARG002 - it needs none
        tries: int = TRIES,
    ) -> None:
        entry = Entry(version=content.version, sha256=content.sha256, size=content.size, tries_left=tries)
        save_table(self._folder, replace(load_table(self._folder).with_entry(slot, entry), default=slot))

    def bless(self) -> None:
        table, running = _get_booted(self._folder)
        blessed = replace(table.entries[running], tries_left=None)
        save_table(self._folder, replace(table.with_entry(running, blessed), default=running))

    def find_tries(self, slot: SlotName) -> int | None:
        entry = load_table(self._folder).entries.get(slot)
        return entry.tries_left if entry else None


class VirtualPower:
    """The agent's exit code is the switch; only the button is a file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / POWER_FILE

    def reboot(self) -> None:
        """Nothing to tell: whoever started the agent powers the machine on again."""

    def power_off(self) -> None:
        """Nothing to tell: whoever started the agent leaves the machine off."""

    def take_request(self) -> PowerKind | None:
        try:
            word = self._file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        self._file.unlink(missing_ok=True)
        return PowerKind(word) if word in set(PowerKind) else None


class VirtualLocation:
    def __init__(self, folder: Path) -> None:
        self._file = folder / NETWORK_FILE

    def find_place(self, site: SiteInfo) -> Place | None:  # noqa: ARG002 - a cable knows no addresses
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=NetworkFile).place
        except (OSError, msgspec.DecodeError, ValueError):
            return None


class LanFile(msgspec.Struct, frozen=True):
    """Where the virtual network takes packets on this machine's loopback."""

    port: int


class VirtualLan:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_addresses(self) -> tuple[str, ...]:
        return (find_lan_address(self._folder),)

    def wake(self, address: str, networks: tuple[str, ...]) -> None:  # noqa: ARG002 - all of them are one cable
        try:
            port = msgspec.json.decode((self._folder / LAN_FILE).read_bytes(), type=LanFile).port
        except (OSError, msgspec.DecodeError, ValueError) as error:
            raise Unavailable("lan_unreachable", f"{self._folder} is plugged into no network") from error
        send_packet(make_packet(address), ["127.0.0.1"], port=port)


def find_lan_address(folder: Path) -> str:
    """A virtual machine's network card keeps its address as long as the folder keeps its name."""
    return "02:" + hashlib.sha256(folder.name.encode()).digest()[:5].hex(":")


class VirtualHealth:
    """A system that hangs stays pending; the agent's own patience ends such a trial."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def examine(self, missed: frozenset[Contact]) -> Examination:  # noqa: ARG002 - its image alone decides
        behaviour = read_behaviour(slot_path(self._folder, _get_booted(self._folder)[1]))
        if behaviour is Behaviour.HANG:
            return Examination(Verdict.PENDING, "the system does not become ready")
        if behaviour is Behaviour.HEALTHY:
            return Examination(Verdict.HEALTHY)
        return Examination(Verdict.UNHEALTHY, f"the system says it is {behaviour}")

    def has_network(self) -> bool:
        return True


class VirtualPeople:
    def __init__(self, folder: Path) -> None:
        self._present = folder / PEOPLE_FILE
        self._screen = folder / SCREEN_FILE
        self._desktop = folder / DESKTOP_FILE

    def list_present(self) -> tuple[str, ...]:
        try:
            return tuple(self._present.read_text(encoding="utf-8").split())
        except (OSError, UnicodeDecodeError):
            return ()

    def is_present(self, user: int) -> bool:  # noqa: ARG002 - whoever reaches the folder sits at the machine
        return True

    def announce(self, text: str) -> None:
        with suppress(OSError), self._screen.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")

    def show_coming(self, coming: Coming | None) -> None:
        with suppress(OSError):
            if coming is None:
                self._desktop.unlink(missing_ok=True)
            else:
                replace_file(self._desktop, msgspec.json.encode(coming))

    def show_farewell(self, text: str, progress: str) -> None:
        self.announce(f"{text} {progress}")


class VirtualWitness:
    def __init__(self, die_at: str) -> None:
        self._die_at = die_at

    def before(self, state: BoxState) -> None:
        self._die(f"{state}:before")

    def after(self, state: BoxState) -> None:
        self._die(f"{state}:after")

    def _die(self, moment: str) -> None:
        if moment == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
