"""Which part of an old image goes beside what is sent, and what is sent together. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# A run's window is at least this many times its size, before what room is left is shared out.
_LEAST_WIDTH = 4
_LEAST_WINDOW_BLOCKS = 16


@dataclass(frozen=True, slots=True)
class Like:
    """Old blocks in which the like of some new ones is expected, as runs; `count` in all."""

    runs: tuple[tuple[int, int], ...]
    count: int

    def find(self, block: int) -> int | None:
        """Where `block` stands in the like."""
        at = 0
        for start, count in self.runs:
            if start <= block < start + count:
                return at + block - start
            at += count
        return None

    def cut(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(first block, one behind the last) of the old image for this part of the like."""
        at = 0
        for first, count in self.runs:
            if at < end and start < at + count:
                yield first + max(0, start - at), first + min(count, end - at)
            at += count


@dataclass(frozen=True, slots=True)
class Run:
    """Blocks of the new image that are sent together, and where in their like (if any) the middle of theirs may be."""

    start: int
    count: int
    like: Like | None = None
    centre: float = 0

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.count

    def least_window_beside(self, held: int) -> int:
        """How many blocks more its dictionary needs when it has `held` blocks of the like already."""
        if self.like is None:
            return 0
        return max(0, min(self.like.count - held, max(_LEAST_WINDOW_BLOCKS, _LEAST_WIDTH * self.count)))

    def window(self, width: float, room: int) -> Iterator[tuple[int, int]]:
        """(first, one behind the last) old blocks around the centre, `width` times the run but no more than `room`."""
        if self.like is None:
            return iter(())
        count = min(self.like.count, room, max(_LEAST_WINDOW_BLOCKS, int(self.count * width)))
        start = max(0, min(int(self.centre - count / 2), self.like.count - count))
        return self.like.cut(start, start + count)


def cut(runs: Iterable[Run], most: int) -> Iterator[Run]:
    """No run longer than `most` blocks; the pieces' centres are spread as the pieces are."""
    for run in runs:
        spread = 1.0
        if run.like and run.count > most:
            spread = min(1.0, run.like.count / run.count) if run.count > run.like.count else 1.0
        for at in range(0, run.count, most):
            count = min(most, run.count - at)
            yield Run(run.start + at, count, run.like, run.centre + (at + count / 2 - run.count / 2) * spread)


def pack(runs: Iterable[Run], most: int, room: int) -> Iterator[list[Run]]:
    """Groups of `most` blocks at most, whose likes together fit into `room` blocks."""
    group: list[Run] = []
    held = beside = 0
    windows: dict[int, int] = {}
    for run in runs:
        wanted = run.least_window_beside(windows.get(id(run.like), 0))
        if group and (held + run.count > most or beside + wanted > room):
            yield group
            group, held, beside, windows = [], 0, 0, {}
            wanted = run.least_window_beside(0)
        group.append(run)
        held += run.count
        beside += wanted
        windows[id(run.like)] = windows.get(id(run.like), 0) + wanted
    if group:
        yield group


def choose_windows(group: Sequence[Run], room: int) -> list[tuple[int, int]]:
    """Windows around each run's like, as wide as all of them together fit into `room` blocks; merged, in order."""
    best: list[tuple[int, int]] = []
    width: float = _LEAST_WIDTH
    while True:
        windows = _merge_windows(group, room, width)
        if windows == best or sum(count for _, count in windows) > room:
            return best
        best, width = windows, width * 1.5


def _merge_windows(group: Sequence[Run], room: int, width: float) -> list[tuple[int, int]]:
    merged: list[list[int]] = []
    for start, end in sorted(span for run in group for span in run.window(width, room)):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        elif start < end:
            merged.append([start, end])
    return [(start, end - start) for start, end in merged]
