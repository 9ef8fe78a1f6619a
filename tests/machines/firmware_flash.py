"""The flash memory of the emulated firmware as a file: its variables, taken out into a folder as the kernel shows them,
and put in from there.

Source: UEFI Platform Initialization specification, volume 3 (firmware volumes); the variable store is EDK II's.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

_VOLUME_HEADER_BYTES_AT = 0x30
_STORE_HEADER = struct.Struct("<16sIBBHI")
_VARIABLE = struct.Struct("<HBBIQ16sIII16s")
_MAGIC = 0x55AA
_ADDED = 0x3F
_NOTHING = 0xFF
_ATTRIBUTES_BYTES = 4


@dataclass(frozen=True)
class Variable:
    """`name` as the kernel has it: with the id of whoever it belongs to."""

    name: str
    attributes: int
    content: bytes
    state: int = _ADDED


def take_out(flash: Path, folder: Path) -> None:
    for one in _list_variables(flash.read_bytes()):
        if one.state == _ADDED:
            (folder / one.name).write_bytes(one.attributes.to_bytes(_ATTRIBUTES_BYTES, "little") + one.content)


def put_in(folder: Path, flash: Path) -> None:
    """All that it has are those in `folder`."""
    image = bytearray(flash.read_bytes())
    start, end = _find_store(image)
    found = b"".join(_encode(path) for path in sorted(folder.iterdir()))
    image[start:end] = found.ljust(end - start, bytes((_NOTHING,)))
    flash.write_bytes(image)


def _find_store(image: bytes | bytearray) -> tuple[int, int]:
    (start,) = struct.unpack_from("<H", image, _VOLUME_HEADER_BYTES_AT)
    _, size, *_ = _STORE_HEADER.unpack_from(image, start)
    return start + _STORE_HEADER.size, start + size


def _list_variables(image: bytes) -> Iterator[Variable]:
    at, end = _find_store(image)
    while at < end:
        magic, state, _, attributes, *_, name_bytes, content_bytes, owner = _VARIABLE.unpack_from(image, at)
        if magic != _MAGIC:
            return
        at += _VARIABLE.size
        name = image[at : at + name_bytes].decode("utf-16-le").rstrip("\0")
        at += name_bytes
        yield Variable(f"{name}-{UUID(bytes_le=owner)}", attributes, image[at : at + content_bytes], state)
        at = _align(at + content_bytes)


def _encode(path: Path) -> bytes:
    name, owner = path.name[:-37].encode("utf-16-le") + b"\0\0", UUID(path.name[-36:]).bytes_le
    raw = path.read_bytes()
    attributes, content = int.from_bytes(raw[:_ATTRIBUTES_BYTES], "little"), raw[_ATTRIBUTES_BYTES:]
    head = _VARIABLE.pack(_MAGIC, _ADDED, 0, attributes, 0, bytes(16), 0, len(name), len(content), owner)
    whole = head + name + content
    return whole.ljust(_align(len(whole)), bytes((_NOTHING,)))


def _align(size: int) -> int:
    return -(-size // 4) * 4
