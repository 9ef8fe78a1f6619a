"""Takes out of an erofs image what says nothing of its files.

mkfs.erofs numbers the inodes one after the other: one file more then changes every inode behind it, and a patch with
them. Nothing reads the numbers; Linux and the tools know an inode by its place. And it writes a file's extended
attributes in the order in which the file system of the machine it runs on happens to list them.
"""

import struct

from cebox.errors import InvalidInput
from cebox.release.image.erofs import (
    CHECKSUM_OFFSET,
    HAS_CHECKSUM,
    INODE_NUMBER_BYTES,
    INODE_NUMBER_OFFSET,
    SUPERBLOCK_OFFSET,
    Inode,
    list_inodes,
    read_superblock,
)
from cebox.release.patch import Extent
from cebox.release.slot import ImageFile

_CHECKSUM_BYTES = 4
# Castagnoli's polynomial, its bits reversed.
_POLYNOMIAL = 0x82F63B78
_ATTRIBUTES_HEADER = struct.Struct("<4xB7x")
_SHARED_BYTES = 4
_ATTRIBUTE = struct.Struct("<BBH")


def normalise_erofs(image: ImageFile) -> None:
    """Change `image` in place; afterwards its superblock has the right checksum, if it has one.

    Raises InvalidInput (`erofs_malformed`, `erofs_unsupported`) and OSError; the image is then of no use.
    """
    inodes = tuple(list_inodes(image))
    image.write_zeroes(tuple(Extent(inode.offset + INODE_NUMBER_OFFSET, INODE_NUMBER_BYTES) for inode in inodes))
    for inode in inodes:
        _sort_attributes(image, inode)
    write_checksum(image)


def write_checksum(image: ImageFile) -> None:
    """Make the superblock's checksum right again, if it has one. Raises InvalidInput as above, and OSError."""
    superblock = read_superblock(image)
    if superblock.features & HAS_CHECKSUM:
        checksum = Extent(CHECKSUM_OFFSET, _CHECKSUM_BYTES)
        image.write_zeroes((checksum,))
        block = Extent(SUPERBLOCK_OFFSET, superblock.block_bytes - SUPERBLOCK_OFFSET)
        crc = _crc32c(b"".join(image.read_chunks((block,))))
        image.write_chunks((checksum,), (crc.to_bytes(_CHECKSUM_BYTES, "little"),))


def _sort_attributes(image: ImageFile, inode: Inode) -> None:
    extent = Extent(inode.attributes_offset, inode.tail_offset - inode.attributes_offset)
    if extent.length == 0:
        return
    written = b"".join(image.read_chunks((extent,)))
    (shared,) = _ATTRIBUTES_HEADER.unpack_from(written)
    start = _ATTRIBUTES_HEADER.size + shared * _SHARED_BYTES
    attributes = sorted(_split_attributes(written[start:]))
    if len(attributes) > 1:
        image.write_chunks((extent,), (written[:start] + b"".join(attribute for _, attribute in attributes),))


def _split_attributes(rest: bytes) -> list[tuple[bytes, bytes]]:
    """What to sort by, and an attribute with its padding, for each."""
    found = []
    while rest:
        if len(rest) < _ATTRIBUTE.size:
            raise InvalidInput("erofs_malformed", "an extended attribute in the erofs image is cut off")
        name_bytes, _, value_bytes = _ATTRIBUTE.unpack_from(rest)
        end = -(-(_ATTRIBUTE.size + name_bytes + value_bytes) // 4) * 4
        found.append((rest[1:2] + rest[_ATTRIBUTE.size : _ATTRIBUTE.size + name_bytes], rest[:end]))
        rest = rest[end:]
    return found


def _make_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _make_table()


def _crc32c(content: bytes) -> int:
    """As erofs wants it: not inverted at the end."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc
