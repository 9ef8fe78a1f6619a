"""How fast and when bytes may be taken."""

import time
from collections.abc import Callable
from typing import Protocol

_BURST_SECONDS = 0.1
# How soon another limit is noticed while bytes are held back.
_LOOK_EVERY_SECONDS = 0.5


class Gate(Protocol):
    """Says when bytes may flow. A closed gate ends the connection, and `wait` returns when it is open again."""

    def is_open(self) -> bool: ...

    def wait(self) -> None:
        """May raise, which ends the reading."""
        ...


class OpenGate:
    def is_open(self) -> bool:
        return True

    def wait(self) -> None:
        """Never closed."""


class Pace:
    """Holds the reader back to what `find_limit` says (bytes per second; None: no limit), which may change."""

    def __init__(
        self,
        find_limit: Callable[[], int | None],
        pause: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_limit = find_limit
        self._pause = pause
        self._monotonic = monotonic
        self._owed_bytes = 0.0
        self._since = monotonic()

    def spend(self, count: int) -> None:
        """Account for `count` bytes; returns when more may come. Averages, with a burst of a tenth of a second."""
        limit = self._settle()
        self._owed_bytes += count
        while limit and self._owed_bytes >= 1:
            self._pause(min(self._owed_bytes / limit, _LOOK_EVERY_SECONDS))
            limit = self._settle()

    def _settle(self) -> int | None:
        """The limit that holds, after what it allowed since the last look is taken off."""
        limit, now = self._find_limit(), self._monotonic()
        allowed_bytes = (now - self._since) * (limit or 0)
        self._since = now
        self._owed_bytes = max(self._owed_bytes - allowed_bytes, -_BURST_SECONDS * limit) if limit else 0.0
        return limit


def pause_until(moment: float, pause: Callable[[float], None]) -> None:
    """`pause` may come back early, whoever woke it; the moment (monotonic seconds) is waited for all the same."""
    while (left := moment - time.monotonic()) > 0:
        pause(left)
