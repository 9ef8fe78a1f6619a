"""Decides how a new image is made from an old one: which blocks are zero, copied or sent, and with what beside them.

The box knows nothing of this; another plan needs no other box.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cebox.release.patch import Extent, Extents, Operation
from cebox.release.slot import ImageFile

_DIGEST_BYTES = 16
_ZERO = -2
_MISSING = -1
# A copied island shorter than this costs more in the list than in the payload.
_SHORTEST_ISLAND = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """The generator's bounds: memory on the box, and how fine the list is.

    `look_back_bytes`: how much of what it just made serves a full image's segment as dictionary; some 5 % smaller,
    three times the work.
    """

    block_bytes: int = 4096
    segment_bytes: int = 4 << 20
    dictionary_bytes: int = 8 << 20
    copy_bytes: int = 32 << 20
    look_back_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A segment before it is encoded. `old` and `new`: the copy's source, or the dictionary."""

    operation: Operation
    target: Extents
    old: Extents = ()
    new: Extents = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """An image's blocks by content: `digests` lie one behind the other."""

    size_bytes: int
    sha256: str
    digests: bytes
    zeroes: frozenset[int]

    @property
    def blocks(self) -> int:
        return len(self.digests) // _DIGEST_BYTES

    def digest(self, block: int) -> bytes:
        return self.digests[block * _DIGEST_BYTES : (block + 1) * _DIGEST_BYTES]


@dataclass(frozen=True, slots=True)
class _Run:
    """Blocks of the new image that are sent together, and where in the old image their like may be."""

    start: int
    count: int
    centre: float


