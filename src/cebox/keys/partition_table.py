"""Partition tables of the GPT kind: written whole, read with suspicion. Pure.

Source: UEFI specification, chapter 5. A number on the disk counts sectors; here everything counts bytes.
"""

import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

ESP_TYPE = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
LINUX_TYPE = UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
ALIGNMENT_BYTES = 1 << 20
"""Partitions begin on it, and it has room for the table before them and behind them, whatever the sector."""

_SIGNATURE = b"EFI PART"
_REVISION = 0x00010000
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
_ENTRIES = 128
_MOST_ENTRIES = 1024
_LONGEST_LABEL = 36
_MBR_ENTRY_AT = 446
_WHOLE_DISK = 0xEE

Read = Callable[[int, int], bytes]
"""Of a disk, by offset and length; shorter where it ends."""


@dataclass(frozen=True, slots=True)
class Partition:
    """`id` is its own; `kind` what it is for."""

    label: str
    kind: UUID
    id: UUID
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """Of a disk of `disk_bytes`, whose sectors have `sector_bytes`."""

    id: UUID
    disk_bytes: int
    partitions: tuple[Partition, ...]
    sector_bytes: int = 512

    def get(self, label: str) -> Partition:
        """Raises KeyError."""
        for partition in self.partitions:
            if partition.label == label:
                return partition
        raise KeyError(label)


def lay_out(sizes: dict[str, int], kinds: dict[str, UUID]) -> Iterator[Partition]:
    """One partition behind the other, each a whole number of MiB; what is not in `kinds` is Linux's."""
    offset = ALIGNMENT_BYTES
    for label, size in sizes.items():
        yield Partition(label, kinds.get(label, LINUX_TYPE), uuid.uuid4(), offset, align(size))
        offset += align(size)


def align(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def encode_head(table: PartitionTable) -> bytes:
    """The first MiB of the disk; zero where it says nothing."""
    sector = table.sector_bytes
    entries = _encode_entries(table)
    head = bytearray(ALIGNMENT_BYTES)
    head[:512] = _encode_protection(table)
    header = _encode_header(table, entries, own=1, other=_last_sector(table), entries_at=2)
    head[sector : sector + len(header)] = header
    head[2 * sector : 2 * sector + len(entries)] = entries
    return bytes(head)


def encode_tail(table: PartitionTable) -> bytes:
    """The end of the disk, from `tail_offset` on."""
    sector = table.sector_bytes
    entries = _encode_entries(table)
    entries_at = _last_sector(table) - _entry_sectors(table)
    tail = bytearray(table.disk_bytes - tail_offset(table))
    header = _encode_header(table, entries, own=_last_sector(table), other=1, entries_at=entries_at)
    start = entries_at * sector - tail_offset(table)
    tail[start : start + len(entries)] = entries
    tail[-sector : len(header) - sector] = header
    return bytes(tail)


def tail_offset(table: PartitionTable) -> int:
    """Behind it no partition may lie: it is the last whole MiB, and what is left over."""
    return (table.disk_bytes // ALIGNMENT_BYTES - 1) * ALIGNMENT_BYTES


def find_table(read: Read, disk_bytes: int, sector_bytes: int = 512) -> PartitionTable | None:
    """What the disk's first table says; None when there is none, or one that contradicts itself."""
    header = read(sector_bytes, _HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_SIGNATURE):
        return None
    (_, _, size, check, _, _, _, _, _, disk_id, entries_at, count, entry_bytes, entries_check) = _HEADER.unpack(header)
    is_sane = size == _HEADER.size and entry_bytes == _ENTRY.size and count <= _MOST_ENTRIES
    if not is_sane or zlib.crc32(header[:16] + bytes(4) + header[20:]) != check:
        return None
    entries = read(entries_at * sector_bytes, count * _ENTRY.size)
    if len(entries) < count * _ENTRY.size or zlib.crc32(entries) != entries_check:
        return None
    partitions = tuple(_decode_entries(entries, sector_bytes))
    if any(one.size <= 0 or one.end > disk_bytes for one in partitions):
        return None
    return PartitionTable(UUID(bytes_le=disk_id), disk_bytes, partitions, sector_bytes)


def _encode_protection(table: PartitionTable) -> bytes:
    """A table of the old kind that says: all of it is taken."""
    sectors = min(0xFFFFFFFF, _last_sector(table))
    entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", _WHOLE_DISK, b"\xff\xff\xff", 1, sectors)
    return (bytes(_MBR_ENTRY_AT) + entry).ljust(510, b"\0") + b"\x55\xaa"


def _encode_header(table: PartitionTable, entries: bytes, *, own: int, other: int, entries_at: int) -> bytes:
    first = 2 + _entry_sectors(table)
    last = _last_sector(table) - _entry_sectors(table) - 1
    place = (own, other, first, last, table.id.bytes_le, entries_at)
    about = (_ENTRIES, _ENTRY.size, zlib.crc32(entries))
    blank = _HEADER.pack(_SIGNATURE, _REVISION, _HEADER.size, 0, 0, *place, *about)
    return blank[:16] + struct.pack("<I", zlib.crc32(blank)) + blank[20:]


def _encode_entries(table: PartitionTable) -> bytes:
    entries = bytearray(_ENTRIES * _ENTRY.size)
    for number, one in enumerate(table.partitions):
        if len(one.label) > _LONGEST_LABEL:
            raise ValueError(f"{one.label!r} is too long for a partition's label")
        first, last = one.offset // table.sector_bytes, one.end // table.sector_bytes - 1
        label = one.label.encode("utf-16-le")
        _ENTRY.pack_into(entries, number * _ENTRY.size, one.kind.bytes_le, one.id.bytes_le, first, last, 0, label)
    return bytes(entries)


def _decode_entries(entries: bytes, sector_bytes: int) -> Iterator[Partition]:
    for kind, own, first, last, _, label in _ENTRY.iter_unpack(entries):
        if any(kind):
            text = label.decode("utf-16-le", errors="replace").partition("\0")[0]
            offset, size = first * sector_bytes, (last - first + 1) * sector_bytes
            yield Partition(text, UUID(bytes_le=kind), UUID(bytes_le=own), offset, size)


def _last_sector(table: PartitionTable) -> int:
    return table.disk_bytes // table.sector_bytes - 1


def _entry_sectors(table: PartitionTable) -> int:
    return -(-_ENTRIES * _ENTRY.size // table.sector_bytes)
