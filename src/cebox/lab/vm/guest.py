"""One machine of the lab as its people have it: a name, a disk, a stick to start from, a button and a plug."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.domain.version import Version
from cebox.lab.vm.disk import DISK_BYTES, Slots, install_from, make_empty_disk, read_slots
from cebox.lab.vm.qemu import Computer, Hardware
from cebox.lab.vm.serial import Line
from cebox.release.manifest import Manifest

PATIENCE_SECONDS = 900.0
_MEMORY = re.compile(r"witness: .* rss_kib=(\d+)")


@dataclass(frozen=True, slots=True)
class Model:
    """What a machine has besides a network card. By default enough for the cloud variant."""

    disk_bytes: int = DISK_BYTES
    memory_mib: int = 1024
    has_watchdog: bool = False
    has_screen: bool = False


PLAIN = Model()


class Guest:
    """Its image carries a witness, which says on the console what the machine is. `number` makes its card's address."""

    def __init__(self, name: str, folder: Path, number: int, netdev: str = "user", model: Model = PLAIN) -> None:
        self.name = name
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self.disk = self._folder / "disk.img"
        self._disk_bytes = model.disk_bytes
        hardware = Hardware(
            self.disk,
            f"52:54:00:ce:b0:{number:02x}",
            netdev,
            model.memory_mib,
            has_watchdog=model.has_watchdog,
            has_screen=model.has_screen,
        )
        self.computer = Computer(self._folder, hardware)

    def install_from_outside(self, stick: Path) -> None:
        install_from(stick, self.disk, self.name, self._disk_bytes)

    def install(self, stick: Path) -> float:
        """Start an empty machine from the stick until it is off again; the seconds it took."""
        make_empty_disk(self.disk, self._disk_bytes)
        self.computer.plug_in(stick)
        began = time.monotonic()
        self.computer.switch_on()
        self.computer.wait_until_off(PATIENCE_SECONDS)
        self.computer.plug_in(None)
        return time.monotonic() - began

    @property
    def mark(self) -> int:
        """Where its console is now, to wait for what comes after."""
        return len(self.computer.console.lines)

    def wait_for_version(self, version: Version, entries: str = r"\S*", *, after: int = 0) -> Line:
        """Until the machine itself says that `version` runs, with boot entries that match. Raises TimeoutError."""
        wanted = rf"witness: version={re.escape(str(version))} slot=. entries={entries} "
        return self.computer.console.wait_for(wanted, PATIENCE_SECONDS, after=after)

    def wait_for_any_version(self, *versions: Version) -> Line:
        """Since it was switched on."""
        wanted = "|".join(re.escape(str(version)) for version in versions)
        return self.computer.console.wait_for(rf"witness: version=({wanted}) ", PATIENCE_SECONDS)

    def wait_until_blessed(self, version: Version, *, after: int = 0) -> Line:
        return self.wait_for_version(version, rf"\S*cebox_{re.escape(str(version))}\.efi\S*", after=after)

    def wait_until_fallen_back(self, good: Version, bad: EntryName, *, after: int = 0) -> Line:
        """Until `good` runs, blessed, beside the entry `bad` as it was left."""
        entries = rf"(?=\S*cebox_{re.escape(str(good))}\.efi)(?=\S*{re.escape(str(bad))})\S*"
        return self.wait_for_version(good, entries, after=after)

    def wait_for_state(self, *states: str, after: int = 0) -> Line:
        """Until its agent has said that it is in one of these now, or has started in it."""
        return self.computer.console.wait_for(rf'"(now|state)": "({"|".join(states)})"', PATIENCE_SECONDS, after=after)

    def list_memory_mib(self) -> list[float]:
        """What its agent held, each time the witness looked."""
        found = (_MEMORY.search(line.text) for line in self.computer.console.lines)
        return [int(match[1]) / 1024 for match in found if match and int(match[1])]

    def find_source(self, *, after: int = 0) -> str:
        """Where its agent says it took the last image from; empty when it took none."""
        said = "".join(line.text for line in self.computer.console.lines[after:])
        sources = re.findall(r'"source": "(\w+)"', said)
        return sources[-1] if sources else ""

    def read_slots(self, releases: Iterable[Manifest]) -> Slots:
        return read_slots(self.disk, releases)

    def switch_off(self) -> float:
        """Press the button and wait; the seconds until it was off."""
        began = time.monotonic()
        self.computer.press_power_button()
        self.computer.wait_until_off(PATIENCE_SECONDS)
        return time.monotonic() - began
