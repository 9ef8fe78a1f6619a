"""What a boot image says of itself: the release and root image it is made for, in the section `.osrel` of a PE file.

It is read from a partition that anything may have written to, so every number in it is bounded before it is followed.
"""

import re
import struct
from pathlib import Path
from typing import BinaryIO

from cebox.agent.machine import SlotContent
from cebox.domain.version import Version
from cebox.errors import InvalidInput, Untrusted

IMAGE_ID = "cebox"
_SECTION = b".osrel\0\0"
_FURTHEST_HEADER = 1 << 20
_MOST_SECTIONS = 96
_MOST_TEXT_BYTES = 64 << 10
_DOS_HEADER_BYTES = 64
_SECTION_BYTES = 40
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[1-9][0-9]{0,12}")


def read_content(path: Path) -> SlotContent:
    """The root image that `path` starts. Raises OSError, Untrusted (`boot_image_malformed`)."""
    with path.open("rb") as stream:
        facts = _parse_facts(_read_section(stream))
    sha256, size = facts.get("CEBOX_ROOT_SHA256", ""), facts.get("CEBOX_ROOT_BYTES", "")
    if facts.get("IMAGE_ID") != IMAGE_ID or not _SHA256.fullmatch(sha256) or not _SIZE.fullmatch(size):
        raise _malformed("it does not say which root image it starts")
    try:
        version = Version.parse(facts.get("IMAGE_VERSION", ""))
    except InvalidInput as error:
        raise _malformed(error.message) from error
    return SlotContent(version=str(version), sha256=sha256, size=int(size))


def is_readable(path: Path) -> bool:
    """Whether it says what it starts."""
    try:
        read_content(path)
    except (OSError, Untrusted):
        return False
    return True


def _read_section(stream: BinaryIO) -> str:
    header = _read(stream, 0, _DOS_HEADER_BYTES)
    start = struct.unpack_from("<I", header, 0x3C)[0]
    if header[:2] != b"MZ" or start > _FURTHEST_HEADER:
        raise _malformed("it is no PE file")
    head = _read(stream, start, 24)
    count, optional_bytes = struct.unpack_from("<H12xH", head, 6)
    if head[:4] != b"PE\0\0" or count > _MOST_SECTIONS:
        raise _malformed("it is no PE file")
    table = _read(stream, start + 24 + optional_bytes, count * _SECTION_BYTES)
    for at in range(0, len(table), _SECTION_BYTES):
        name, size, _, raw_size, offset = struct.unpack_from("<8sIIII", table, at)
        if name == _SECTION:
            length = min(size, raw_size)
            if length > _MOST_TEXT_BYTES:
                raise _malformed("its description is too long")
            return _read(stream, offset, length).decode("utf-8", errors="replace")
    raise _malformed("it has no description")


def _parse_facts(text: str) -> dict[str, str]:
    """os-release(5), as far as our own values need it: no escapes."""
    pairs = (line.partition("=") for line in text.replace("\0", "\n").splitlines())
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs if key and not key.startswith("#")}


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    content = stream.read(length)
    if len(content) < length:
        raise _malformed("it ends early")
    return content


def _malformed(why: str) -> Untrusted:
    return Untrusted(
        "boot_image_malformed",
        f"the boot image cannot be used: {why}",
        hint="The vendor must build the release again under a new version.",
    )
