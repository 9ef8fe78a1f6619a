"""QEMU's own protocol: a greeting, the capabilities, then commands one way and events the other."""

import json
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.02
_RESET = "guest-reset"


class Control:
    """Connected to one emulator from its start until it ends. Raises OSError when nobody listens at `path`."""

    def __init__(self, path: Path) -> None:
        self._line = _connect(path)
        self._reason = ""
        self._thread = threading.Thread(target=self._read, name="emulator's events", daemon=True)
        self.send("qmp_capabilities")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        self._line.close()

    @property
    def was_reset(self) -> bool:
        """Once it has ended: whether the machine wanted to start again."""
        self._thread.join()
        return self._reason == _RESET

    def send(self, command: str) -> None:
        """Returns at once. Raises OSError."""
        self._line.sendall(json.dumps({"execute": command}).encode() + b"\n")

    def _read(self) -> None:
        with self._line.makefile("rb") as answers:
            try:
                for line in answers:
                    said = json.loads(line)
                    if said.get("event") == "SHUTDOWN":
                        self._reason = said["data"]["reason"]
            except (OSError, ValueError):
                return


def _connect(path: Path) -> socket.socket:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_EVERY_SECONDS)
        else:
            return line
