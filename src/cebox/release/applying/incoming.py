"""Payloads on their way from the repository to the decoders: in the file's order, verified, in bounded memory."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cebox.errors import Untrusted
from cebox.kit.crew import Crew
from cebox.release.manifest import Bounds
from cebox.release.patch import Segment, needed_bytes

_READ_AHEAD_SHARE = 8
"""The part of the memory that payloads may take before a decoder has them: one in so many."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A payload that is the signed one."""

    segment: Segment
    payload: bytearray


class Incoming:
    """The queue between network and decoders, and the memory that both have. What exceeds it goes alone."""

    def __init__(self, crew: Crew, memory_bytes: int, bounds: Bounds, most_waiting: int) -> None:
        self._crew = crew
        self._memory_bytes = memory_bytes
        self._bounds = bounds
        self._most_waiting = most_waiting
        self._waiting_bytes = 0
        self._working_bytes = 0
        self._queue: deque[Fetched] = deque()
        self._is_closed = False

    def make_room(self, segment: Segment) -> None:
        """In the caller's thread, before the payload is fetched."""
        self._crew.wait_here(lambda: self._has_room(segment.payload_bytes))
        with self._crew.change():
            self._waiting_bytes += segment.payload_bytes

    def put(self, segment: Segment, payload: bytearray) -> None:
        """There is room for it."""
        with self._crew.change():
            self._queue.append(Fetched(segment, payload))

    def close(self) -> None:
        with self._crew.change():
            self._is_closed = True

    def take(self) -> Fetched | None:
        """The next payload as soon as there is memory to decode it; None when there are no more."""
        with self._crew.change_when(self._is_next_ready):
            if not self._queue:
                return None
            fetched = self._queue.popleft()
            self._waiting_bytes -= fetched.segment.payload_bytes
            self._working_bytes += needed_bytes(fetched.segment, self._bounds)
            return fetched

    def give_back(self, segment: Segment) -> None:
        """The memory of a segment that is decoded and written."""
        with self._crew.change():
            self._working_bytes -= needed_bytes(segment, self._bounds)

    def _has_room(self, payload_bytes: int) -> bool:
        if self._waiting_bytes + payload_bytes <= self._memory_bytes // _READ_AHEAD_SHARE:
            # What waits is lost when the process is killed, and no decoder is faster for it.
            return len(self._queue) < self._most_waiting
        is_next = not self._queue
        return is_next and (self._working_bytes == 0 or self._working_bytes + payload_bytes <= self._memory_bytes)

    def _is_next_ready(self) -> bool:
        if not self._queue:
            return self._is_closed
        segment = self._queue[0].segment
        others_bytes = self._working_bytes + self._waiting_bytes - segment.payload_bytes
        is_fit = others_bytes + needed_bytes(segment, self._bounds) <= self._memory_bytes
        return is_fit or self._working_bytes == 0


class PayloadStream:
    """Takes payloads out of chunks of any size, empty ones too."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def take(self, segment: Segment) -> bytearray:
        """The segment's payload. Raises Untrusted (`blob_truncated`, `patch_differs`)."""
        payload = self._take(segment.payload_bytes)
        if hashlib.sha256(payload).digest() != segment.payload_sha256:
            raise Untrusted(
                "patch_differs",
                "a part of the patch is not the one that was signed",
                hint="The repository or the way to it damages files; check it with `cebox release verify`.",
            )
        return payload

    def _take(self, count: int) -> bytearray:
        taken = bytearray(count)
        filled = 0
        while filled < count:
            if not self._rest:
                self._rest = memoryview(self._next())
            part = self._rest[: count - filled]
            taken[filled : filled + len(part)] = part
            filled += len(part)
            self._rest = self._rest[len(part) :]
        return taken

    def _next(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise Untrusted("blob_truncated", "the patch ends early") from None

    def close(self) -> None:
        closer = getattr(self._chunks, "close", None)
        if closer is not None:
            closer()


def list_runs(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Groups whose payloads lie one behind the other in the file: one request each."""
    runs: list[list[Segment]] = []
    end = -1
    for segment in segments:
        if segment.payload_offset != end:
            runs.append([])
        runs[-1].append(segment)
        end = segment.payload_offset + segment.payload_bytes
    return runs
