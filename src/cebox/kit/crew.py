"""Threads that work on one thing together and end together: the first error stops them all, and none is left behind.

What they share is changed and waited for under one lock, the crew's, so that no wake-up is lost between two of them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

_WATCH_EVERY_SECONDS = 0.1


class Stopped(Exception):
    """The crew ends; why is with the crew."""


class Crew:
    """As a context: leaving it waits for every member, and raises what stopped the first one that was.

    `watch` is called in the caller's thread, and there alone, while it waits; what it raises stops the crew.
    """

    def __init__(self, watch: Callable[[], None]) -> None:
        self._watch = watch
        self._changed = threading.Condition()
        self._members: list[threading.Thread] = []
        self._at_work = 0
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop(error)
        for member in self._members:
            member.join()
        try:
            is_own = error is not None and not isinstance(error, Exception)
            if self._error is not None and self._error is not error and not is_own:
                raise self._error
        finally:
            # Its traceback leads back here, and would keep everything in memory.
            self._error = None

    def start(self, name: str, work: Callable[[], None]) -> None:
        """One more member."""
        member = threading.Thread(target=self._run, args=(work,), name=name)
        with self._changed:
            self._at_work += 1
        member.start()
        self._members.append(member)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Around a change of what is shared. Raises Stopped."""
        with self._changed:
            self.verify_going()
            yield
            self._changed.notify_all()

    @contextmanager
    def change_when(self, is_met: Callable[[], bool]) -> Iterator[None]:
        """Around a change that a member makes as soon as `is_met`. Raises Stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or is_met())
            self.verify_going()
            yield
            self._changed.notify_all()

    def wait_here(self, is_met: Callable[[], bool]) -> None:
        """The caller's own wait. Raises Stopped, and what `watch` raises."""
        is_over = False
        while not is_over:
            self._watch()
            with self._changed:
                is_over = self._changed.wait_for(lambda: self._error is not None or is_met(), _WATCH_EVERY_SECONDS)
        self.verify_going()

    def wait_for_all(self) -> None:
        """Until every member has done its work. Raises Stopped, and what `watch` raises."""
        self.wait_here(lambda: self._at_work == 0)

    def verify_going_here(self) -> None:
        """The same as `verify_going`, for the caller's own work. Raises Stopped, and what `watch` raises."""
        self._watch()
        self.verify_going()

    def verify_going(self) -> None:
        """To be called between two steps of long work. Raises Stopped."""
        if self._error is not None:
            raise Stopped

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # whatever it is, the caller gets it
            self._stop(error)
        with self._changed:
            self._at_work -= 1
            self._changed.notify_all()

    def _stop(self, error: BaseException) -> None:
        with self._changed:
            if self._error is None:
                self._error = error
            self._changed.notify_all()
