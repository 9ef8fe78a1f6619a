"""Patch heads that a generator never makes, each named for its fault; signed all the same (the hash in `Way` fits)."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import zstandard

from cebox.release.manifest import Blob, Bounds, Image, Way
from cebox.release.patch import FORMAT, MAGIC, MOST_EXTENTS, MOST_SEGMENTS, MOST_UNPACKED_BYTES, PREFIX_BYTES

BLOCK_BYTES = 4096
NEW_BYTES = 5 * BLOCK_BYTES
OLD_BYTES = 8 * BLOCK_BYTES
HASH = hashlib.sha256(b"").digest()
BOUNDS = Bounds(
    segment_bytes=2 * BLOCK_BYTES, dictionary_bytes=2 * BLOCK_BYTES, window_bytes=1 << 18, memory_bytes=4 << 20
)

ZERO = [0, [0, 1]]
COPY = [1, [0, 2], HASH, [3, 2]]
PAYLOAD = [2, [0, 2], HASH, [-5, 1], [], "zstd-dict", 100, HASH]


def sound_index() -> dict[str, Any]:
    """One zero block, two copied, two from a payload of 100 bytes."""
    return {
        "new_bytes": NEW_BYTES,
        "new_sha256": HASH,
        "old_bytes": OLD_BYTES,
        "old_sha256": HASH,
        "block_bytes": BLOCK_BYTES,
        "bounds": msgspec.to_builtins(BOUNDS),
        "segments": [list(ZERO), list(COPY), list(PAYLOAD)],
    }


def pack(index: Any, *, magic: bytes = MAGIC, version: int = FORMAT, extra: bytes = b"") -> bytes:
    packed = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(index)) + extra
    return magic + version.to_bytes(2, "big") + len(packed).to_bytes(4, "big") + packed


def sign(head: bytes, payload_bytes: int = 100) -> tuple[bytes, Way, Image]:
    """The head with a way and an image that promise it."""
    way = Way(
        from_version="2026.10.1",
        from_sha256=HASH.hex(),
        blob=Blob(sha256=HASH.hex(), size=len(head) + payload_bytes),
        index_bytes=len(head),
        index_sha256=hashlib.sha256(head).hexdigest(),
        bounds=BOUNDS,
    )
    return head, way, Image(name="root", size=NEW_BYTES, sha256=HASH.hex(), ways=(way,))


def _set(name: str, value: Any) -> bytes:
    return pack(sound_index() | {name: value})


def _segments(*segments: Any) -> bytes:
    return _set("segments", list(segments))


def _bomb() -> bytes:
    packed = zstandard.ZstdCompressor().compress(bytes(MOST_UNPACKED_BYTES + 1))
    return MAGIC + FORMAT.to_bytes(2, "big") + len(packed).to_bytes(4, "big") + packed


MALFORMED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "only_a_prefix": lambda: pack({})[: PREFIX_BYTES - 1],
    "another_magic": lambda: pack(sound_index(), magic=b"otherpatch"),
    "length_of_index_wrong": lambda: pack(sound_index()) + b"x",
    "bytes_behind_the_index": lambda: pack(sound_index(), extra=b"x"),
    "index_no_zstd": lambda: MAGIC + FORMAT.to_bytes(2, "big") + (4).to_bytes(4, "big") + b"abcd",
    "index_unpacks_too_large": _bomb,
    "index_no_map": lambda: pack([1, 2, 3]),
    "index_without_segments": lambda: pack({"new_bytes": 1}),
    "negative_size": lambda: _set("new_bytes", -1),
    "another_image": lambda: _set("new_sha256", bytes(32)),
    "another_source": lambda: _set("old_sha256", bytes(32)),
    "source_without_size": lambda: _set("old_bytes", 0),
    "size_without_source": lambda: _set("old_sha256", None),
    "other_bounds": lambda: _set("bounds", msgspec.to_builtins(BOUNDS) | {"dictionary_bytes": 1 << 29}),
    "blocks_no_power_of_two": lambda: _set("block_bytes", 4095),
    "too_many_blocks": lambda: pack(sound_index() | {"block_bytes": 1, "new_bytes": 1 << 30}),
    "unknown_operation": lambda: _segments([3, [0, 5]]),
    "operation_no_number": lambda: _segments(["zero", [0, 5]]),
    "nothing_made": lambda: _segments(),
    "part_left_out": lambda: _segments(ZERO, COPY),
    "part_made_twice": lambda: _segments(ZERO, COPY, PAYLOAD, [0, [-1, 1]]),
    "target_outside": lambda: _segments(ZERO, COPY, [2, [0, 3], HASH, [], [], "zstd", 100, HASH]),
    "target_before_the_start": lambda: _segments([0, [-1, 2]]),
    "target_far_away": lambda: _segments([0, [1 << 62, 1]]),
    "target_of_no_blocks": lambda: _segments([0, [0, 0]], ZERO, COPY, PAYLOAD),
    "target_of_negative_length": lambda: _segments([0, [1, -1]]),
    "target_without_length": lambda: _segments([0, [0]]),
    "no_target": lambda: _segments([0, []], ZERO, COPY, PAYLOAD),
    "copy_outside_the_old_image": lambda: _segments(ZERO, [1, [0, 2], HASH, [7, 2]], PAYLOAD),
    "copy_of_another_length": lambda: _segments(ZERO, [1, [0, 2], HASH, [0, 3]], PAYLOAD),
    "copy_of_nothing": lambda: _segments(ZERO, [1, [0, 2], HASH], PAYLOAD),
    "copy_without_hash": lambda: _segments(ZERO, [1, [0, 2], b"", [3, 2]], PAYLOAD),
    "copy_with_payload": lambda: _segments(ZERO, [1, [0, 2], HASH, [3, 2], [], "zstd", 100, HASH], PAYLOAD),
    "copy_of_what_is_not_there_yet": lambda: _segments(ZERO, [1, [0, 2], HASH, [], [3, 2]], PAYLOAD),
    "copy_of_itself": lambda: _segments(ZERO, [1, [0, 2], HASH, [], [1, 2]], PAYLOAD),
    "zero_with_source": lambda: _segments([0, [0, 1], b"", [0, 1]], COPY, PAYLOAD),
    "zero_with_hash": lambda: _segments([0, [0, 1], HASH], COPY, PAYLOAD),
    "payload_without_codec": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [0, 1], [], "", 100, HASH]),
    "payload_of_no_bytes": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [0, 1], [], "zstd-dict", 0, HASH]),
    "payload_of_negative_size": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [0, 1], [], "zstd-dict", -1, HASH]),
    "payload_without_hash": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [0, 1], [], "zstd-dict", 100, b""]),
    "payload_with_a_short_hash": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [0, 1], [], "zstd-dict", 100, b"x"]),
    "dictionary_missing": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [], [], "zstd-dict", 100, HASH]),
    "dictionary_not_used": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [0, 1], [], "zstd", 100, HASH]),
    "payload_behind_the_end": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [-5, 1], [], "zstd-dict", 101, HASH]),
    "file_longer_than_its_payloads": lambda: _segments(
        ZERO, COPY, [2, [0, 2], HASH, [-5, 1], [], "zstd-dict", 99, HASH]
    ),
    "too_many_segments": lambda: _segments(*[[0, []]] * (MOST_SEGMENTS + 1)),
    "too_many_numbers": lambda: _segments([0, [0] * (2 * MOST_EXTENTS + 1)]),
    "too_many_extents": lambda: _segments([0, [0, 1] * ((1 << 18) + 1)]),
}

BEYOND_BOUNDS: dict[str, Callable[[], bytes]] = {
    "segment_too_large": lambda: _segments(ZERO, [2, [0, 4], HASH, [0, 1], [], "zstd-dict", 100, HASH]),
    "dictionary_too_large": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [-5, 3], [], "zstd-dict", 100, HASH]),
    "payload_too_large": lambda: _segments(ZERO, COPY, [2, [0, 2], HASH, [-5, 1], [], "zstd-dict", 1 << 20, HASH]),
}
