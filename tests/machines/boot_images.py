"""Boot images for tests: real PE files with a release's sections, and a few instructions in place of a kernel."""

import random
import struct
from collections.abc import Sequence
from pathlib import Path

RETURN = b"\x31\xc0\xc3"
_HEADERS_BYTES = 1024
_ALIGN_IN_MEMORY, _ALIGN_IN_FILE = 4096, 512
_CODE, _TEXT = 0x60000020, 0x40000040


def describe(version: str, sha256: str, size: int) -> bytes:
    """The `.osrel` of a release's boot image."""
    return (
        f'ID=debian\nPRETTY_NAME="ceBox OS {version}"\nIMAGE_ID=cebox\nIMAGE_VERSION={version}\n'
        f"CEBOX_ROOT_SHA256={sha256}\nCEBOX_ROOT_BYTES={size}\n"
    ).encode()


def build(sections: Sequence[tuple[bytes, bytes]], *, entry: bytes = RETURN) -> bytes:
    """An EFI program that runs `entry`, with `sections` behind it."""
    every = [(b".text", entry, _CODE), *((name, content, _TEXT) for name, content in sections)]
    table, body, address = b"", b"", _ALIGN_IN_MEMORY
    for name, content, flags in every:
        raw = content.ljust(_round(len(content), _ALIGN_IN_FILE), b"\0")
        place = _HEADERS_BYTES + len(body)
        table += struct.pack("<8sIIII12xI", name, len(content), address, len(raw), place, flags)
        body += raw
        address += _round(len(content), _ALIGN_IN_MEMORY)
    return (_build_head(len(every), address) + table).ljust(_HEADERS_BYTES, b"\0") + body


def write(
    path: Path, *, version: str, sha256: str, size: int, kernel_bytes: int = 0, entry: bytes = RETURN, seed: str = ""
) -> bytes:
    """A whole boot image at `path`; most of its kernel is the same in every version, as in life."""
    same = random.Random("kernel").randbytes(3 * kernel_bytes // 4)
    own = random.Random(f"{version}{seed}").randbytes(kernel_bytes // 4)
    content = build([(b".osrel", describe(version, sha256, size)), (b".linux", same + own)], entry=entry)
    path.write_bytes(content)
    return content


def _build_head(section_count: int, image_bytes: int) -> bytes:
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 64)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, section_count, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 0, 0, 512, 512, 0, _ALIGN_IN_MEMORY, _ALIGN_IN_MEMORY)
    optional += struct.pack("<QII", 0, _ALIGN_IN_MEMORY, _ALIGN_IN_FILE)
    optional += struct.pack("<HHHHHHIIIIHH", 0, 0, 0, 0, 0, 0, 0, image_bytes, _HEADERS_BYTES, 0, 10, 0)
    optional += struct.pack("<QQQQII", 1 << 20, 1 << 12, 1 << 20, 1 << 12, 0, 16)
    return dos + coff + optional.ljust(240, b"\0")


def _round(size: int, unit: int) -> int:
    return -(-size // unit) * unit
