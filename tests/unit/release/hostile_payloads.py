"""Payloads that no generator makes, each named for its fault. All are for `OLD` and an output of `SIZE` bytes."""

import lzma
import random
from collections.abc import Callable
from functools import cache

import hdiffpatch
import zstandard

from cebox.release.codecs import get_codec

OLD = b"".join(b"%d bottles, %d left\n" % (number, number * number) for number in range(200))
NEW = OLD[:400] + b"something new\n" + OLD[700:2500] + random.Random(1).randbytes(300) + OLD[:200]
SIZE = len(NEW)
MAGIC = b"HDIFF13&\0"
GIB = 1 << 30
_WINDOW = {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 18}
_HEAD_NUMBERS = 11
# Behind the two sizes: covers, and the size of each part as it is and packed.
_PARTS = range(2, _HEAD_NUMBERS)


def pack_lzma(content: bytes) -> bytes:
    return lzma.compress(content, format=lzma.FORMAT_RAW, filters=[_WINDOW])


def pack_diff(diff: bytes, *, said_bytes: int | None = None) -> bytes:
    """As the codec does it, whatever the diff is."""
    return (len(diff) if said_bytes is None else said_bytes).to_bytes(4, "big") + pack_lzma(diff)


def pack_diff_zstd(diff: bytes, *, said_bytes: int | None = None) -> bytes:
    return (len(diff) if said_bytes is None else said_bytes).to_bytes(4, "big") + _zstd(diff)


def sound_diff() -> bytes:
    return hdiffpatch.diff(OLD, NEW, None)


def _varint(value: int) -> bytes:
    content = bytearray([value & 0x7F])
    while value := value >> 7:
        content.append(value & 0x7F | 0x80)
    return bytes(reversed(content))


def _split() -> tuple[list[int], bytes]:
    """The numbers of a sound diff's head, and what follows them."""
    diff = sound_diff()
    numbers, at = [], len(MAGIC)
    for _ in range(_HEAD_NUMBERS):
        value = 0
        while True:
            value = value << 7 | diff[at] & 0x7F
            at += 1
            if diff[at - 1] < 0x80:
                break
        numbers.append(value)
    return numbers, diff[at:]


def diff_with(**changes: int) -> bytes:
    """A sound diff but for these numbers of its head, named n0, n1, …"""
    numbers, rest = _split()
    for name, value in changes.items():
        numbers[int(name[1:])] = value
    return MAGIC + b"".join(map(_varint, numbers)) + rest


def _zstd(content: bytes, *, has_size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=has_size).compress(content)


@cache
def _make_lzma_bomb() -> bytes:
    packer = lzma.LZMACompressor(format=lzma.FORMAT_RAW, filters=[_WINDOW | {"preset": 0}])
    return packer.compress(bytes(100 << 20)) + packer.flush()


ZSTD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "noise": lambda: random.Random(3).randbytes(1000),
    "no_size_declared": lambda: _zstd(NEW, has_size=False),
    "declares_an_exabyte": lambda: bytes.fromhex("28b52ffde0") + (1 << 60).to_bytes(8, "little") + bytes(9),
    "declares_what_is_asked_and_gives_more": lambda: (
        bytes.fromhex("28b52ffd60")
        + (SIZE - 256).to_bytes(2, "little")
        + ((SIZE + 1) << 3 | 3).to_bytes(3, "little")
        + b"x"
    ),
    "wants_a_window_of_a_gigabyte": lambda: (
        bytes.fromhex("28b52ffd40a0") + (SIZE - 256).to_bytes(2, "little") + bytes(9)
    ),
    "two_frames": lambda: _zstd(NEW) * 2,
    "trailing_bytes": lambda: _zstd(NEW) + b"x",
    "truncated": lambda: _zstd(NEW)[:-5],
    "longer": lambda: _zstd(NEW + b"x"),
    "shorter": lambda: _zstd(NEW[:-1]),
}

LZMA: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "noise": lambda: b"\x01" + random.Random(3).randbytes(1000),
    "trailing_bytes": lambda: pack_lzma(NEW) + b"x",
    "two_streams": lambda: pack_lzma(NEW) * 2,
    "without_end": lambda: pack_lzma(NEW)[:-1],
    "truncated": lambda: pack_lzma(NEW)[:-20],
    "longer_by_one": lambda: pack_lzma(NEW + b"x"),
    "shorter_by_one": lambda: pack_lzma(NEW[:-1]),
    "of_nothing": lambda: pack_lzma(b""),
    "unpacks_to_a_hundred_megabytes": _make_lzma_bomb,
}

