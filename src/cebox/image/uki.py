"""A unified kernel image: what the firmware starts, with the kernel and all it needs as sections of one PE file. Pure.

The format is that of the UAPI group's specification; the stub that reads the sections is systemd's. Every section
begins on a block of the file and of memory: what did not change stays the same blocks, and a patch copies it.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cebox.errors import InvalidInput

_BLOCK_BYTES = 4096
_SIGNATURE_AT = 0x3C
_FILE_HEADER = struct.Struct("<4sHHIIIHH")
_SECTION = struct.Struct("<8sIIIIIIHHI")
_PE32_PLUS = 0x20B
# In the optional header.
_SIZE_OF_DATA = 8
_FILE_ALIGNMENT = 36
_SIZE_OF_IMAGE = 56
_SIZE_OF_HEADERS = 60
_CHECKSUM = 64
_INITIALISED_READABLE = 0x40000040


@dataclass(frozen=True, slots=True)
class Section:
    """`name` starts with a dot and has at most eight letters with it."""

    name: str
    content: bytes


def encode_uki(stub: bytes, sections: Sequence[Section]) -> bytes:
    """The stub with `sections` behind its own. Raises InvalidInput (`stub_malformed`)."""
    try:
        return _Stub(stub).extend(sections)
    except struct.error as error:
        raise _malformed("it is too short") from error


class _Stub:
    """The parts of a PE file that more sections change."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._header_at = int.from_bytes(content[_SIGNATURE_AT : _SIGNATURE_AT + 4], "little")
        signature, _, self._count, *_, optional_bytes, _ = _FILE_HEADER.unpack_from(content, self._header_at)
        self._optional_at = self._header_at + _FILE_HEADER.size
        self._table_at = self._optional_at + optional_bytes
        if signature != b"PE\0\0" or self._read(self._optional_at, "<H") != _PE32_PLUS:
            raise _malformed("it is no 64-bit PE file")
        self._own = [_SECTION.unpack_from(content, self._table_at + at * _SECTION.size) for at in range(self._count)]

    def extend(self, sections: Sequence[Section]) -> bytes:
        self._verify_room(len(sections))
        memory = _align(max(at + size for _, size, at, *_ in self._own))
        image = bytearray(self._content[: max(at + size for _, _, _, size, at, *_ in self._own)])
        table = []
        for section in sections:
            image += bytes(-len(image) % _BLOCK_BYTES)
            table.append(self._describe(section, memory, len(image)))
            image += section.content
            memory = _align(memory + len(section.content))
        image += bytes(-len(image) % _BLOCK_BYTES)
        start = self._table_at + self._count * _SECTION.size
        image[start : start + len(table) * _SECTION.size] = b"".join(table)
        self._correct(image, len(sections), memory, sum(len(section.content) for section in sections))
        return bytes(image)

    def _verify_room(self, more: int) -> None:
        end = self._table_at + (self._count + more) * _SECTION.size
        if end > self._read(self._optional_at + _SIZE_OF_HEADERS, "<I"):
            raise _malformed("its header has no room for more sections")

    def _describe(self, section: Section, memory: int, at: int) -> bytes:
        step = self._read(self._optional_at + _FILE_ALIGNMENT, "<I")
        stored = -(-len(section.content) // step) * step
        fields = (section.name.encode(), len(section.content), memory, stored, at, 0, 0, 0, 0, _INITIALISED_READABLE)
        return _SECTION.pack(*fields)

    def _correct(self, image: bytearray, more: int, memory: int, more_bytes: int) -> None:
        struct.pack_into("<H", image, self._header_at + 6, self._count + more)
        # The table of symbols lay behind the sections.
        struct.pack_into("<II", image, self._header_at + 12, 0, 0)
        data_at = self._optional_at + _SIZE_OF_DATA
        struct.pack_into("<I", image, data_at, self._read(data_at, "<I") + more_bytes)
        struct.pack_into("<I", image, self._optional_at + _SIZE_OF_IMAGE, memory)
        # No firmware reads it for a program; whoever signs the file sets it.
        struct.pack_into("<I", image, self._optional_at + _CHECKSUM, 0)

    def _read(self, at: int, shape: str) -> int:
        (value,) = struct.unpack_from(shape, self._content, at)
        return int(value)


def _align(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "stub_malformed",
        f"the stub of the boot image cannot be used: {why}",
        hint="Take the linuxx64.efi.stub of the Debian package systemd-boot-efi.",
    )
