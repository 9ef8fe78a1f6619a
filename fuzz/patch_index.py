"""The reader of a patch's head, with everything before it passed: its length and hash are as signed.

input = 0 | a head                        to be unpacked
      | 1 | payload bytes (uint16 LE) | a msgpack value    what stands in the head's zstd frame; the manifest
                                                           promises what the value says, as far as it can
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import zstandard

from cebox.errors import Untrusted
from cebox.release.manifest import Bounds, Image, Way
from cebox.release.patch import FORMAT, MAGIC, PREFIX_BYTES, Extents, Index, Operation, decode_index, encode_index
from tests.unit.release import hostile_patches as hostile

_WHOLE = b"\0"
_VALUE = b"\1"
_NUMBERS = b"\2"
_CODECS = ("zstd", "zstd-dict", "", "other")
# Five blocks: one zero, two copied, two from a payload of 100 bytes.
_SOUND_NUMBERS = bytes((5, 0, 8, 0, 3)) + bytes((0, 2, 128, 1, 0, 0)) + bytes((1, 2, 128, 2, 2, 131, 2, 0))
_SOUND_NUMBERS += bytes((2, 2, 128, 2, 2, 123, 1, 0, 1, 100))
_LARGEST_SEED_BYTES = 4096


def check(content: bytes) -> None:
    """Whatever escapes is a finding."""
    kind, rest = content[:1], content[1:]
    if kind == _WHOLE:
        head, way, image = hostile.sign(rest)
    elif kind == _VALUE and len(rest) >= 2:
        head, way, image = _promise(rest[2:], payload_bytes=int.from_bytes(rest[:2], "little"))
    elif kind == _NUMBERS and len(rest) >= 2:
        head, way, image = _promise(_make_value(rest[2:]), payload_bytes=int.from_bytes(rest[:2], "little"))
    else:
        return
    try:
        index = decode_index(head, way, image)
    except Untrusted:
        return
    _verify(index, way)


def list_seeds() -> Iterator[tuple[str, bytes]]:
    """The heads of the tests: sound ones, and one for each fault."""
    yield "numbers", _NUMBERS + (100).to_bytes(2, "little") + _SOUND_NUMBERS
    heads = {name: make() for name, make in (hostile.MALFORMED | hostile.BEYOND_BOUNDS).items()}
    for name, head in ({"sound": hostile.pack(hostile.sound_index())} | heads).items():
        if len(head) > _LARGEST_SEED_BYTES:
            continue
        yield f"head-{name}", _WHOLE + head
        with suppress(zstandard.ZstdError):
            value = zstandard.ZstdDecompressor().decompress(head[PREFIX_BYTES:])
            if len(value) <= _LARGEST_SEED_BYTES:
                yield f"value-{name}", _VALUE + (100).to_bytes(2, "little") + value


def _make_value(numbers: bytes) -> bytes:
    rest = iter(numbers)

    def take() -> int:
        return next(rest, 0)

    def take_extents() -> list[int]:
        return [take() - 128 if place % 2 == 0 else take() for place in range(take() % 8)]

    index = hostile.sound_index()
    index["new_bytes"] = take() * hostile.BLOCK_BYTES - take() * 16
    index["old_bytes"] = take() * hostile.BLOCK_BYTES - take() * 16
    index["segments"] = []
    for _ in range(take() % 16):
        operation = take() % 3
        segment = [operation, take_extents(), hostile.HASH if operation else b"", take_extents(), take_extents()]
        if operation == Operation.PAYLOAD:
            segment += [_CODECS[take() % len(_CODECS)], take(), hostile.HASH]
        index["segments"].append(segment)
    return msgspec.msgpack.encode(index)


def _promise(value: bytes, *, payload_bytes: int) -> tuple[bytes, Way, Image]:
    packed = zstandard.ZstdCompressor(level=1).compress(value)
    head = MAGIC + FORMAT.to_bytes(2, "big") + len(packed).to_bytes(4, "big") + packed
    head, way, image = hostile.sign(head, payload_bytes)
    try:
        said: Any = msgspec.msgpack.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return head, way, image
    if not isinstance(said, dict):
        return head, way, image
    bounds, old = way.bounds, said.get("old_sha256")
    with suppress(msgspec.ValidationError):
        bounds = msgspec.convert(said.get("bounds"), Bounds)
    way = msgspec.structs.replace(way, bounds=bounds, from_sha256=old.hex() if isinstance(old, bytes) else None)
    size, sha256 = said.get("new_bytes"), said.get("new_sha256")
    if isinstance(size, int) and isinstance(sha256, bytes):
        image = msgspec.structs.replace(image, size=size, sha256=sha256.hex())
    return head, way, image


def _verify(index: Index, way: Way) -> None:
    """Nothing points outside the images, the file or the bounds; every byte is made once, from what is there."""
    made: set[int] = set()
    at = way.index_bytes
    for segment in index.segments:
        assert not _blocks(segment.new, index.block_bytes) - made, "reads what is not there"
        _verify_within(segment.old, index.old_bytes)
        _verify_within(segment.target, index.new_bytes)
        target = _blocks(segment.target, index.block_bytes)
        assert not target & made, "makes a block twice"
        made |= target
        if segment.operation is Operation.PAYLOAD:
            assert segment.target_bytes <= index.bounds.segment_bytes
            assert sum(one.length for one in segment.old + segment.new) <= index.bounds.dictionary_bytes
        assert segment.payload_offset == at
        at += segment.payload_bytes
    assert at == way.blob.size
    assert len(made) == -(-index.new_bytes // index.block_bytes)
    _verify_round_trip(index, way)


def _verify_round_trip(index: Index, way: Way) -> None:
    head = encode_index(index)
    again = decode_index(
        head,
        msgspec.structs.replace(
            way,
            index_bytes=len(head),
            index_sha256=hashlib.sha256(head).hexdigest(),
            blob=msgspec.structs.replace(way.blob, size=way.blob.size - way.index_bytes + len(head)),
        ),
        Image(name="root", size=index.new_bytes, sha256=index.new_sha256, ways=()),
    )
    assert [one.target for one in again.segments] == [one.target for one in index.segments]


def _verify_within(extents: Extents, size_bytes: int) -> None:
    assert all(offset >= 0 and length > 0 and offset + length <= size_bytes for offset, length in extents)


def _blocks(extents: Extents, block_bytes: int) -> set[int]:
    return {
        block
        for offset, length in extents
        for block in range(offset // block_bytes, -(-(offset + length) // block_bytes))
    }
