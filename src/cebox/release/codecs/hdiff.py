"""A difference to old content that also finds near repetition, packed by another codec.

payload = bytes of the diff (uint32 BE) | the diff, packed
"""

import struct
from collections.abc import Callable

import hdiffpatch

from cebox.release.codecs.payload import Content, undecodable

RECIPE = "hdiff 1"
_MAGIC = b"HDIFF13&\0"
_DIFF_BYTES = struct.Struct(">I")
_UNPACKING_BYTES = 5 << 20


def compare(data: bytes, dictionary: bytes) -> bytes:
    """The diff."""
    return hdiffpatch.diff(dictionary, data, None, validate=False)


def pack(diff: Content, packed: bytes) -> bytes:
    return _DIFF_BYTES.pack(len(diff)) + packed


def decode(
    payload: Content, dictionary: bytes, output_bytes: int, decompress: Callable[[Content, int], bytes | bytearray]
) -> bytes:
    if len(payload) < _DIFF_BYTES.size:
        raise undecodable("it is too short")
    (diff_bytes,) = _DIFF_BYTES.unpack_from(payload)
    if diff_bytes > _most_diff_bytes(output_bytes):
        raise undecodable("it needs more memory than it may")
    diff = bytes(decompress(memoryview(payload)[_DIFF_BYTES.size :], diff_bytes))
    _verify_diff_sizes(diff, len(dictionary), output_bytes)
    try:
        output = hdiffpatch.apply(dictionary, diff)
    except (hdiffpatch.HDiffPatchError, MemoryError) as error:
        raise undecodable(str(error)) from error
    if len(output) != output_bytes:
        raise undecodable("it gives another size")
    return output


def _most_diff_bytes(output_bytes: int) -> int:
    return output_bytes + output_bytes // 8 + 4096


def _verify_diff_sizes(diff: bytes, old_bytes: int, new_bytes: int) -> None:
    """The library allocates what the diff's head asks for, so the head is read before."""
    if not diff.startswith(_MAGIC):
        raise undecodable("it is no diff")
    declared_new, at = _read_varint(diff, len(_MAGIC))
    declared_old, _ = _read_varint(diff, at)
    if (declared_new, declared_old) != (new_bytes, old_bytes):
        raise undecodable("it declares another size")


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the highest first, and where the next begins."""
    value = 0
    for place in range(at, min(at + 10, len(content))):
        value = value << 7 | content[place] & 0x7F
        if content[place] < 0x80:
            return value, place + 1
    raise undecodable("it is too short")


def work_bytes(_dictionary_bytes: int, output_bytes: int, _window_bytes: int) -> int:
    """Measured: the diff, and what unpacking and applying it take."""
    return _most_diff_bytes(output_bytes) + _UNPACKING_BYTES
