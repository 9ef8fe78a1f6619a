"""How fast something moves, smoothed, so that what is left can be told in minutes that do not jump."""

from collections import deque

_OVER_SECONDS = 10.0
_LEAST_SECONDS = 1.0
_EVERY_SECONDS = 0.5


class Speed:
    """The average of the last ten seconds; unknown in the first, and again after the count has gone back."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, count: int) -> int | None:
        """`count` at `now` (monotonic seconds); the answer is per second."""
        seen = self._seen
        if seen and count < seen[-1][1]:
            seen.clear()
        if not seen or now - seen[-1][0] >= _EVERY_SECONDS:
            seen.append((now, count))
        # The oldest that is kept is just outside, so that the average is never of less than there is.
        while len(seen) > 1 and now - seen[1][0] >= _OVER_SECONDS:
            seen.popleft()
        since, before = seen[0]
        if now - since < _LEAST_SECONDS or count <= before:
            return None
        return int((count - before) / (now - since))

    def forget(self) -> None:
        self._seen.clear()
