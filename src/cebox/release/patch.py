"""The one file format that makes an image: a list of segments, and the payloads they need. Pure.

    file    = prefix | index | payload | payload | …          head = prefix + index
    prefix  = "ceboxpatch" | format (uint16 BE) | length of the index in bytes (uint32 BE)
    index   = one zstd frame of a msgpack value (see `_WireIndex`)

Every segment produces its `target` extents of the new image by one operation: zero, copy (of extents of the old image
or of what this patch produced before), or a payload in a codec, with the same extents as its dictionary. Payloads lie
one behind the other in the order of the segments, so they are read in one stream. A full image is the patch from
nothing. The box follows the list and nothing else: a better generator needs no newer box.

The head's length and hash stand in the signed manifest (`Way.index_bytes`, `Way.index_sha256`); each payload's hash
stands in the index, and so does the hash of what each segment produces.
"""

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, NamedTuple

import msgspec
import zstandard
from msgspec import Meta

from cebox.errors import Untrusted
from cebox.release.codecs import get_codec
from cebox.release.manifest import ROOT_IMAGE, Blob, Bounds, Image, Way

MAGIC = b"ceboxpatch"
FORMAT = 1
_PREFIX = struct.Struct(f">{len(MAGIC)}sHI")
PREFIX_BYTES = _PREFIX.size
# A real release's index takes a hundredth of these; they bound the memory of a box that reads a hostile one.
MOST_UNPACKED_BYTES = 4 << 20
MOST_SEGMENTS = 1 << 15
MOST_EXTENTS = 1 << 18
MOST_BLOCKS = 1 << 24


class Operation(IntEnum):
    """How a segment is produced; the numbers stand in files and never change."""

    ZERO = 0
    COPY = 1
    PAYLOAD = 2


class Extent(NamedTuple):
    """A run of bytes in an image."""

    offset: int
    length: int


Extents = tuple[Extent, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """`old` and `new` extents, in this order, are what COPY copies and what a payload's codec has as dictionary.

    `new` extents lie in what earlier segments produced. `sha256` is that of the target's bytes, extent after extent
    (empty for ZERO). `payload_offset` counts from the start of the file.
    """

    operation: Operation
    target: Extents
    sha256: bytes = b""
    old: Extents = ()
    new: Extents = ()
    codec: str = ""
    payload_offset: int = 0
    payload_bytes: int = 0
    payload_sha256: bytes = b""

    @property
    def target_bytes(self) -> int:
        return total_bytes(self.target)


@dataclass(frozen=True, slots=True)
class Index:
    """What the head says. `old_sha256` is None for a patch from nothing. Extents start at multiples of `block_bytes`,
    and end there or with their image.
    """

    new_bytes: int
    new_sha256: str
    old_bytes: int
    old_sha256: str | None
    block_bytes: int
    bounds: Bounds
    segments: tuple[Segment, ...]


def total_bytes(extents: Extents) -> int:
    return sum(extent.length for extent in extents)


def most_payload_bytes(segment_bytes: int) -> int:
    """The room for the payload of a segment: incompressible bytes grow a little."""
    return segment_bytes + segment_bytes // 128 + 1024


def needed_bytes(segment: Segment, bounds: Bounds) -> int:
    """The memory that making a segment with a payload takes: payload, dictionary, the decoder's own, and the output
    unless it comes in pieces.
    """
    codec = get_codec(segment.codec)
    dictionary_bytes, output_bytes = total_bytes(segment.old) + total_bytes(segment.new), segment.target_bytes
    work_bytes = codec.work_bytes(dictionary_bytes, output_bytes, bounds.window_bytes)
    held_bytes = 0 if codec.decode_pieces else output_bytes
    return segment.payload_bytes + dictionary_bytes + held_bytes + work_bytes


_Flat = Annotated[list[int], Meta(max_length=2 * MOST_EXTENTS)]
"""Extents as gap, count, gap, count … in blocks; a gap counts from the end of the extent before, in the same image."""
_Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]


class _WireSegment(msgspec.Struct, array_like=True, frozen=True):
    operation: Annotated[int, Meta(ge=0, le=2)]
    target: _Flat
    sha256: bytes = b""
    old: _Flat = []
    new: _Flat = []
    codec: str = ""
    payload_bytes: Annotated[int, Meta(ge=0)] = 0
    payload_sha256: bytes = b""


class _WireIndex(msgspec.Struct, frozen=True):
    new_bytes: Annotated[int, Meta(ge=1, le=1 << 40)]
    new_sha256: _Hash
    old_bytes: Annotated[int, Meta(ge=0, le=1 << 40)]
    old_sha256: _Hash | None
    block_bytes: Annotated[int, Meta(ge=1, le=1 << 20)]
    bounds: Bounds
    segments: Annotated[list[_WireSegment], Meta(max_length=MOST_SEGMENTS)]


