"""Writes an erofs image anew with everything in the place that `placement` gives it; the files stay what they are."""

import errno
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cebox.errors import InvalidInput
from cebox.release.image.erofs import (
    INODE_NUMBER_BYTES,
    INODE_NUMBER_OFFSET,
    SUPERBLOCK_OFFSET,
    Inode,
    Superblock,
    count_outside_bytes,
    is_erofs,
    read_superblock,
    walk_inodes,
)
from cebox.release.image.normalise import write_checksum
from cebox.release.image.placement import FIRST_UNIT, UNIT_BYTES, Like, Piece, Place, Placement, plan_placement
from cebox.release.patch import Extent
from cebox.release.slot import CHUNK_BYTES, ImageFile

_SUPERBLOCK_BYTES = FIRST_UNIT * UNIT_BYTES - SUPERBLOCK_OFFSET
# Counted from the start of the superblock.
_EXTENSIONS_OFFSET = 13
_ROOT_OFFSET = 14
_BLOCKS_OFFSET = 36
_METADATA_BLOCK_OFFSET = 40
_SHARED_BLOCK_OFFSET = 44
# Counted from the start of an inode, in both of its forms.
_BLOCK_OFFSET = 16

_SHORT = struct.Struct("<H")
_NUMBER = struct.Struct("<I")
_LONG = struct.Struct("<Q")
_ENTRY = struct.Struct("<QHBx")
_ATTRIBUTES_HEADER = struct.Struct("<4xB7x")
_ATTRIBUTE = struct.Struct("<BxH")
_WITH_CONTENT = frozenset((stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK))
# No file has this path.
_SHARED_PATH = ""


def arrange_image(fresh: Path, target: Path, like: Path | None = None) -> None:
    """Write `target` from the image `fresh`, as like the image `like` as can be. The same bytes every time.

    A `like` of another kind is ignored. Raises InvalidInput (`erofs_malformed`, `erofs_unsupported`) and OSError.
    """
    with fresh.open("rb") as holes, ImageFile(fresh, is_writable=False) as source:
        contents = _read_contents(source)
        block_bytes = contents.superblock.block_bytes
        placement = plan_placement(list(contents.pieces), block_bytes, _read_like(like, block_bytes) if like else None)
        with target.open("wb") as file:
            file.truncate(placement.blocks * block_bytes)
        with ImageFile(target, is_writable=True) as image:
            _Writer(source, holes.fileno(), image, contents, placement).write()
            write_checksum(image)


@dataclass(frozen=True, slots=True)
class _Contents:
    """`shared`: the attributes that several inodes refer to; its piece has the path `_SHARED_PATH`."""

    superblock: Superblock
    pieces: dict[Piece, Inode | None]
    shared_block: int
    shared: Extent


