"""A command in a process of its own, with a real terminal before it: what a person sees, types and interrupts."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE_SECONDS = 30.0
_TRIES = 6
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """`cebox <words>` on a pseudo-terminal. Use as a context manager."""

    def __init__(self, config: Path, *words: str) -> None:
        self._near, far = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CEBOX_")}
        environment |= {"CEBOX_CONFIG": str(config), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
        command = [sys.executable, "-m", "cebox.cli.main", *words]
        self._process = subprocess.Popen(command, stdin=far, stdout=far, stderr=far, env=environment)
        os.close(far)
        self._raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._near)

    @property
    def seen(self) -> str:
        return _CONTROL.sub(b"", self._raw).decode(errors="replace").replace("\r", "")

    def wait_for(self, words: str) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while words not in self.seen:
            assert time.monotonic() < until, f"no {words!r} in: {self.seen}"
            assert self._read(), f"ended without {words!r}: {self.seen}"

    def type_line(self, line: str) -> None:
        os.write(self._near, line.encode() + b"\n")

    def interrupt(self) -> None:
        """Ctrl-C, and again when nothing comes of it, as a person does: one that arrives in the moment before the
        command begins to read is not seen by it until it has read.
        """
        for _ in range(_TRIES):
            self._process.send_signal(signal.SIGINT)
            if select.select([self._near], [], [], _PATIENCE_SECONDS / _TRIES)[0]:
                return

    def wait(self) -> int:
        """The exit code, with everything read."""
        while self._read():
            pass
        return self._process.wait(timeout=_PATIENCE_SECONDS)

    def _read(self) -> bool:
        """Whether the terminal is still open."""
        if not select.select([self._near], [], [], _PATIENCE_SECONDS)[0]:
            raise AssertionError(f"silent for too long: {self.seen}")
        try:
            content = os.read(self._near, 65536)
        except OSError:  # how a pseudo-terminal says that the far side is closed
            return False
        self._raw += content
        return bool(content)
