"""Sorts what a new image misses, file by file: what goes beside its like of the old image, and what goes alone."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from cebox.release.image.pairing import pair_files
from cebox.release.making.places import Measure, Places, list_spans
from cebox.release.making.scan import Scan
from cebox.release.making.windows import Like, Run, choose_windows, cut
from cebox.release.patch import Extents

# Smaller ones are not worth the question.
_LARGE_BYTES = 1 << 20
_SAMPLES = 3
_SAMPLE_BLOCKS = 64

IsAlike = Callable[[Extents, Extents], bool]
"""Whether these bytes of the new image gain by having these of the old one beside them."""


@dataclass(frozen=True, slots=True)
class Region:
    """A file's blocks, or those between files; `like` is what it probably came from."""

    start: int
    count: int
    like: Like | None


class Sorter:
    """Finds what is sent, file by file, and whether it goes with its like or alone."""

    def __init__(self, old: Scan, new: Scan, block_bytes: int, is_alike: IsAlike) -> None:
        self._old = old
        self._new = new
        self._block_bytes = block_bytes
        self._many = _LARGE_BYTES // block_bytes
        self._is_alike = is_alike
        self._measures = [Measure(block_bytes, scan.size_bytes) for scan in (new, old)]

    def sort(self, places: Places) -> tuple[list[Run], list[Run]]:
        """Runs to be sent with a dictionary, and runs that have none of use."""
        close: list[Run] = []
        alone: list[Run] = []
        for region in self._list_regions():
            runs = list(_list_runs(places.sources, region))
            is_large = sum(run.count for run in runs) >= self._many
            if region.like is None or (is_large and not self._has_use(runs)):
                alone += (replace(run, like=None) for run in runs)
            else:
                close += runs
        return close, alone

    def _list_regions(self) -> list[Region]:
        """Files and the rest, in the order of the new image; without known files one region is the whole."""
        if not (self._old.files and self._new.files):
            return [Region(0, self._new.blocks, _like([(0, self._old.blocks)]))]
        pairs = pair_files(self._old.files, self._new.files)
        old_rest = _like(_list_gaps(self._spans_of(self._old), self._old.blocks))
        gaps = _list_gaps(self._spans_of(self._new), self._new.blocks)
        regions = [Region(start, count, old_rest) for start, count in gaps]
        for file, span in zip(self._new.files, self._spans_of(self._new), strict=True):
            pair = pairs.get(file)
            like = _like([self._span(pair.offset, pair.length)]) if pair else None
            regions.append(Region(*span, like))
        return sorted(regions, key=lambda region: region.start)

    def _spans_of(self, scan: Scan) -> list[tuple[int, int]]:
        return [self._span(file.offset, file.length) for file in scan.files]

    def _span(self, offset: int, length: int) -> tuple[int, int]:
        return offset // self._block_bytes, length // self._block_bytes

    def _has_use(self, runs: list[Run]) -> bool:
        """Asks for a few samples spread over the runs."""
        sent = list(cut(runs, _SAMPLE_BLOCKS))
        samples = [sent[(2 * number + 1) * len(sent) // (2 * _SAMPLES)] for number in range(_SAMPLES)]
        room = _SAMPLES * _SAMPLE_BLOCKS * 8
        target = self._measures[0].extents(sorted({sample.span for sample in samples}))
        return self._is_alike(target, self._measures[1].extents(choose_windows(samples, room)))


def _like(runs: Iterable[tuple[int, int]]) -> Like | None:
    kept = tuple(run for run in runs if run[1])
    return Like(kept, sum(count for _, count in kept)) if kept else None


def _list_gaps(spans: Iterable[tuple[int, int]], blocks: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, count in spans:
        if start > at:
            yield at, start - at
        at = max(at, start + count)
    if at < blocks:
        yield at, blocks - at


def _list_runs(sources: "array[int]", region: Region) -> Iterator[Run]:
    """What is missing of a region. What was replaced lies beside the sources of the blocks around it."""
    for start, end, is_missing in list_spans(sources[region.start : region.start + region.count]):
        if is_missing:
            centre = _find_centre(sources, region, start, end) if region.like else 0
            yield Run(region.start + start, end - start, region.like, centre)


def _find_centre(sources: "array[int]", region: Region, start: int, end: int) -> float:
    assert region.like is not None
    before = region.like.find(sources[region.start + start - 1]) if start else None
    behind = region.like.find(sources[region.start + end]) if end < region.count else None
    half = (end - start) / 2
    if before is not None and behind is not None and before < behind:
        return (before + behind) / 2
    if before is not None:
        return before + half
    if behind is not None:
        return behind - half
    return (start + half) / region.count * region.like.count
