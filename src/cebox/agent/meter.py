"""Counts an update's bytes as they come: live for people, every few seconds for the journal."""

from types import TracebackType
from typing import Self

from cebox.agent.box import Box
from cebox.agent.journal import Update
from cebox.agent.sources import add_bytes
from cebox.protocol.device import Progress
from cebox.release.transport import Transport

_SAVE_EVERY_SECONDS = 2.0
_RATE_OVER_SECONDS = 1.0


class Meter:
    """Around one download; what was received is in the journal when it ends, however it ends."""

    def __init__(self, box: Box, url: str, transport: Transport, update: Update) -> None:
        self._box = box
        self._url = url
        self._transport = transport
        self._update = update
        self._saved_bytes = 0
        self._saved_at = box.monotonic()
        self._rate_from = (box.monotonic(), 0)
        self._rate: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._save()
        self._box.live.show(None)

    def show(self, done_bytes: int, total_bytes: int) -> None:
        now, received = self._box.monotonic(), self._transport.received_bytes
        if received > self._saved_bytes:
            self._box.silent_since = None
        if now - self._saved_at >= _SAVE_EVERY_SECONDS:
            self._save()
        self._measure_rate(now, received)
        self._box.live.show(
            Progress(
                version=self._update.version,
                done_bytes=done_bytes,
                total_bytes=total_bytes,
                rate_bytes_per_second=self._rate,
                action_id=self._update.action_id,
            )
        )

    def _measure_rate(self, now: float, received: int) -> None:
        since, before = self._rate_from
        if now - since >= _RATE_OVER_SECONDS:
            self._rate = int((received - before) / (now - since))
            self._rate_from = (now, received)

    def _save(self) -> None:
        received = self._transport.received_bytes
        add_bytes(self._box, self._url, received - self._saved_bytes)
        self._saved_bytes, self._saved_at = received, self._box.monotonic()