def _read_contents(image: ImageFile) -> _Contents:
    superblock = read_superblock(image)
    raw = _read(image, SUPERBLOCK_OFFSET, _SUPERBLOCK_BYTES)
    if raw[_EXTENSIONS_OFFSET]:
        raise InvalidInput("erofs_unsupported", "the superblock of the erofs image is longer than known")
    (shared_block,) = _NUMBER.unpack_from(raw, _SHARED_BLOCK_OFFSET)
    pieces: dict[Piece, Inode | None] = {}
    references: set[int] = set()
    for path, inode in walk_inodes(image):
        pieces[_measure(path, inode, superblock.block_bytes)] = inode
        references.update(_list_references(image, inode))
    _verify_apart(pieces, superblock)
    shared = _find_shared(image, references, shared_block * superblock.block_bytes)
    if shared.length:
        blocks = -(-(shared.offset + shared.length) // superblock.block_bytes) - shared_block
        pieces[Piece(_SHARED_PATH, 0, shared.length, 0, 0, blocks)] = None
    return _Contents(superblock, pieces, shared_block, shared)


def _measure(path: str, inode: Inode, block_bytes: int) -> Piece:
    kind = stat.S_IFMT(inode.mode)
    record_bytes = inode.tail_offset - inode.offset
    if kind not in _WITH_CONTENT:
        return Piece(path, kind, 0, record_bytes, 0, 0)
    outside_bytes = count_outside_bytes(inode, block_bytes)
    return Piece(path, kind, inode.size, record_bytes, inode.size - outside_bytes, -(-outside_bytes // block_bytes))


def _verify_apart(pieces: dict[Piece, Inode | None], superblock: Superblock) -> None:
    """What two files share would be written twice; an image could grow beyond all measure."""
    block_bytes = superblock.block_bytes
    spans = sorted(
        (inode.data_offset, inode.data_offset + piece.blocks * block_bytes)
        for piece, inode in pieces.items()
        if inode and piece.blocks
    )
    end = SUPERBLOCK_OFFSET + _SUPERBLOCK_BYTES
    for start, behind in spans:
        if start < end or behind > superblock.size_bytes:
            raise InvalidInput("erofs_malformed", "two files in the erofs image overlap, or one lies outside")
        end = behind


def _list_references(image: ImageFile, inode: Inode) -> Iterator[int]:
    """The shared attributes of an inode, in steps of four bytes from where they start."""
    length = inode.tail_offset - inode.attributes_offset
    if length == 0:
        return
    raw = _read(image, inode.attributes_offset, length)
    (count,) = _ATTRIBUTES_HEADER.unpack_from(raw)
    if _ATTRIBUTES_HEADER.size + count * _NUMBER.size > length:
        raise InvalidInput("erofs_malformed", "an inode in the erofs image has less attributes than it says")
    for number in range(count):
        yield from _NUMBER.unpack_from(raw, _ATTRIBUTES_HEADER.size + number * _NUMBER.size)


def _find_shared(image: ImageFile, references: Iterable[int], start: int) -> Extent:
    """From the first that is referred to, to the end of the last."""
    places = sorted(start + reference * 4 for reference in references)
    if not places:
        return Extent(0, 0)
    name_bytes, value_bytes = _ATTRIBUTE.unpack(_read(image, places[-1], _ATTRIBUTE.size))
    return Extent(places[0], places[-1] + _ATTRIBUTE.size + name_bytes + value_bytes - places[0])


def _read_like(path: Path, block_bytes: int) -> Like:
    with ImageFile(path, is_writable=False) as image:
        if not is_erofs(image):
            return {}
        try:
            contents = _read_contents(image)
        except InvalidInput as error:
            if error.code == "erofs_unsupported":
                return {}
            raise
    if contents.superblock.block_bytes != block_bytes:
        return {}
    return {piece: _find_place(piece, inode, contents) for piece, inode in contents.pieces.items()}


def _find_place(piece: Piece, inode: Inode | None, contents: _Contents) -> Place:
    if inode is None:
        return Place(0, contents.shared_block)
    block = inode.data_offset // contents.superblock.block_bytes if piece.blocks else 0
    return Place(inode.offset // UNIT_BYTES, block)


class _Writer:
    """Copies piece by piece, and puts right what points from one to another."""

    def __init__(
        self, source: ImageFile, descriptor: int, image: ImageFile, contents: _Contents, placement: Placement
    ) -> None:
        self._source = source
        self._descriptor = descriptor
        self._image = image
        self._contents = contents
        self._placement = placement
        self._block_bytes = contents.superblock.block_bytes
        self._units = {
            (inode.offset - contents.superblock.metadata_offset) // UNIT_BYTES: placement.places[piece].unit
            for piece, inode in contents.pieces.items()
            if inode
        }

    def write(self) -> None:
        shared_block = 0
        for piece, inode in self._contents.pieces.items():
            place = self._placement.places[piece]
            if inode is None:
                shared_block = place.block
                shift = (shared_block - self._contents.shared_block) * self._block_bytes
                self._copy(self._contents.shared, self._contents.shared.offset + shift)
            elif stat.S_ISDIR(inode.mode):
                self._write_folder(piece, inode, place)
            else:
                tail = _read(self._source, inode.tail_offset, piece.tail_bytes)
                self._write_record(piece, inode, place, tail)
                self._copy(Extent(inode.data_offset, piece.outside_bytes), place.block * self._block_bytes)
        self._write_superblock(shared_block)

    def _write_superblock(self, shared_block: int) -> None:
        raw = bytearray(_read(self._source, SUPERBLOCK_OFFSET, _SUPERBLOCK_BYTES))
        _SHORT.pack_into(raw, _ROOT_OFFSET, self._units[self._contents.superblock.root])
        _NUMBER.pack_into(raw, _BLOCKS_OFFSET, self._placement.blocks)
        # Inodes are counted from the start of the image.
        _NUMBER.pack_into(raw, _METADATA_BLOCK_OFFSET, 0)
        _NUMBER.pack_into(raw, _SHARED_BLOCK_OFFSET, shared_block)
        self._write(SUPERBLOCK_OFFSET, raw)

    def _write_record(self, piece: Piece, inode: Inode, place: Place, tail: bytes | bytearray) -> None:
        raw = bytearray(_read(self._source, inode.offset, piece.record_bytes))
        raw[INODE_NUMBER_OFFSET : INODE_NUMBER_OFFSET + INODE_NUMBER_BYTES] = bytes(INODE_NUMBER_BYTES)
        if piece.blocks:
            _NUMBER.pack_into(raw, _BLOCK_OFFSET, place.block)
        self._write(place.unit * UNIT_BYTES, raw + tail)

    def _write_folder(self, piece: Piece, inode: Inode, place: Place) -> None:
        outside = bytearray(_read(self._source, inode.data_offset, piece.outside_bytes))
        tail = bytearray(_read(self._source, inode.tail_offset, piece.tail_bytes))
        for at in range(0, len(outside), self._block_bytes):
            self._renumber(outside, at)
        if tail:
            self._renumber(tail, 0)
        self._write_record(piece, inode, place, tail)
        self._write(place.block * self._block_bytes, outside)

    def _renumber(self, folder: bytearray, start: int) -> None:
        """A block of a folder starts with its entries; the first one's name starts where they end."""
        names_at = _ENTRY.unpack_from(folder, start)[1]
        for at in range(start, start + names_at, _ENTRY.size):
            (number,) = _LONG.unpack_from(folder, at)
            if number not in self._units:
                raise InvalidInput("erofs_malformed", "a folder in the erofs image has no parent in it")
            _LONG.pack_into(folder, at, self._units[number])

    def _copy(self, extent: Extent, target: int) -> None:
        """What is a hole stays one."""
        end = extent.offset + extent.length
        start = self._find_data(extent.offset, end)
        while start < end:
            length = min(CHUNK_BYTES, end - start)
            self._write(target + start - extent.offset, _read(self._source, start, length))
            start = self._find_data(start + length, end)

    def _find_data(self, offset: int, end: int) -> int:
        """`end` or more when there is none before it."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA) if offset < end else end
        except OSError as error:
            if error.errno == errno.ENXIO:
                return end
            raise

    def _write(self, at: int, content: bytes | bytearray) -> None:
        self._image.write_chunks((Extent(at, len(content)),), (content,))


def _read(image: ImageFile, offset: int, length: int) -> bytes:
    content = b"".join(image.read_chunks((Extent(offset, length),)))
    if len(content) < length:
        raise InvalidInput("erofs_malformed", "the erofs image is malformed: a part of it lies outside")
    return content
