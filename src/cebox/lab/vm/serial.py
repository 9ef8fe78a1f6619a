"""What a machine says on its serial console: every line with the time it came, kept in a file, and waited for."""

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>c]|[\x00-\x08\x0b-\x1f]")
_CHUNK_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Line:
    """`seconds` after the machine was switched on."""

    seconds: float
    text: str


class SerialConsole:
    """Written by whoever calls `follow`, read by others meanwhile. `log` keeps it all."""

    def __init__(self, log: Path) -> None:
        self._began = time.monotonic()
        self._log = log.open("a", encoding="utf-8")
        self._changed = threading.Condition()
        self._lines: list[Line] = []
        self._has_ended = False

    @property
    def lines(self) -> list[Line]:
        with self._changed:
            return list(self._lines)

    @property
    def elapsed_seconds(self) -> float:
        """Since the machine was switched on."""
        return time.monotonic() - self._began

    def wait_for(self, pattern: str, seconds: float, *, after: int = 0) -> Line:
        """The first line from number `after` on that holds `pattern`.

        Raises TimeoutError with the last lines, when it does not come or the machine has ended.
        """
        wanted = re.compile(pattern)
        until = time.monotonic() + seconds
        with self._changed:
            while True:
                for line in self._lines[after:]:
                    if wanted.search(line.text):
                        return line
                after = max(after, len(self._lines))
                left = until - time.monotonic()
                if self._has_ended or left <= 0:
                    raise TimeoutError(self._describe(pattern))
                self._changed.wait(left)

    def follow(self, stream: IO[bytes]) -> None:
        """Until it ends: the machine has ended, or starts again."""
        rest = b""
        while chunk := stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined] # a pipe is buffered
            *whole, rest = (rest + chunk).split(b"\n")
            self._add(whole)
        self._add([rest])

    def end(self) -> None:
        """Nothing more will come; whoever waits need not."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
        self._log.close()

    def _add(self, raw: list[bytes]) -> None:
        seconds = time.monotonic() - self._began
        texts = (_CONTROL.sub("", one.decode(errors="replace")).strip() for one in raw)
        found = [Line(seconds, text) for text in texts if text]
        for line in found:
            self._log.write(f"{line.seconds:8.2f} {line.text}\n")
        self._log.flush()
        with self._changed:
            self._lines += found
            self._changed.notify_all()

    def _describe(self, pattern: str) -> str:
        last = "\n".join(f"{line.seconds:8.2f} {line.text}" for line in self._lines[-15:])
        state = "the machine ended" if self._has_ended else "it took too long"
        return f"no line with {pattern!r}: {state}\n{last}"
