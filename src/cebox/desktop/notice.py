"""One announcement from its first moment to its last, whatever toolkit draws it.

The window asks every second what to show. What the person does comes back as `close` and `postpone`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cebox.desktop.view import View, build_view, is_due_again
from cebox.desktop.words import Word, Words
from cebox.errors import CeboxError
from cebox.protocol.desk import POSTPONE, Coming, ask, find_coming

# So long, that nothing comes after all is there to be read.
_LAST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the agent of this machine is found."""

    announcement: Path
    desk: Path


class Notice:
    """`look` is None when it is over; a view is to be seen while `is_visible`."""

    def __init__(self, place: Place, words: Words, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._words = words
        self._clock = clock
        self._last: Coming | None = None
        self._ended_at: float | None = None
        self._closed_with: float | None = None
        self._trouble = ""

    @property
    def is_visible(self) -> bool:
        return self._closed_with is None

    def look(self) -> View | None:
        coming, now = find_coming(self._place.announcement), self._clock()
        if coming is None:
            return self._look_after(now)
        self._ended_at, self._last = None, coming
        if self._closed_with is not None and is_due_again(self._closed_with, coming.due - now):
            self._closed_with = None
        view = build_view(coming, now, self._words)
        return replace(view, text=f"{view.text}\n{self._trouble}") if self._trouble else view

    def close(self) -> None:
        """Until it is urgent again."""
        self._trouble = ""
        self._closed_with = self._last.due - self._clock() if self._last else 0.0

    def postpone(self) -> None:
        """Ask the agent; takes as long as it takes. The window closes, or says why it was not possible."""
        try:
            is_done = ask(self._place.desk, POSTPONE).problem is None
        except CeboxError:
            is_done = False
        if is_done:
            self._last = find_coming(self._place.announcement) or self._last
            self.close()
        else:
            self._trouble = self._words.write(Word.NOT_POSTPONED)

    def _look_after(self, now: float) -> View | None:
        """What was announced is not any more; who saw it sees that."""
        if self._last is None or not self.is_visible:
            return None
        self._ended_at = self._ended_at if self._ended_at is not None else now
        if now - self._ended_at >= _LAST_SECONDS:
            return None
        title = self._words.write(Word.RESTART if self._last.is_restart else Word.SHUTDOWN)
        return View(title=title, headline=self._words.write(Word.CALLED_OFF), text="", button=None)
