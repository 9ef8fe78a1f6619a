"""Counts an update's bytes as they come: live for people, every few seconds for the journal."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.farewell import Farewell
from cebox.agent.journal import Update
from cebox.agent.line import Line, add_bytes
from cebox.agent.speed import Speed
from cebox.kit.clock import format_utc
from cebox.protocol.device import Progress
from cebox.release.network.transport import Transport

_SAVE_EVERY_SECONDS = 2.0


class Meter:
    """Around one download; what was received is in the journal when it ends, however it ends."""

    def __init__(self, box: Box, line: Line, update: Update) -> None:
        self._box = box
        self._line = line
        self._transport: Transport | None = None
        self._saved_bytes = 0
        self._saved_at = box.monotonic()
        self._speed = Speed()
        self._farewell = Farewell(box)
        self._progress = Progress(version=update.version, done_bytes=0, total_bytes=0, action_id=update.action_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._save()
        self._box.live.show(None)

    def watch(self, transport: Transport) -> None:
        """Count what comes over it."""
        self._transport = transport

    def show(self, done_bytes: int, total_bytes: int) -> None:
        now = self._box.monotonic()
        if self._received_bytes > self._saved_bytes:
            self._box.silent_since = None
        if now - self._saved_at >= _SAVE_EVERY_SECONDS:
            self._save()
        rate = self._speed.note(now, done_bytes)
        self._show(replace(self._progress, done_bytes=done_bytes, total_bytes=total_bytes, rate_bytes_per_second=rate))

    def watch_part(self, before_bytes: int, after_bytes: int) -> Callable[[int, int], None]:
        """`show` for one of several images, as part of the whole."""
        return lambda done, total: self.show(before_bytes + done, before_bytes + total + after_bytes)

    def show_wait(self, until: datetime | None) -> None:
        """The download waits for its hours, or goes on."""
        self._speed.forget()
        waits_until = format_utc(until) if until else ""
        self._show(replace(self._progress, waits_until=waits_until, rate_bytes_per_second=None))

    @property
    def _received_bytes(self) -> int:
        return self._transport.received_bytes if self._transport else 0

    def _show(self, progress: Progress) -> None:
        self._progress = progress
        self._box.live.show(progress)
        self._farewell.show(progress)

    def _save(self) -> None:
        received = self._received_bytes
        add_bytes(self._box, self._line, received - self._saved_bytes)
        self._saved_bytes, self._saved_at = received, self._box.monotonic()
