"""A person at a terminal of the installer: sees what it says, types what is wanted."""

import os
import pty
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cebox.installer.screen import Screen

_PATIENCE_SECONDS = 30.0

Answer = str | Callable[[], str]
"""What is typed; or what is done first, and says what is typed then."""


class Typist:
    """`answers` are (what must be read first, what is then typed), in order."""

    def __init__(self, hand: int, answers: tuple[tuple[str, Answer], ...]) -> None:
        self._hand = hand
        self._answers = list(answers)
        self._seen = b""
        self._is_over = threading.Event()
        self._read_up_to = 0
        self._thread = threading.Thread(target=self._run)

    @property
    def seen(self) -> str:
        return self._seen.decode()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._take_in(0)

    def wait_until(self, is_met: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not is_met():
            assert time.monotonic() < until, self.seen
            self._is_over.wait(0.02)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._take_in(0.05)
            if self._answers and self._answers[0][0] in self._seen[self._read_up_to :].decode(errors="replace"):
                _, answer = self._answers.pop(0)
                self._read_up_to = len(self._seen)
                typed = answer() if callable(answer) else answer
                os.write(self._hand, f"{typed}\n".encode())

    def _take_in(self, seconds: float) -> None:
        while select.select([self._hand], [], [], seconds)[0]:
            self._seen += os.read(self._hand, 4096)


@contextmanager
def sit_at_screen(*answers: tuple[str, Answer]) -> Iterator[tuple[Screen, Typist]]:
    """A terminal that the installer has opened, and who sits at it."""
    hand, eye = pty.openpty()
    try:
        screen, typist = Screen([Path(os.ttyname(eye))]), Typist(hand, answers)
        typist.start()
        try:
            yield screen, typist
        finally:
            typist.stop()
            screen.close()
    finally:
        os.close(eye)
        os.close(hand)