def encode_index(index: Index) -> bytes:
    """The head of a patch file: prefix and index. Equal indexes give equal bytes."""
    target, old, new = (_Cursor(index.block_bytes) for _ in range(3))
    wire = _WireIndex(
        new_bytes=index.new_bytes,
        new_sha256=bytes.fromhex(index.new_sha256),
        old_bytes=index.old_bytes,
        old_sha256=bytes.fromhex(index.old_sha256) if index.old_sha256 is not None else None,
        block_bytes=index.block_bytes,
        bounds=index.bounds,
        segments=[
            _WireSegment(
                operation=segment.operation,
                target=target.flatten(segment.target),
                sha256=segment.sha256,
                old=old.flatten(segment.old),
                new=new.flatten(segment.new),
                codec=segment.codec,
                payload_bytes=segment.payload_bytes,
                payload_sha256=segment.payload_sha256,
            )
            for segment in index.segments
        ],
    )
    packed = zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(wire))
    return _PREFIX.pack(MAGIC, FORMAT, len(packed)) + packed


def decode_index(head: bytes, way: Way, image: Image) -> Index:
    """Read the head of `way`'s blob; nothing in the result points outside the images, the blob or the bounds.

    Raises Untrusted (`patch_differs`: not the bytes that were signed; `patch_malformed`, `patch_bounds_exceeded`,
    `patch_codec_unknown`, `patch_format_unknown`: signed, but not fit to be followed).
    """
    if len(head) != way.index_bytes or hashlib.sha256(head).hexdigest() != way.index_sha256:
        raise Untrusted(
            "patch_differs",
            "the patch's index is not the one that was signed",
            hint="The repository or the way to it damages files; check it with `cebox release verify`.",
        )
    wire = _unpack(head)
    index = _Reader(wire, payloads_at=len(head), blob_bytes=way.blob.size).read()
    is_promised = (
        index.new_bytes == image.size
        and index.new_sha256 == image.sha256
        and index.old_sha256 == way.from_sha256
        and index.bounds == way.bounds
    )
    if not is_promised:
        raise _malformed("it makes another image than the manifest says")
    return index


def read_head_bytes(prefix: bytes) -> int:
    """How long the head is that begins with these `PREFIX_BYTES`. Raises Untrusted (`patch_malformed`)."""
    if len(prefix) < PREFIX_BYTES:
        raise _malformed("it is too short")
    magic, _, packed_bytes = _PREFIX.unpack_from(prefix)
    if magic != MAGIC:
        raise _malformed("it is no patch file")
    return PREFIX_BYTES + int(packed_bytes)


def describe_head(head: bytes, blob: Blob) -> tuple[Way, Image]:
    """What a manifest would say of this file, by nobody's word but its own; `decode_index` takes it then.

    Raises Untrusted (`patch_malformed`, `patch_format_unknown`).
    """
    wire = _unpack(head)
    way = Way(
        from_version=None,
        from_sha256=wire.old_sha256.hex() if wire.old_sha256 is not None else None,
        blob=blob,
        index_bytes=len(head),
        index_sha256=hashlib.sha256(head).hexdigest(),
        bounds=wire.bounds,
    )
    return way, Image(name=ROOT_IMAGE, size=wire.new_bytes, sha256=wire.new_sha256.hex(), ways=(way,))


def _unpack(head: bytes) -> _WireIndex:
    if len(head) < PREFIX_BYTES:
        raise _malformed("it is too short")
    magic, version, packed_bytes = _PREFIX.unpack_from(head)
    if magic != MAGIC or packed_bytes != len(head) - PREFIX_BYTES:
        raise _malformed("it is no patch file")
    if version != FORMAT:
        raise Untrusted(
            "patch_format_unknown",
            f"the patch has format {version}, this program reads {FORMAT}",
            hint="Update this machine to an earlier release first.",
        )
    packed = memoryview(head)[PREFIX_BYTES:]
    try:
        if not 0 < zstandard.frame_content_size(packed) <= MOST_UNPACKED_BYTES:
            raise _malformed("its index is too large")
        unpacked = zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
        return msgspec.msgpack.decode(unpacked, type=_WireIndex)
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(str(error)) from error


