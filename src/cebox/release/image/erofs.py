"""Reads where an uncompressed erofs image keeps its files; knows the on-disk format, changes nothing.

Written for images that may be hostile: the work and the memory are bounded by the limits below, whatever the bytes say.
Source: Linux, fs/erofs/erofs_fs.h.
"""

import stat
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from cebox.errors import InvalidInput
from cebox.release.patch import Extent, Extents

SUPERBLOCK_OFFSET = 1024
CHECKSUM_OFFSET = SUPERBLOCK_OFFSET + 4
HAS_CHECKSUM = 0x1
# Counted from the start of an inode, in both of its forms.
INODE_NUMBER_OFFSET = 20
INODE_NUMBER_BYTES = 4

_MAGIC = 0xE0F5E1E2
_SUPERBLOCK = struct.Struct("<I4xIBxH20xII36xI6xB37x")
_SLOT_BYTES = 32
_COMPACT = struct.Struct("<HHH2xI4xI12x")
_EXTENDED = struct.Struct("<HHH2xQI44x")
_ENTRY = struct.Struct("<QHBx")
_SMALLEST_BLOCK_BITS, _LARGEST_BLOCK_BITS = 9, 16
# Says something of compressed files only; some versions of mkfs set it always.
_HARMLESS_FEATURES = 0x1
_PLAIN, _INLINE = 0, 2
_UNREADABLE = {1: "compressed", 3: "compressed", 4: "chunk-based"}
_KINDS = frozenset((stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK))

_MOST_ENTRIES = 1 << 20
_MOST_FOLDER_BYTES = 128 << 20
_MOST_PATHS_BYTES = 64 << 20
_LONGEST_PATH_BYTES = 4095
_LONGEST_NAME_BYTES = 255
_WINDOW_BYTES = 16 << 10
_MOST_WINDOWS = 256


