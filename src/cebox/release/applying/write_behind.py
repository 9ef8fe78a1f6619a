"""Sends to the disk what the lanes write, while they write: little is left for the end, or lost in a power cut."""

from threading import Lock

from cebox.kit.crew import Crew
from cebox.release.slot import ImageFile

PORTION_BYTES = 32 << 20
"""At most three times as much waits in memory for the disk: written, due, and on its way."""


class WriteBehind:
    """One for all who write to `target`."""

    def __init__(self, crew: Crew, target: ImageFile) -> None:
        self._crew = crew
        self._target = target
        self._lock = Lock()
        self._written_bytes = 0
        self._is_due = False
        self._is_closed = False

    def note_written(self, count: int) -> None:
        """Holds the writer back while the disk is behind. Called for every chunk, so mostly without the crew's lock."""
        with self._lock:
            self._written_bytes += count
            is_due = self._written_bytes >= PORTION_BYTES
        if is_due:
            with self._crew.change_when(lambda: not self._is_due), self._lock:
                self._is_due, self._written_bytes = self._written_bytes > 0, 0

    def close(self) -> None:
        """Ends `run`; what was written since the last portion is for `ImageFile.sync`."""
        with self._crew.change():
            self._is_closed = True

    def run(self) -> None:
        """The work of one member of the crew. Raises OSError."""
        while self._wait():
            self._target.flush()

    def _wait(self) -> bool:
        with self._crew.change_when(lambda: self._is_due or self._is_closed):
            self._is_due = False
            return not self._is_closed
