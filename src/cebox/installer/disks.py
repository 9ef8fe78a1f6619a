"""The disks of this machine, and what is on each: nothing, an installation that was cut off, or somebody's data."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from cebox.installer.layout import UNFINISHED
from cebox.installer.places import Places
from cebox.keys.partition_table import PartitionTable, find_table

_SECTOR_BYTES = 512
_EDGE_BYTES = 1 << 20
# Between the edges: data without a table is somebody's too.
_SAMPLES = 256
_SAMPLE_BYTES = 64 << 10
_NO_DISKS = ("dm-", "fd", "loop", "md", "mtdblock", "nbd", "ram", "sr", "zram")
_MOST_LABELS = 6


class Content(StrEnum):
    EMPTY = "empty"
    UNFINISHED = "unfinished"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Disk:
    """`is_external`: plugged in from outside, most likely by accident still there. `labels` are its partitions'."""

    name: str
    path: Path
    size_bytes: int
    sector_bytes: int
    model: str
    is_external: bool
    content: Content
    table_id: UUID | None = None
    labels: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Nobody misses what is on it."""
        return self.content is not Content.USED


def list_disks(places: Places) -> list[Disk]:
    """By name; what is no disk, cannot be written or has no medium is left out."""
    try:
        folders = sorted(places.block_devices.iterdir())
    except OSError:
        return []
    return [disk for folder in folders if (disk := _find_disk(folder, places)) is not None]


def _find_disk(folder: Path, places: Places) -> Disk | None:
    name = folder.name
    size_bytes = _read_number(folder / "size") * _SECTOR_BYTES
    is_hidden_part = name.startswith("mmcblk") and "boot" in name
    if name.startswith(_NO_DISKS) or is_hidden_part or not size_bytes or _read_number(folder / "ro"):
        return None
    path = places.device(name)
    sector_bytes = _read_number(folder / "queue/logical_block_size") or _SECTOR_BYTES
    content, table = _inspect(path, size_bytes, sector_bytes)
    return Disk(
        name=name,
        path=path,
        size_bytes=size_bytes,
        sector_bytes=sector_bytes,
        model=_read_model(folder / "device"),
        is_external=bool(_read_number(folder / "removable")) or "/usb" in str(folder.resolve()),
        content=content,
        table_id=table.id if table else None,
        labels=tuple(one.label for one in table.partitions[:_MOST_LABELS]) if table else (),
    )


def _inspect(path: Path, size_bytes: int, sector_bytes: int) -> tuple[Content, PartitionTable | None]:
    """A disk that cannot be read is somebody's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Content.USED, None
    try:
        table = find_table(lambda offset, length: os.pread(descriptor, length, offset), size_bytes, sector_bytes)
        if table is not None and table.id == UNFINISHED:
            return Content.UNFINISHED, table
        is_empty = all(_is_zero(descriptor, *place) for place in _list_looks(size_bytes))
        return (Content.EMPTY if is_empty else Content.USED), table
    except OSError:
        return Content.USED, None
    finally:
        os.close(descriptor)


def _list_looks(size_bytes: int) -> Iterator[tuple[int, int]]:
    """Every table and filesystem there is has something at an edge; what has neither shows in between."""
    yield 0, _EDGE_BYTES
    yield max(0, size_bytes - _EDGE_BYTES), _EDGE_BYTES
    step = max(_SAMPLE_BYTES, size_bytes // _SAMPLES)
    for offset in range(0, size_bytes, step):
        yield offset, _SAMPLE_BYTES


def _is_zero(descriptor: int, offset: int, length: int) -> bool:
    content = os.pread(descriptor, length, offset)
    return content.count(0) == len(content)


def _read_model(folder: Path) -> str:
    """As its maker calls it. What is no word is a number of the bus's."""
    facts = (_read_text(folder / name) for name in ("vendor", "model"))
    return " ".join(fact for fact in facts if fact and not fact.startswith("0x"))


def _read_number(path: Path) -> int:
    text = _read_text(path)
    return int(text) if text.isascii() and text.isdigit() else 0


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
