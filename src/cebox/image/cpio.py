"""Archives in the `newc` form that Linux unpacks as its initrd; the same bytes from the same entries. Pure."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_TIME_SECONDS = 1_750_000_000
_BLOCK_BYTES = 4096
_HEADER_BYTES = 110
_LONGEST_NAME_BYTES = 4096
_MAGIC = b"070701"
_END = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """`mode` holds the type too; the `content` of a link is its target."""

    name: str
    mode: int
    content: bytes = b""


def folder(name: str) -> Entry:
    return Entry(name, stat.S_IFDIR | 0o755)


def file(name: str, content: bytes, mode: int = 0o644) -> Entry:
    return Entry(name, stat.S_IFREG | mode, content)


def encode_archive(entries: Iterable[Entry]) -> bytes:
    """A header of fixed hexadecimal fields, the name, the content, each padded to four bytes; names in their order.

    Content of a block or more begins on a block: a patch then finds it in the archive before. The room in front is
    taken by the name, which ends at its first zero (Linux takes names up to 4096 bytes with their zeroes).
    """
    archive = bytearray()
    for number, entry in enumerate(sorted(entries, key=lambda one: one.name), start=1):
        archive += _encode_entry(number, entry, at=len(archive))
    archive += _encode_entry(0, Entry(_END, 0), at=len(archive))
    return bytes(archive)


def _encode_entry(number: int, entry: Entry, *, at: int) -> bytes:
    name = entry.name.encode() + b"\0"
    if len(entry.content) >= _BLOCK_BYTES:
        room = -(at + _HEADER_BYTES + len(name)) % _BLOCK_BYTES
        name += bytes(room if len(name) + room <= _LONGEST_NAME_BYTES else 0)
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    owner, group, check, devices = 0, 0, 0, (0, 0, 0, 0)
    fields = (number, entry.mode, owner, group, links, _TIME_SECONDS, len(entry.content), *devices, len(name), check)
    return _pad(_MAGIC + b"".join(b"%08X" % field for field in fields) + name) + _pad(entry.content)


def _pad(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