HDIFF: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no_room_for_a_length": lambda: b"\0\0\0",
    "no_diff": lambda: pack_diff(NEW),
    "empty_diff": lambda: pack_diff(b""),
    "only_a_magic": lambda: pack_diff(MAGIC),
    "another_magic": lambda: pack_diff(b"HDIFF12&\0" + diff_with()[len(MAGIC) :]),
    "parts_that_are_packed": lambda: pack_diff(b"HDIFF13&zlib\0" + diff_with()[len(MAGIC) :]),
    "checksum_asked_for": lambda: pack_diff(b"HDIFF13&&crc32\0" + diff_with()[len(MAGIC) :]),
    "new_size_of_a_gigabyte": lambda: pack_diff(diff_with(n0=GIB)),
    "old_size_of_a_gigabyte": lambda: pack_diff(diff_with(n1=GIB)),
    "new_size_too_small": lambda: pack_diff(diff_with(n0=SIZE - 1)),
    "old_size_too_small": lambda: pack_diff(diff_with(n1=len(OLD) - 1)),
    "sizes_exchanged": lambda: pack_diff(diff_with(n0=len(OLD), n1=SIZE)),
    "sizes_of_nothing": lambda: pack_diff(diff_with(n0=0, n1=0)),
    "size_without_end": lambda: pack_diff(MAGIC + b"\xff" * 9),
    "size_beyond_64_bits": lambda: pack_diff(MAGIC + b"\xff" * 12 + b"\0"),
    "second_size_missing": lambda: pack_diff(MAGIC + _varint(SIZE)),
    "nothing_but_sizes": lambda: pack_diff(MAGIC + _varint(SIZE) + _varint(len(OLD))),
    "diff_truncated": lambda: pack_diff(sound_diff()[:-10]),
    "length_of_four_gigabytes": lambda: pack_diff(sound_diff(), said_bytes=(1 << 32) - 1),
    "length_of_nothing": lambda: pack_diff(sound_diff(), said_bytes=0),
    "length_one_too_small": lambda: pack_diff(sound_diff(), said_bytes=len(sound_diff()) - 1),
    "length_one_too_large": lambda: pack_diff(sound_diff(), said_bytes=len(sound_diff()) + 1),
    "packed_with_trailing_bytes": lambda: pack_diff(sound_diff()) + b"x",
    "packed_without_end": lambda: pack_diff(sound_diff())[:-1],
    "diff_of_a_hundred_megabytes": lambda: len(sound_diff()).to_bytes(4, "big") + _make_lzma_bomb(),
    **{f"part_{part}_of_a_gigabyte": lambda part=part: pack_diff(diff_with(**{f"n{part}": GIB})) for part in _PARTS},  # type: ignore[misc] # the default binds it
    **{f"part_{part}_of_2^62": lambda part=part: pack_diff(diff_with(**{f"n{part}": 1 << 62})) for part in _PARTS},  # type: ignore[misc]
}

HDIFF_ZSTD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no_room_for_a_length": lambda: b"\0\0\0",
    "no_diff": lambda: pack_diff_zstd(NEW),
    "packed_by_another": lambda: pack_diff(sound_diff()),
    "new_size_of_a_gigabyte": lambda: pack_diff_zstd(diff_with(n0=GIB)),
    "diff_truncated": lambda: pack_diff_zstd(sound_diff()[:-10]),
    "length_of_four_gigabytes": lambda: pack_diff_zstd(sound_diff(), said_bytes=(1 << 32) - 1),
    "length_one_too_small": lambda: pack_diff_zstd(sound_diff(), said_bytes=len(sound_diff()) - 1),
    "length_one_too_large": lambda: pack_diff_zstd(sound_diff(), said_bytes=len(sound_diff()) + 1),
    "packed_with_trailing_bytes": lambda: pack_diff_zstd(sound_diff()) + b"x",
    "packed_without_end": lambda: pack_diff_zstd(sound_diff())[:-1],
    "packed_declares_an_exabyte": lambda: len(sound_diff()).to_bytes(4, "big") + ZSTD["declares_an_exabyte"](),
}

FAMILIES = {"zstd": ZSTD, "lzma": LZMA, "lzma-x86": LZMA, "hdiff-lzma": HDIFF, "hdiff-zstd": HDIFF_ZSTD}
CASES = [(codec_id, name) for codec_id, family in FAMILIES.items() for name in family]


def decode(codec_id: str, payload: bytes) -> bytes:
    codec = get_codec(codec_id)
    return bytes(codec.decode(payload, OLD if codec.needs_dictionary else b"", SIZE, 1 << 20))
