"""What is in a patch, in figures. Pure."""

from collections.abc import Iterable
from itertools import groupby

import msgspec

from cebox.release.manifest import Bounds, Image, Way
from cebox.release.patch import Index, Segment, total_bytes

_MOST_LARGE = 10


class Side(msgspec.Struct, frozen=True):
    """An image that a patch starts from or makes."""

    bytes: int
    sha256: str


class Tally(msgspec.Struct, frozen=True):
    """All segments of one kind. `file_bytes` are those of their payloads."""

    operation: str
    codec: str
    segments: int
    made_bytes: int
    file_bytes: int


class Heavy(msgspec.Struct, frozen=True):
    """A segment that costs much; `number` counts from nothing, `offset` is where it begins in the new image."""

    number: int
    codec: str
    offset: int
    made_bytes: int
    dictionary_bytes: int
    file_bytes: int


class PatchSummary(msgspec.Struct, frozen=True):
    """`old` is None for a patch from nothing."""

    sha256: str
    file_bytes: int
    index_bytes: int
    old: Side | None
    new: Side
    block_bytes: int
    bounds: Bounds
    segments: int
    kinds: tuple[Tally, ...]
    largest: tuple[Heavy, ...]


def summarise_patch(way: Way, image: Image, index: Index) -> PatchSummary:
    """The kinds and the segments that cost most come first."""
    heavy = [_describe(number, segment) for number, segment in enumerate(index.segments) if segment.payload_bytes]
    return PatchSummary(
        sha256=way.blob.sha256,
        file_bytes=way.blob.size,
        index_bytes=way.index_bytes,
        old=Side(index.old_bytes, way.from_sha256) if way.from_sha256 else None,
        new=Side(image.size, image.sha256),
        block_bytes=index.block_bytes,
        bounds=index.bounds,
        segments=len(index.segments),
        kinds=tuple(sorted(_tally(index.segments), key=lambda one: (-one.file_bytes, -one.made_bytes))),
        largest=tuple(sorted(heavy, key=lambda one: (-one.file_bytes, one.number))[:_MOST_LARGE]),
    )


def _tally(segments: Iterable[Segment]) -> Iterable[Tally]:
    def kind(segment: Segment) -> tuple[str, str]:
        return segment.operation.name.lower(), segment.codec

    for (operation, codec), grouped in groupby(sorted(segments, key=kind), kind):
        group = list(grouped)
        yield Tally(
            operation,
            codec,
            len(group),
            made_bytes=sum(one.target_bytes for one in group),
            file_bytes=sum(one.payload_bytes for one in group),
        )


def _describe(number: int, segment: Segment) -> Heavy:
    return Heavy(
        number,
        segment.codec,
        offset=segment.target[0].offset,
        made_bytes=segment.target_bytes,
        dictionary_bytes=total_bytes(segment.old) + total_bytes(segment.new),
        file_bytes=segment.payload_bytes,
    )
