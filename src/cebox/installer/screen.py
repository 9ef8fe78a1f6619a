"""The screens of this machine, its monitor and its serial line: all show the same, and whoever types first is heard."""

import os
import select
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cebox.errors import Unavailable

_READ_BYTES = 1024
_BAR_CELLS = 30
_EVERY_SECONDS = 0.5
_CLEAR_LINE = "\r\x1b[K"


class Screen:
    """Terminals that cannot be opened, or that go away, are left out."""

    def __init__(self, terminals: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._terminals = [found for path in terminals if (found := _open(path)) is not None]
        self._clock = clock
        self._is_within_line = False
        self._shown_at = float("-inf")

    def close(self) -> None:
        while self._terminals:
            os.close(self._terminals.pop())

    def say(self, text: str) -> None:
        """Whole lines."""
        start = "\n" if self._is_within_line else ""
        self._is_within_line = False
        self._write(f"{start}{text}\n")

    def show_progress(self, done: int, total: int) -> None:
        """A bar in the last line, a few times a second."""
        now = self._clock()
        if done < total and now - self._shown_at < _EVERY_SECONDS:
            return
        self._shown_at = now
        share = done / total if total else 1.0
        bar = ("#" * int(share * _BAR_CELLS)).ljust(_BAR_CELLS, ".")
        self._is_within_line = True
        self._write(f"{_CLEAR_LINE}  [{bar}] {share:4.0%}")

    def ask(self, text: str) -> str:
        """What somebody types, up to Enter. Raises Unavailable (`screen_missing`)."""
        self.say(text)
        self._write("> ")
        typed = dict.fromkeys(self._terminals, b"")
        while self._terminals:
            ready, _, _ = select.select(self._terminals, [], [])
            for terminal in ready:
                typed[terminal] += self._read(terminal)
                line, end, _ = typed[terminal].replace(b"\r", b"\n").partition(b"\n")
                if end:
                    return line.decode("utf-8", errors="replace").strip()
        raise Unavailable("screen_missing", "this machine has no screen to ask on", hint="Connect one and restart it.")

    def _read(self, terminal: int) -> bytes:
        try:
            content = os.read(terminal, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            content = b""
        if not content:
            self._drop(terminal)
        return content

    def _write(self, text: str) -> None:
        content = text.encode("utf-8", errors="replace")
        for terminal in list(self._terminals):
            try:
                os.write(terminal, content)
            except BlockingIOError:
                # Nobody reads at the other end of this line.
                continue
            except OSError:
                self._drop(terminal)

    def _drop(self, terminal: int) -> None:
        self._terminals.remove(terminal)
        with suppress(OSError):
            os.close(terminal)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