class Source(Protocol):
    """An `ImageFile`, or anything else that is read by extents."""

    @property
    def size_bytes(self) -> int: ...

    def read_chunks(self, extents: Extents) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class FilePlace:
    """The blocks of a regular file: `length` bytes of whole blocks from `offset` on.

    A tail that lies beside the inode is not among them. `size` is the file's own; `path` starts with a slash.
    """

    path: str
    offset: int
    length: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The filesystem's `size_bytes` (its image may be longer) and its files, by offset; no two overlap.

    A file with several names stands here once, with the first; files without a block of their own do not.
    """

    block_bytes: int
    size_bytes: int
    files: tuple[FilePlace, ...]


@dataclass(frozen=True, slots=True)
class Superblock:
    features: int
    block_bytes: int
    size_bytes: int
    metadata_offset: int
    root: int


@dataclass(frozen=True, slots=True)
class Inode:
    """`offset`: its own place in the image. `data_offset`: of its whole blocks.

    Its extended attributes follow it, from `attributes_offset` up to `tail_offset`, where its tail is if it has one.
    """

    offset: int
    mode: int
    size: int
    layout: int
    data_offset: int
    attributes_offset: int
    tail_offset: int


def is_erofs(image: Source) -> bool:
    """Raises OSError."""
    magic = b"".join(image.read_chunks((Extent(SUPERBLOCK_OFFSET, 4),)))
    return magic == _MAGIC.to_bytes(4, "little")


def read_layout(image: Source) -> Layout:
    """Raises InvalidInput (`erofs_malformed`, `erofs_unsupported`) and OSError."""
    superblock = read_superblock(image)
    tree = _Tree(image, superblock)
    files = (tree.find_place(path, inode) for path, inode in tree.walk() if stat.S_ISREG(inode.mode))
    ordered = sorted((place for place in files if place is not None), key=lambda place: place.offset)
    for before, behind in pairwise(ordered):
        if before.offset + before.length > behind.offset:
            raise _malformed(f"{before.path!r} and {behind.path!r} overlap")
    return Layout(superblock.block_bytes, superblock.size_bytes, tuple(ordered))


def list_inodes(image: Source) -> Iterator[Inode]:
    """Every inode once, whatever it is. Raises as `read_layout` does, but sees no overlaps."""
    return (inode for _, inode in _Tree(image, read_superblock(image)).walk())


def walk_inodes(image: Source) -> Iterator[tuple[str, Inode]]:
    """As `list_inodes`, each with its first path: a folder, then what is in it, names in their order."""
    return _Tree(image, read_superblock(image)).walk()


def count_outside_bytes(inode: Inode, block_bytes: int) -> int:
    """How much of a file, folder or link lies in blocks; the rest of its size is its tail.

    Raises InvalidInput (`erofs_unsupported`).
    """
    if inode.layout not in (_PLAIN, _INLINE):
        raise _unsupported(f"a file is {_UNREADABLE[inode.layout]}")
    if inode.layout == _PLAIN or inode.size == 0:
        return inode.size
    return (inode.size - 1) // block_bytes * block_bytes


def read_superblock(image: Source) -> Superblock:
    """Raises InvalidInput (`erofs_malformed`, `erofs_unsupported`) and OSError."""
    raw = b"".join(image.read_chunks((Extent(SUPERBLOCK_OFFSET, _SUPERBLOCK.size),)))
    if len(raw) < _SUPERBLOCK.size:
        raise _malformed("it is too short")
    magic, features, block_bits, root, blocks, metadata_block, needed, folder_bits = _SUPERBLOCK.unpack(raw)
    if magic != _MAGIC:
        raise _malformed("it has no superblock")
    if not _SMALLEST_BLOCK_BITS <= block_bits <= _LARGEST_BLOCK_BITS:
        raise _malformed(f"its blocks have 2^{block_bits} bytes")
    if needed & ~_HARMLESS_FEATURES:
        raise _unsupported(f"it needs the features {needed:#x}")
    if folder_bits:
        raise _unsupported("the blocks of its folders have a size of their own")
    block_bytes = 1 << block_bits
    if blocks * block_bytes > image.size_bytes:
        raise _malformed("it is cut off")
    return Superblock(features, block_bytes, blocks * block_bytes, metadata_block * block_bytes, root)


class _Tree:
    """The folders and inodes of one image. Keeps count of what it was made to read."""

    def __init__(self, image: Source, superblock: Superblock) -> None:
        self._superblock = superblock
        self._windows = _Windows(image, superblock.size_bytes)
        self._folder_bytes = 0

    def walk(self) -> Iterator[tuple[str, Inode]]:
        """Every inode with its first path, a folder's names in their order, before what is in its folders."""
        root = self._read_inode(self._superblock.root)
        if not stat.S_ISDIR(root.mode):
            raise _malformed("its root is no folder")
        yield "/", root
        folders, others = {root.offset}, set[int]()
        waiting = [(b"", root)]
        counter = _Counter()
        while waiting:
            folder_path, folder = waiting.pop()
            within = []
            for name, number in self._list_entries(folder):
                path = folder_path + b"/" + name
                counter.add(path)
                inode = self._read_inode(number)
                if inode.offset in folders:
                    raise _malformed(f"the folder {_text(path)!r} is in two places")
                if inode.offset in others:
                    continue
                if stat.S_ISDIR(inode.mode):
                    folders.add(inode.offset)
                    within.append((path, inode))
                else:
                    others.add(inode.offset)
                yield _text(path), inode
            waiting += reversed(within)

    def find_place(self, path: str, inode: Inode) -> FilePlace | None:
        """None for a file without a block of its own."""
        length = self._whole_bytes(inode)
        if inode.layout == _PLAIN:
            length = -(-length // self._superblock.block_bytes) * self._superblock.block_bytes
        if length == 0:
            return None
        self._verify_within(inode.data_offset, length)
        return FilePlace(path, inode.data_offset, length, inode.size)

    def _read_inode(self, number: int) -> Inode:
        offset = self._superblock.metadata_offset + number * _SLOT_BYTES
        raw = self._windows.read(offset, _COMPACT.size)
        is_extended = raw[0] & 1
        if is_extended:
            raw = self._windows.read(offset, _EXTENDED.size)
        shape = _EXTENDED if is_extended else _COMPACT
        form, attributes, mode, size, block = shape.unpack(raw)
        if form >> 4:
            raise _unsupported(f"an inode has the format {form:#x}")
        if stat.S_IFMT(mode) not in _KINDS or (form >> 1) > max(_UNREADABLE):
            raise _malformed("an inode is neither file nor folder nor anything else")
        attributes_bytes = 12 + (attributes - 1) * 4 if attributes else 0
        data_offset = block * self._superblock.block_bytes
        attributes_offset = offset + shape.size
        return Inode(
            offset, mode, size, form >> 1, data_offset, attributes_offset, attributes_offset + attributes_bytes
        )

    def _whole_bytes(self, inode: Inode) -> int:
        return count_outside_bytes(inode, self._superblock.block_bytes)

    def _verify_within(self, offset: int, length: int) -> None:
        if offset < SUPERBLOCK_OFFSET + _SUPERBLOCK.size or offset + length > self._superblock.size_bytes:
            raise _malformed("a file lies outside")

    def _list_entries(self, folder: Inode) -> Iterator[tuple[bytes, int]]:
        before = b""
        for block in self._list_folder_blocks(folder):
            for name, number in _list_block_entries(block):
                # What finds a name halves the list: names out of order, or twice, are not found.
                if name <= before:
                    raise _malformed("the names in a folder are not in order")
                before = name
                if name not in (b".", b".."):
                    yield name, number

    def _list_folder_blocks(self, folder: Inode) -> Iterator[bytes]:
        whole_bytes = self._whole_bytes(folder)
        block_bytes = self._superblock.block_bytes
        self._folder_bytes += folder.size
        if self._folder_bytes > _MOST_FOLDER_BYTES:
            raise _unsupported("its folders are too large")
        if whole_bytes:
            self._verify_within(folder.data_offset, whole_bytes)
        for at in range(0, whole_bytes, block_bytes):
            yield self._windows.read(folder.data_offset + at, min(block_bytes, whole_bytes - at))
        if tail_bytes := folder.size - whole_bytes:
            if folder.tail_offset % block_bytes + tail_bytes > block_bytes:
                raise _malformed("the tail of a folder crosses a block")
            yield self._windows.read(folder.tail_offset, tail_bytes)


class _Counter:
    """Ends a walk that grows beyond all measure."""

    def __init__(self) -> None:
        self._entries = 0
        self._paths_bytes = 0

    def add(self, path: bytes) -> None:
        self._entries += 1
        self._paths_bytes += len(path)
        if len(path) > _LONGEST_PATH_BYTES:
            raise _malformed("a path is too long")
        if self._entries > _MOST_ENTRIES or self._paths_bytes > _MOST_PATHS_BYTES:
            raise _unsupported("it has too many files")


class _Windows:
    """Reads small pieces that lie near one another: the last windows are kept."""

    def __init__(self, image: Source, size_bytes: int) -> None:
        self._image = image
        self._size_bytes = size_bytes
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        if offset + length > self._size_bytes:
            raise _malformed("a part of it lies outside")
        number, start = divmod(offset, _WINDOW_BYTES)
        piece = self._get(number)[start : start + length]
        while len(piece) < length:
            number += 1
            piece += self._get(number)[: length - len(piece)]
        return piece

    def _get(self, number: int) -> bytes:
        window = self._kept.get(number)
        if window is not None:
            self._kept.move_to_end(number)
            return window
        start = number * _WINDOW_BYTES
        wanted = min(_WINDOW_BYTES, self._size_bytes - start)
        window = b"".join(self._image.read_chunks((Extent(start, wanted),)))
        if len(window) != wanted:
            raise _malformed("it is cut off")
        self._kept[number] = window
        if len(self._kept) > _MOST_WINDOWS:
            self._kept.popitem(last=False)
        return window


def _list_block_entries(block: bytes) -> Iterator[tuple[bytes, int]]:
    """A block of a folder starts with its entries; the first one's name starts where they end."""
    if len(block) < _ENTRY.size:
        raise _malformed("a folder is too short")
    names_at = _ENTRY.unpack_from(block)[1]
    if not names_at or names_at % _ENTRY.size or names_at >= len(block):
        raise _malformed("a folder's names do not follow its entries")
    entries = list(_ENTRY.iter_unpack(block[:names_at]))
    last_name_at = entries[-1][1]
    ends = [entry[1] for entry in entries[1:]]
    ends.append(last_name_at + len(block[last_name_at:].split(b"\0", 1)[0]))
    start = names_at
    for (number, name_at, _kind), end in zip(entries, ends, strict=True):
        if name_at != start or not start < end <= len(block) or end - start > _LONGEST_NAME_BYTES:
            raise _malformed("a folder's names do not follow one another")
        name = block[start:end]
        if b"\0" in name or b"/" in name:
            raise _malformed(f"a file has the name {_text(name)!r}")
        yield name, number
        start = end


def _text(path: bytes) -> str:
    return path.decode(errors="surrogateescape")


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "erofs_malformed", f"the erofs image is malformed: {why}", hint="Make the image again with mkfs.erofs."
    )


def _unsupported(why: str) -> InvalidInput:
    return InvalidInput(
        "erofs_unsupported",
        f"the erofs image is of an unknown kind: {why}",
        hint="Make the image with mkfs.erofs, without compression and without chunks.",
    )
