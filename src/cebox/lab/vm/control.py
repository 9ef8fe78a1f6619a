"""QEMU's own protocol: a greeting, the capabilities, then commands one way and events the other."""

import json
import queue
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PATIENCE_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.02
_RESET = "guest-reset"


class Control:
    """Connected to one emulator from its start until it ends. Raises OSError when nobody listens at `path`."""

    def __init__(self, path: Path) -> None:
        self._line = _connect(path)
        self._reason = ""
        self._lock = threading.Lock()
        # None: nothing more will come.
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
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

    def ask(self, command: str, **arguments: object) -> object:
        """What the emulator returns once it is done. Raises OSError: it refused, has ended, or takes too long."""
        with self._lock:
            # Only what has an id is waited for.
            words = {"execute": command, "arguments": arguments, "id": command}
            self._line.sendall(json.dumps(words).encode() + b"\n")
            try:
                answer = self._answers.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                raise TimeoutError(f"{command}: no answer within {_PATIENCE_SECONDS:.0f} s") from None
        if answer is None:
            self._answers.put(None)
            raise ConnectionError(f"{command}: the emulator has ended")
        if "error" in answer:
            raise OSError(f"{command}: {answer['error'].get('desc')}")
        return answer["return"]

    def _read(self) -> None:
        with self._line.makefile("rb") as answers:
            try:
                for line in answers:
                    self._take_in(json.loads(line))
            except (OSError, ValueError):
                pass
        self._answers.put(None)

    def _take_in(self, said: dict[str, Any]) -> None:
        if said.get("event") == "SHUTDOWN":
            self._reason = said["data"]["reason"]
        elif "id" in said:
            self._answers.put(said)


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
