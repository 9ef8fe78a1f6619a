"""How often and how soon one read asks again, and when it gives up."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cebox.errors import Unavailable
from cebox.kit.backoff import wait_times
from cebox.release.network.http_answer import Interrupted

# How often a server, or a proxy before it, may answer with another part than was asked for and not come to its end.
_MOST_FUTILE = 6


@dataclass(frozen=True, slots=True)
class Patience:
    """The server counts as gone when nothing has come for `give_up_after_seconds`, and the waits in between double.

    A server that names a time to come back is waited for, `most_retry_after_seconds` in all, before that count begins.
    """

    give_up_after_seconds: Callable[[], float]
    first_wait_seconds: float
    most_wait_seconds: float
    most_retry_after_seconds: float


class Tries:
    """The tries of one read. Bytes that came make it as patient as at the start."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.renew()
        self._futile = 0
        self._has_moved = False

    def renew(self) -> None:
        self._waits: Iterator[float] = wait_times(
            first_seconds=self._patience.first_wait_seconds, most_seconds=self._patience.most_wait_seconds
        )
        self._silent_since = time.monotonic()
        self._retry_after_left = self._patience.most_retry_after_seconds

    def note_bytes(self) -> None:
        self._has_moved = True

    def plan_wait(self, interruption: Interrupted) -> float:
        """Seconds until the next try.

        Raises Unavailable (`repository_unreachable`, `range_ignored`) when there is to be none.
        """
        # Whoever sends something, be it the wrong thing, is not gone.
        if self._has_moved or interruption.is_futile:
            self.renew()
        self._has_moved = False
        self._futile += interruption.is_futile
        if self._futile >= _MOST_FUTILE:
            raise _range_ignored(interruption)
        wait_seconds = next(self._waits) + self._stay_away(interruption)
        if time.monotonic() + wait_seconds - self._silent_since > self._patience.give_up_after_seconds():
            raise _unreachable(interruption)
        return wait_seconds

    def _stay_away(self, interruption: Interrupted) -> float:
        """What the server asks for beside our own wait, which spreads those it sent away in the same moment."""
        seconds = min(interruption.retry_after_seconds or 0.0, self._retry_after_left)
        self._retry_after_left -= seconds
        self._silent_since += seconds
        return seconds


def _unreachable(reason: Exception) -> Unavailable:
    return Unavailable(
        "repository_unreachable",
        f"the repository is not reachable: {reason}",
        hint="Check the network and the server; the update goes on where it stopped.",
    )


def _range_ignored(reason: Exception) -> Unavailable:
    return Unavailable(
        "range_ignored",
        f"the repository, or a proxy before it, does not send the part that is asked for: {reason}",
        hint="Let the proxy pass `Range` on, or serve the repository from a server that knows it.",
    )
