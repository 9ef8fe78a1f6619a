"""`boot.json`: the boot entries of a virtual machine, which its firmware and its boot loader share."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from cebox.agent.machine import SlotContent, SlotName
from cebox.errors import Untrusted
from cebox.kit.files import replace_file

BOOT_FILE = "boot.json"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A slot that may be started. `tries_left` None means blessed."""

    version: str
    sha256: str
    size: int
    tries_left: int | None = None

    @property
    def is_blessed(self) -> bool:
        return self.tries_left is None

    @property
    def content(self) -> SlotContent:
        return SlotContent(self.version, self.sha256, self.size)


class BootTable(msgspec.Struct, frozen=True, kw_only=True):
    """`starts` counts power-ons; `booted` is what the last one started (None: never, or nothing would start)."""

    default: SlotName
    entries: dict[SlotName, Entry] = {}
    starts: int = 0
    booted: SlotName | None = None

    def with_entry(self, slot: SlotName, entry: Entry) -> "BootTable":
        return replace(self, entries={**self.entries, slot: entry})

    def without_entry(self, slot: SlotName) -> "BootTable":
        return replace(self, entries={name: entry for name, entry in self.entries.items() if name is not slot})


def slot_path(folder: Path, slot: SlotName) -> Path:
    return folder / f"slot-{slot}.img"


def load_table(folder: Path) -> BootTable:
    """Raises Untrusted (`boot_table_damaged`) when it is missing or unreadable."""
    try:
        return msgspec.json.decode((folder / BOOT_FILE).read_bytes(), type=BootTable)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise Untrusted(
            "boot_table_damaged",
            f"{folder / BOOT_FILE} is no boot table: {error}",
            hint="Make the virtual machine again.",
        ) from error


def save_table(folder: Path, table: BootTable) -> None:
    replace_file(folder / BOOT_FILE, msgspec.json.format(msgspec.json.encode(table)))
