"""The firmware's boot options: which program on which partition it starts, and which comes after it. Pure.

Source: UEFI specification, 3.1.3 (load options) and 10.3 (device paths).
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from cebox.keys.partition_table import PartitionTable

_HEAD = struct.Struct("<IH")
_ACTIVE = 1
# A partition: kind of the node twice and its length, number, first sector, sectors, id, and that both are GPT's.
_HARD_DRIVE = struct.Struct("<BBHIQQ16sBB")
_NODE = struct.Struct("<BBH")
_MEDIA, _IS_PARTITION, _IS_FILE = 4, 1, 4
_GPT, _BY_ID = 2, 2
_END = b"\x7f\xff\x04\x00"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: options by their numbers, then the order; None when that stands right."""

    options: Mapping[int, bytes]
    order: tuple[int, ...] | None

    @property
    def is_empty(self) -> bool:
        return not self.options and self.order is None


def encode_option(title: str, table: PartitionTable, label: str, path: str) -> bytes:
    """Starts `path` (with slashes) on the partition `label`. Raises KeyError when the table has none."""
    partition = table.get(label)
    place = (partition.offset // table.sector_bytes, partition.size // table.sector_bytes, partition.id.bytes_le)
    number = table.partitions.index(partition) + 1
    drive = _HARD_DRIVE.pack(_MEDIA, _IS_PARTITION, _HARD_DRIVE.size, number, *place, _GPT, _BY_ID)
    name = _encode_text("\\" + path.replace("/", "\\"))
    nodes = drive + _NODE.pack(_MEDIA, _IS_FILE, _NODE.size + len(name)) + name + _END
    return _HEAD.pack(_ACTIVE, len(nodes)) + _encode_text(title) + nodes


def find_title(option: bytes) -> str | None:
    """What people read in the firmware's menu; None when that is no option."""
    text = option[_HEAD.size :]
    end = next((at for at in range(0, len(text) - 1, 2) if text[at : at + 2] == b"\0\0"), None)
    return None if end is None else text[:end].decode("utf-16-le", errors="replace")


def plan_options(order: Sequence[int], found: Mapping[int, bytes], wanted: Sequence[bytes]) -> Plan:
    """`wanted`, one directly after the other, where the first of them is already, else before everything else.

    An option with the title of a wanted one is that one, of this disk or of one that was here before.
    """
    numbers: list[int] = []
    for option in wanted:
        numbers.append(_choose_number(option, found, order, numbers))
    first = next((at for at, number in enumerate(order) if number in numbers), 0)
    others = [number for number in order if number not in numbers]
    wished = (*others[:first], *numbers, *others[first:])
    changed = {number: option for number, option in zip(numbers, wanted, strict=True) if found.get(number) != option}
    return Plan(changed, None if wished == tuple(order) else wished)


def _choose_number(option: bytes, found: Mapping[int, bytes], order: Sequence[int], taken: Sequence[int]) -> int:
    title = find_title(option)
    same = [number for number in sorted(found) if number not in taken and find_title(found[number]) == title]
    if same:
        return next((number for number in same if found[number] == option), same[0])
    # One that the order names and nobody finds is somebody's too.
    return next(number for number in count() if number not in {*found, *order, *taken})


def _encode_text(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"
