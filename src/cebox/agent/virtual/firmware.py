"""Power-on of a virtual machine: choose an entry, count its tries down, check the image, fall back.

What UEFI firmware, systemd-boot's boot counting and dm-verity do together on a real one.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from cebox.agent.machine import SlotName
from cebox.agent.virtual.boot_table import BootTable, Entry, load_table, save_table, slot_path
from cebox.agent.virtual.trial import Behaviour, read_behaviour
from cebox.errors import Untrusted

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Booted:
    """What came up. `tries_left` is None for a blessed system; `attempts` counts starts this power-on needed."""

    slot: SlotName
    version: str
    tries_left: int | None
    attempts: int


def boot(folder: Path) -> Booted:
    """Power on. Every try is counted down before it is made, so that pulling the plug costs one too.

    Raises Untrusted (`nothing_boots`) when no entry starts.
    """
    table = replace(load_table(folder), starts=load_table(folder).starts + 1, booted=None)
    attempts = 0
    refused: set[SlotName] = set()
    while (slot := _find_next(table, refused)) is not None:
        attempts += 1
        table = _count_down(table, slot)
        save_table(folder, table)
        entry = table.entries[slot]
        if _comes_up(slot_path(folder, slot), entry):
            save_table(folder, replace(table, booted=slot))
            return Booted(slot, entry.version, entry.tries_left, attempts)
        if entry.is_blessed or not entry.tries_left:
            refused.add(slot)
    save_table(folder, table)
    raise Untrusted("nothing_boots", f"no slot of {folder} starts", hint="Install the machine again with a key.")


def _find_next(table: BootTable, refused: set[SlotName]) -> SlotName | None:
    for slot in (table.default, table.default.other):
        entry = table.entries.get(slot)
        if entry and slot not in refused and (entry.is_blessed or entry.tries_left):
            return slot
    return None


def _count_down(table: BootTable, slot: SlotName) -> BootTable:
    entry = table.entries[slot]
    if entry.tries_left is None:
        return table
    return table.with_entry(slot, replace(entry, tries_left=entry.tries_left - 1))


def _comes_up(path: Path, entry: Entry) -> bool:
    try:
        return hash_head(path, entry.size) == entry.sha256 and read_behaviour(path) is not Behaviour.PANIC
    except OSError:
        return False


def hash_head(path: Path, size: int) -> str:
    """SHA-256 of the first `size` bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        left = size
        while left > 0 and (chunk := stream.read(min(_CHUNK_BYTES, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