def scan_image(image: ImageFile, block_bytes: int) -> Scan:
    """Read the image once. Raises OSError."""
    whole = hashlib.sha256()
    digests = bytearray()
    zeroes = set()
    zero = bytes(block_bytes)
    for chunk in image.read_chunks((Extent(0, image.size_bytes),)):
        whole.update(chunk)
        for at in range(0, len(chunk), block_bytes):
            block = chunk[at : at + block_bytes]
            if block == zero[: len(block)]:
                zeroes.add(len(digests) // _DIGEST_BYTES)
            digests += hashlib.blake2b(block, digest_size=_DIGEST_BYTES).digest()
    return Scan(image.size_bytes, whole.hexdigest(), bytes(digests), frozenset(zeroes))


def plan_full(new: Scan, limits: Limits) -> list[Plan]:
    """The plan from nothing: zeroes, and payloads that look back at what was just made."""
    places = array("q", (_ZERO if block in new.zeroes else _MISSING for block in range(new.blocks)))
    _swallow_islands(places)
    measure = _Measure(limits.block_bytes, new.size_bytes)
    plans = _plan_zeroes(places, measure)
    for group in _pack(_list_runs(places, 0, limits), limits):
        target = measure.extents((run.start, run.count) for run in group)
        start = group[0].start
        behind = min(start, limits.look_back_bytes // limits.block_bytes)
        plans.append(Plan(Operation.PAYLOAD, target, new=measure.extents([(start - behind, behind)] if behind else [])))
    return plans


def plan_patch(old: Scan, new: Scan, limits: Limits) -> list[Plan]:
    """The plan from `old`: copies, zeroes, and payloads with the old blocks most like them as dictionary."""
    places = _find_places(old, new)
    _swallow_islands(places)
    measure, old_measure = (_Measure(limits.block_bytes, scan.size_bytes) for scan in (new, old))
    plans = _plan_zeroes(places, measure) + _plan_copies(places, measure, old_measure, limits)
    room = limits.dictionary_bytes // limits.block_bytes
    for group in _pack(_list_runs(places, old.blocks, limits), limits):
        target = measure.extents((run.start, run.count) for run in group)
        dictionary = old_measure.extents(_choose_windows(group, old.blocks, room))
        plans.append(Plan(Operation.PAYLOAD, target, old=dictionary))
    return plans


class _Measure:
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


def _find_places(old: Scan, new: Scan) -> "array[int]":
    """For every block of `new` the old block with the same content; the old neighbour's successor before any other."""
    first: dict[bytes, int] = {}
    for block in range(old.blocks):
        first.setdefault(old.digest(block), block)
    places = array("q")
    previous = -1
    for block in range(new.blocks):
        digest = new.digest(block)
        if block in new.zeroes:
            place = _ZERO
        elif previous >= 0 and old.digest(previous + 1) == digest:
            place = previous + 1
        else:
            place = first.get(digest, _MISSING)
        places.append(place)
        previous = place
    return places


def _spans(places: "array[int]") -> Iterator[tuple[int, int, bool]]:
    """(start, end, is missing) of every maximal run."""
    start = 0
    for block in range(1, len(places) + 1):
        is_missing = places[start] == _MISSING
        if block == len(places) or (places[block] == _MISSING) != is_missing:
            yield start, block, is_missing
            start = block


def _swallow_islands(places: "array[int]") -> None:
    """Send short islands between missing runs along with them."""
    for start, end, is_missing in list(_spans(places)):
        if not is_missing and start > 0 and end < len(places) and end - start < _SHORTEST_ISLAND:
            places[start:end] = array("q", [_MISSING]) * (end - start)


def _plan_zeroes(places: "array[int]", measure: _Measure) -> list[Plan]:
    target = measure.extents((block, 1) for block, place in enumerate(places) if place == _ZERO)
    return [Plan(Operation.ZERO, target)] if target else []


def _plan_copies(places: "array[int]", new: _Measure, old: _Measure, limits: Limits) -> list[Plan]:
    plans = []
    most = limits.copy_bytes // limits.block_bytes
    copied = [block for block, place in enumerate(places) if place >= 0]
    for at in range(0, len(copied), most):
        blocks = copied[at : at + most]
        source = old.extents((places[block], 1) for block in blocks)
        plans.append(Plan(Operation.COPY, new.extents((block, 1) for block in blocks), old=source))
    return plans


def _list_runs(places: "array[int]", old_blocks: int, limits: Limits) -> Iterator[_Run]:
    """Missing runs, cut to the size of a segment, each with the middle of its like in the old image.

    What was replaced lies between the sources of the blocks before and behind the run.
    """
    most = limits.segment_bytes // limits.block_bytes
    spans = list(_spans(places))
    for number, (start, end, is_missing) in enumerate(spans):
        if not is_missing:
            continue
        before = _last_source(places, spans[number - 1]) if number else -1
        behind = _first_source(places, spans[number + 1]) if number + 1 < len(spans) else old_blocks
        first = before + 1 if before is not None else int(start * old_blocks / len(places))
        last = behind if behind is not None and behind > first else min(first + end - start, old_blocks)
        for piece in range(start, end, most):
            count = min(most, end - piece)
            centre = first + (piece - start + count / 2) / (end - start) * (last - first)
            yield _Run(piece, count, centre)


def _last_source(places: "array[int]", span: tuple[int, int, bool]) -> int | None:
    return next((places[block] for block in range(span[1] - 1, span[0] - 1, -1) if places[block] >= 0), None)


def _first_source(places: "array[int]", span: tuple[int, int, bool]) -> int | None:
    return next((places[block] for block in range(span[0], span[1]) if places[block] >= 0), None)


def _pack(runs: Iterable[_Run], limits: Limits) -> Iterator[list[_Run]]:
    most = limits.segment_bytes // limits.block_bytes
    group: list[_Run] = []
    held = 0
    for run in runs:
        if group and held + run.count > most:
            yield group
            group, held = [], 0
        group.append(run)
        held += run.count
    if group:
        yield group


def _choose_windows(group: list[_Run], old_blocks: int, room: int) -> list[tuple[int, int]]:
    """Windows around each run's like, as wide as all of them together fit into `room` blocks; merged, in order."""
    best: list[tuple[int, int]] = []
    width = room / max(1, sum(run.count for run in group))
    while True:
        windows = _merge_windows(group, old_blocks, room, width)
        if sum(count for _, count in windows) > room:
            return best
        if windows == best:
            return best
        best, width = windows, width * 1.5


def _merge_windows(group: list[_Run], old_blocks: int, room: int, width: float) -> list[tuple[int, int]]:
    """Every window is `width` times its run."""
    merged: list[list[int]] = []
    for start, end in sorted(_window(run, old_blocks, min(room, max(1, int(run.count * width)))) for run in group):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        elif start < end:
            merged.append([start, end])
    return [(start, end - start) for start, end in merged]


def _window(run: _Run, old_blocks: int, count: int) -> tuple[int, int]:
    start = max(0, min(int(run.centre - count / 2), old_blocks - count))
    return start, min(old_blocks, start + count)
