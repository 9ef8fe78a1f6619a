"""Waiting for a cloud that is away, without becoming deaf to a newer order."""

import threading
import time
from collections.abc import Iterator

import structlog

from cebox.errors import Unavailable
from cebox.kit.backoff import wait_times
from cebox.release.trust.repository import Transport

_FIRST_WAIT_SECONDS = 0.5
_MOST_WAIT_SECONDS = 15.0

_log = structlog.get_logger("cebox.wrs")


class Superseded(Exception):
    """A newer order came: this run is over and says nothing."""


class PatientTransport:
    """Goes on reading where `inner` gave up, until nothing has come for `give_up_after_seconds`.

    Raises what `inner` raises, and Superseded when `stopped` is set while it waits.
    """

    def __init__(self, inner: Transport, *, give_up_after_seconds: float, stopped: threading.Event) -> None:
        self._inner = inner
        self._give_up_after_seconds = give_up_after_seconds
        self._stopped = stopped

    @property
    def received_bytes(self) -> int:
        return self._inner.received_bytes

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        position, end = start, None if length is None else start + length
        waits = wait_times(first_seconds=_FIRST_WAIT_SECONDS, most_seconds=_MOST_WAIT_SECONDS)
        silent_since = time.monotonic()
        while True:
            try:
                for chunk in self._inner.read(path, position, None if end is None else end - position):
                    position += len(chunk)
                    yield chunk
                    silent_since = time.monotonic()
                return
            except Unavailable as error:
                has_waited_enough = time.monotonic() - silent_since >= self._give_up_after_seconds
                if error.code != "repository_unreachable" or has_waited_enough:
                    raise
                _log.warning("repository_away", message=error.message)
            if self._stopped.wait(next(waits)):
                raise Superseded
