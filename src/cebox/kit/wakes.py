"""Waiting that any thread, and any signal, can end.

A lock would not do: a signal that arrives just before the wait begins leaves its Python handler unrun until the wait is
over. Here the interpreter's own C handler writes to the socket that is waited on (`signal.set_wakeup_fd`).
"""

import select
import signal
import socket
from contextlib import suppress

_CHUNK_BYTES = 4096


class Wakes:
    """One waiter, any number of wakers."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def wake(self) -> None:
        """End the current `wait`, or the next one at once. Safe in a signal handler."""
        # A full socket means that the waiter is awake already.
        with suppress(BlockingIOError):
            self._writer.send(b"\0")

    def wait(self, seconds: float) -> None:
        """Until woken, at most `seconds`. What woke it is for the caller to find out."""
        select.select([self._reader], [], [], max(seconds, 0))
        with suppress(BlockingIOError):
            while self._reader.recv(_CHUNK_BYTES):
                pass

    def wake_on_signals(self) -> None:
        """From now on every handled signal wakes, whenever it arrives. Only in the main thread."""
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