class _Cursor:
    """Turns extents into gaps and counts: neighbours then cost two small numbers."""

    def __init__(self, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._at = 0

    def flatten(self, extents: Extents) -> _Flat:
        flat: _Flat = []
        for offset, length in extents:
            start, rest = divmod(offset, self._block_bytes)
            if rest:
                raise ValueError(f"an extent starts at {offset}, not at a block")
            count = -(-length // self._block_bytes)
            flat += (start - self._at, count)
            self._at = start + count
        return flat


class _Place:
    """The other direction of `_Cursor`, over an image of `size_bytes`; refuses what lies outside."""

    def __init__(self, size_bytes: int, block_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._block_bytes = block_bytes
        self._blocks = -(-size_bytes // block_bytes)
        self._at = 0

    def raise_extents(self, flat: _Flat) -> Extents:
        if len(flat) % 2:
            raise _malformed("an extent has no length")
        extents = []
        for gap, count in zip(flat[::2], flat[1::2], strict=True):
            start = self._at + gap
            self._at = start + count
            if start < 0 or count < 1 or self._at > self._blocks:
                raise _malformed("an extent lies outside its image")
            offset = start * self._block_bytes
            extents.append(Extent(offset, min(self._at * self._block_bytes, self._size_bytes) - offset))
        return tuple(extents)


class _Reader:
    """Walks the segments in order; keeps what was produced, what was read and where the next payload lies."""

    def __init__(self, wire: _WireIndex, *, payloads_at: int, blob_bytes: int) -> None:
        block_bytes = wire.block_bytes
        blocks = -(-wire.new_bytes // block_bytes)
        if blocks > MOST_BLOCKS or block_bytes & (block_bytes - 1):
            raise _malformed("its blocks are too many, or no power of two")
        if (wire.old_sha256 is None) != (wire.old_bytes == 0):
            raise _malformed("its old image has a size or a hash, not both")
        if sum(len(one.target) + len(one.old) + len(one.new) for one in wire.segments) > 2 * MOST_EXTENTS:
            raise _malformed("it has too many extents")
        self._wire = wire
        self._target = _Place(wire.new_bytes, block_bytes)
        self._new = _Place(wire.new_bytes, block_bytes)
        self._old = _Place(wire.old_bytes, block_bytes)
        self._is_produced = bytearray(blocks)
        self._payload_offset = payloads_at
        self._blob_bytes = blob_bytes

    def read(self) -> Index:
        wire = self._wire
        segments = tuple(self._read_segment(one) for one in wire.segments)
        if self._payload_offset != self._blob_bytes:
            raise _malformed("its payloads do not end where the file ends")
        if 0 in self._is_produced:
            raise _malformed("it leaves a part of the image out")
        return Index(
            new_bytes=wire.new_bytes,
            new_sha256=wire.new_sha256.hex(),
            old_bytes=wire.old_bytes,
            old_sha256=wire.old_sha256.hex() if wire.old_sha256 is not None else None,
            block_bytes=wire.block_bytes,
            bounds=wire.bounds,
            segments=segments,
        )

    def _read_segment(self, wire: _WireSegment) -> Segment:
        segment = Segment(
            operation=Operation(wire.operation),
            target=self._target.raise_extents(wire.target),
            sha256=wire.sha256,
            old=self._old.raise_extents(wire.old),
            new=self._new.raise_extents(wire.new),
            codec=wire.codec,
            payload_offset=self._payload_offset,
            payload_bytes=wire.payload_bytes,
            payload_sha256=wire.payload_sha256,
        )
        self._verify_shape(segment)
        self._verify_sources(segment.new)
        self._produce(segment.target)
        self._payload_offset += segment.payload_bytes
        if self._payload_offset > self._blob_bytes:
            raise _malformed("a payload lies outside the file")
        return segment

    def _verify_shape(self, segment: Segment) -> None:
        has_payload = segment.operation is Operation.PAYLOAD
        if not segment.target or len(segment.sha256) != (0 if segment.operation is Operation.ZERO else 32):
            raise _malformed("a segment has no target or no hash")
        if has_payload != bool(segment.codec) or len(segment.payload_sha256) != (32 if has_payload else 0):
            raise _malformed("a segment has half a payload")
        if has_payload != (segment.payload_bytes > 0):
            raise _malformed("a segment has half a payload")
        source_bytes = total_bytes(segment.old) + total_bytes(segment.new)
        if segment.operation is Operation.ZERO and source_bytes:
            raise _malformed("zeroes have a source")
        if segment.operation is Operation.COPY and source_bytes != segment.target_bytes:
            raise _malformed("a copy has another size than its target")
        if has_payload:
            self._verify_payload(segment, source_bytes)

    def _verify_payload(self, segment: Segment, source_bytes: int) -> None:
        if get_codec(segment.codec).needs_dictionary != (source_bytes > 0):
            raise _malformed("a codec has no dictionary, or one it does not use")
        bounds = self._wire.bounds
        if (
            segment.target_bytes > bounds.segment_bytes
            or source_bytes > bounds.dictionary_bytes
            or segment.payload_bytes > most_payload_bytes(bounds.segment_bytes)
            # What a decoder takes besides is each program's own estimate, and no part of the format.
            or segment.payload_bytes + source_bytes + segment.target_bytes > bounds.memory_bytes
        ):
            raise Untrusted("patch_bounds_exceeded", "a segment of the patch needs more memory than was declared")

    def _verify_sources(self, extents: Extents) -> None:
        for start, end in self._blocks(extents):
            if self._is_produced.find(0, start, end) != -1:
                raise _malformed("a segment reads what is not there yet")

    def _produce(self, extents: Extents) -> None:
        for start, end in self._blocks(extents):
            if self._is_produced.find(1, start, end) != -1:
                raise _malformed("a part of the image is made twice")
            self._is_produced[start:end] = b"\1" * (end - start)

    def _blocks(self, extents: Extents) -> list[tuple[int, int]]:
        block_bytes = self._wire.block_bytes
        return [(offset // block_bytes, -(-(offset + length) // block_bytes)) for offset, length in extents]


def _malformed(why: str) -> Untrusted:
    return Untrusted(
        "patch_malformed",
        f"the patch is malformed: {why}",
        hint="The publisher must publish the release again under a new version.",
    )
