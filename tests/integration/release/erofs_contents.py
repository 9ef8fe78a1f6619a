"""What an erofs image holds, wherever it lies in it: a reader of its own, for images that are sound."""

import hashlib
import mmap
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FORM, ATTRIBUTES, SIZE, PLACE, NUMBER = 0, 2, 8, 16, 20
SUPERBLOCK = 1024
INLINE = 2
KINDS = dict(
    enumerate((stat.S_IFREG, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFLNK), 1)
)


@dataclass(frozen=True)
class Facts:
    """`record` is the inode without its place and number; `first` the first name of the same inode."""

    record: bytes
    attributes: tuple[bytes, ...]
    content: str
    first: str


@dataclass(frozen=True)
class Found:
    """An inode, and where its own content lies: `(offset, length)` in bytes, both 0 where there is none."""

    offset: int
    record: bytes
    attributes: bytes
    blocks: tuple[int, int]
    tail: tuple[int, int]


def describe_image(path: Path) -> dict[str, Facts]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        return _Reader(image).describe()


def find_places(path: Path) -> dict[str, tuple[int, int]]:
    """Of every name, the places of the inode and of the blocks, in bytes."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        return {name: (found.offset, found.blocks[0]) for name, found in _Reader(image).walk()}


class _Reader:
    def __init__(self, image: mmap.mmap) -> None:
        self._image = image
        self._block_bytes = 1 << image[SUPERBLOCK + 12]
        (self._root,) = struct.unpack_from("<H", image, SUPERBLOCK + 14)
        metadata, shared = struct.unpack_from("<II", image, SUPERBLOCK + 40)
        self._metadata, self._shared = metadata * self._block_bytes, shared * self._block_bytes

    def describe(self) -> dict[str, Facts]:
        firsts: dict[int, str] = {}
        return {
            name: Facts(
                found.record,
                tuple(sorted(self._list_attributes(found.attributes))),
                self._digest(found),
                firsts.setdefault(found.offset, name),
            )
            for name, found in self.walk()
        }

    def walk(self) -> Iterator[tuple[str, Found]]:
        root = self._read(self._root)
        yield "/", root
        yield from self._walk_folder("", root)

    def _walk_folder(self, path: str, folder: Found) -> Iterator[tuple[str, Found]]:
        for name, number, kind in self._list_entries(folder):
            if name in ("", ".", ".."):
                continue
            found = self._read(number)
            assert stat.S_IFMT(int.from_bytes(found.record[4:6], "little")) == KINDS[kind]
            yield f"{path}/{name}", found
            if kind == 2:
                yield from self._walk_folder(f"{path}/{name}", found)

    def _list_entries(self, folder: Found) -> Iterator[tuple[str, int, int]]:
        start, length = folder.blocks
        pieces = [self._image[at : at + self._block_bytes] for at in range(start, start + length, self._block_bytes)]
        for block in (*pieces, self._image[folder.tail[0] : sum(folder.tail)]):
            count = struct.unpack_from("<8xH", block)[0] // 12 if block else 0
            entries = [struct.unpack_from("<QHB", block, 12 * at) for at in range(count)]
            ends = [entry[1] for entry in entries[1:]] + [len(block)]
            for (number, at, kind), end in zip(entries, ends, strict=True):
                yield block[at:end].split(b"\0")[0].decode(errors="surrogateescape"), number, kind

    def _read(self, number: int) -> Found:
        start = self._metadata + number * 32
        form, attributes, mode = struct.unpack_from("<HHH", self._image, start)
        inode_bytes = 64 if form & 1 else 32
        attributes_bytes = 12 + 4 * (attributes - 1) if attributes else 0
        record = bytearray(self._image[start : start + inode_bytes])
        (size,) = struct.unpack_from("<Q" if form & 1 else "<I", record, SIZE)
        (place,) = struct.unpack_from("<I", record, PLACE)
        behind = start + inode_bytes + attributes_bytes
        whole, tail = self._split(mode, form, size)
        if whole:
            record[PLACE : PLACE + 4] = bytes(4)
        record[NUMBER : NUMBER + 4] = bytes(4)
        blocks = (place * self._block_bytes, whole) if whole else (0, 0)
        raw = self._image[start + inode_bytes : behind]
        return Found(start, bytes(record), raw, blocks, (behind, tail))

    def _split(self, mode: int, form: int, size: int) -> tuple[int, int]:
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            return 0, 0
        tail = (size - 1) % self._block_bytes + 1 if form >> 1 == INLINE and size else 0
        return size - tail, tail

    def _digest(self, found: Found) -> str:
        if stat.S_ISDIR(int.from_bytes(found.record[4:6], "little")):
            return " ".join(name for name, _, _ in self._list_entries(found))
        digest = hashlib.sha256()
        for start, length in (found.blocks, found.tail):
            for at in range(start, start + length, 1 << 20):
                digest.update(self._image[at : min(at + (1 << 20), start + length)])
        return digest.hexdigest()

    def _list_attributes(self, raw: bytes) -> Iterator[bytes]:
        if not raw:
            return
        for number in range(raw[4]):
            (reference,) = struct.unpack_from("<I", raw, 12 + 4 * number)
            yield self._cut_attribute(self._image, self._shared + 4 * reference)
        at = 12 + 4 * raw[4]
        while at < len(raw):
            attribute = self._cut_attribute(raw, at)
            yield attribute
            at += -(-len(attribute) // 4) * 4

    def _cut_attribute(self, raw: bytes | mmap.mmap, at: int) -> bytes:
        name_bytes, _, value_bytes = struct.unpack_from("<BBH", raw, at)
        return bytes(raw[at : at + 4 + name_bytes + value_bytes])
