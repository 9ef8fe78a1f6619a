"""Finds for every block of a new image where its content is already: the old image, or the new one itself. Pure."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cebox.release.making.scan import Scan
from cebox.release.patch import Extent, Extents

MISSING = -1
ZERO = -2
REPEATED = -3
# A box reads lists of bounded length. What repeats more often, such as a filled disk, packs itself.
_MOST_REPETITIONS = 1 << 14
# A copied island shorter than this costs more in the list than in the payload.
_SHORTEST_ISLAND = 4


@dataclass(frozen=True, slots=True)
class Places:
    """The old block of every new one, `ZERO`, `MISSING` or `REPEATED`; and whose repetition it is."""

    sources: "array[int]"
    repeated: dict[int, int] = field(default_factory=dict)

    @classmethod
    def find(cls, old: Scan | None, new: Scan) -> "Places":
        """The old neighbour's successor before any other: copies then run on."""
        first: dict[bytes, int] = {}
        for block in range(old.blocks if old else 0):
            first.setdefault(old.digest(block), block)  # type: ignore[union-attr] # no blocks without it
        places = cls(array("q"))
        fresh: dict[bytes, int] = {}
        previous = -1
        repetitions = 0
        for block in range(new.blocks):
            digest = new.digest(block)
            if block in new.zeroes:
                place = ZERO
            elif old and previous >= 0 and old.digest(previous + 1) == digest:
                place = previous + 1
            else:
                place = first.get(digest, MISSING)
            if place == MISSING and fresh.setdefault(digest, block) != block and repetitions < _MOST_REPETITIONS:
                place = REPEATED
                places.repeated[block] = fresh[digest]
                repetitions += places.repeated.get(block - 1) != fresh[digest] - 1
            places.sources.append(place)
            previous = place
        _swallow_islands(places.sources)
        return places


def list_spans(sources: "array[int]") -> Iterator[tuple[int, int, bool]]:
    """(start, end, is missing) of every maximal run."""
    start = 0
    for block in range(1, len(sources) + 1):
        is_missing = sources[start] == MISSING
        if block == len(sources) or (sources[block] == MISSING) != is_missing:
            yield start, block, is_missing
            start = block


def _swallow_islands(sources: "array[int]") -> None:
    """Send short islands between missing runs along with them."""
    for start, end, is_missing in list(list_spans(sources)):
        if not is_missing and start > 0 and end < len(sources) and end - start < _SHORTEST_ISLAND:
            sources[start:end] = array("q", [MISSING]) * (end - start)


class Measure:
    """Turns runs of blocks into extents of an image, whose last block may be short."""

    def __init__(self, block_bytes: int, size_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._size_bytes = size_bytes

    def extents(self, runs: Iterable[tuple[int, int]]) -> Extents:
        """Runs that touch become one extent."""
        merged: list[list[int]] = []
        for start, count in runs:
            if merged and merged[-1][1] == start:
                merged[-1][1] = start + count
            else:
                merged.append([start, start + count])
        return tuple(
            Extent(
                start * self._block_bytes, min(end * self._block_bytes, self._size_bytes) - start * self._block_bytes
            )
            for start, end in merged
        )
