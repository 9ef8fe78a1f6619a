"""Runs of places that are still free."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator


class Gaps:
    """What is free from `start` up to `end`, in runs; `taken` are runs too, as (first, count), in any order."""

    def __init__(self, start: int, end: int, taken: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: dict[int, int] = {}
        self._sizes: list[tuple[int, int]] = []
        for first, count in sorted(taken):
            self._add(start, min(first, end))
            start = max(start, first + count)
        self._add(start, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(first, one behind the last), in order."""
        return ((start, self._ends[start]) for start in self._starts)

    def take(self, first: int, count: int) -> bool:
        """False, and nothing is taken, when it is not free from end to end."""
        at = bisect_right(self._starts, first) - 1
        if at < 0 or self._ends[self._starts[at]] < first + count:
            return False
        start, end = self._starts[at], self._ends[self._starts[at]]
        self._remove(start)
        self._add(start, first)
        self._add(first + count, end)
        return True

    def take_smallest(self, count: int) -> int | None:
        """The start of the smallest gap that has room, the first of several."""
        at = bisect_left(self._sizes, (count, 0))
        if at == len(self._sizes):
            return None
        start = self._sizes[at][1]
        self.take(start, count)
        return start

    def cut(self, count: int) -> None:
        """From now on no run reaches over a multiple of `count`."""
        for start, end in list(self):
            self._remove(start)
            for at in range(start - start % count, end, count):
                self._add(max(at, start), min(at + count, end))

    def _add(self, start: int, end: int) -> None:
        if start < end:
            insort(self._starts, start)
            self._ends[start] = end
            insort(self._sizes, (end - start, start))

    def _remove(self, start: int) -> None:
        del self._starts[bisect_left(self._starts, start)]
        size = (self._ends.pop(start) - start, start)
        del self._sizes[bisect_left(self._sizes, size)]
