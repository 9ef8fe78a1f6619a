"""How bytes of a repository come here: one port, over HTTP or from a folder. Knows no release and trusts nothing.

HTTP goes on where a connection was cut, waits and tries again while the server is away, and never takes more than was
asked for. Whoever reads verifies what arrives.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import quote

import httpx

from cebox.errors import Unavailable
from cebox.release.network.http_answer import Interrupted, Part, endless, missing, read_part, truncated, verify_answer
from cebox.release.network.pace import Gate, OpenGate, Pace, pause_until
from cebox.release.network.tries import Patience, Tries

CHUNK_BYTES = 64 << 10
# What is asked for at once after a silence: a proxy that collects the whole answer first must come through in time.
_SMALLER_ASKS = (1 << 20, 128 << 10)


Value = TypeVar("Value", str, float, int | None)


class Transport(Protocol):
    """Reads files of one repository by their path in it. `received_bytes` counts everything that came over the wire."""

    @property
    def received_bytes(self) -> int: ...

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, exactly `length` of them (None: to the end), in chunks of any size.

        Raises NotFound (`blob_missing`), Unavailable (`repository_unreachable`, `repository_refused`,
        `range_ignored`, `captive_portal`) and Untrusted (`endless_data`, `blob_truncated`).
        """
        ...


class FolderTransport:
    """A repository on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.received_bytes = 0

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        try:
            stream = (self._folder / path).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise missing(path) from error
        except OSError as error:
            raise Unavailable("repository_unreachable", f"{self._folder} cannot be read: {error}") from error
        with stream:
            stream.seek(start)
            left = length
            while left is None or left > 0:
                chunk = stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not chunk:
                    break
                self.received_bytes += len(chunk)
                left = None if left is None else left - len(chunk)
                yield chunk
        if left:
            raise truncated(path)


class HttpTransport:
    """A repository behind any server that knows GET, and better yet Range.

    What may change is given as a question: it is asked again all along, and what is under way follows. `client` is for
    a server on a unix socket or with its own certificates; it stays the caller's to close. `pause` waits between tries
    and for the pace; it may come back early, and what it raises ends the reading.
    """

    def __init__(
        self,
        base_url: str | Callable[[], str],
        *,
        timeout_seconds: float = 30,
        bytes_per_second: int | Callable[[], int | None] | None = None,
        give_up_after_seconds: float | Callable[[], float] = 60,
        most_retry_after_seconds: float = 60,
        client: httpx.Client | None = None,
        first_wait_seconds: float = 0.2,
        most_wait_seconds: float = 10,
        pause: Callable[[float], None] = time.sleep,
        gate: Gate | None = None,
    ) -> None:
        self._find_base_url = _ask(base_url)
        self._owns_client = client is None
        self._client = client or httpx.Client(timeout=timeout_seconds, follow_redirects=True)
        self._patience = Patience(
            give_up_after_seconds=_ask(give_up_after_seconds),
            first_wait_seconds=first_wait_seconds,
            most_wait_seconds=most_wait_seconds,
            most_retry_after_seconds=most_retry_after_seconds,
        )
        self._pause = pause
        self._pace = Pace(_ask(bytes_per_second), pause)
        self._gate = gate or OpenGate()
        self._smaller_asks = iter(_SMALLER_ASKS)
        self._ask_bytes: int | None = None
        self.received_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owns_client:
            self._client.close()

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        position, end = start, None if length is None else start + length
        tries = Tries(self._patience)
        while end is None or position < end:
            self._gate.wait()
            base_url = self._find_base_url()
            try:
                with closing(self._read_once(base_url, path, position, end)) as chunks:
                    for chunk in chunks:
                        position += len(chunk)
                        tries.note_bytes()
                        yield chunk
                        if not self._gate.is_open() or self._find_base_url() != base_url:
                            break
                    else:
                        if end is None:
                            return
            except Interrupted as interruption:
                if interruption.is_silent and self._ask_for_less(position, end):
                    tries.renew()
                pause_until(time.monotonic() + tries.plan_wait(interruption), self._pause)

    def _ask_for_less(self, position: int, end: int | None) -> bool:
        """Whether there is less to ask for."""
        smaller = next(self._smaller_asks, None)
        if smaller is None or end is None or end - position <= smaller:
            return False
        self._ask_bytes = smaller
        return True

    def _read_once(self, base_url: str, path: str, start: int, end: int | None) -> Generator[bytes, None, None]:
        """One request. Raises Interrupted where another may go on."""
        headers = {"Accept-Encoding": "identity"}
        until = end if end is None or self._ask_bytes is None else min(end, start + self._ask_bytes)
        if start or until is not None:
            headers["Range"] = f"bytes={start}-{'' if until is None else until - 1}"
        received_before = self.received_bytes
        part = None
        try:
            with self._client.stream("GET", f"{base_url.rstrip('/')}/{quote(path)}", headers=headers) as response:
                verify_answer(response, path)
                part = read_part(response)
                yield from self._read_body(path, response, part, start, end if part.is_whole else until)
        except httpx.RequestError as error:
            raise Interrupted(
                str(error) or type(error).__name__,
                is_futile=part is not None and part.start < start,
                is_silent=isinstance(error, httpx.ReadTimeout) and self.received_bytes == received_before,
            ) from error

    def _read_body(
        self, path: str, response: httpx.Response, part: Part, start: int, end: int | None
    ) -> Iterator[bytes]:
        at, total = part.start, part.file_bytes
        if at > start:
            raise Interrupted("another part came than was asked for", is_futile=True)
        if total is not None and total < (start if end is None else end):
            raise truncated(path)
        is_larger = part.is_whole and total is not None and end is not None and total > end
        has_given = False
        # In whatever pieces they come: waiting for a full one would lose them when the connection is cut.
        for chunk in response.iter_raw():
            self.received_bytes += len(chunk)
            self._pace.spend(len(chunk))
            if end is not None and at + len(chunk) > end and not is_larger:
                raise endless(path)
            wanted = chunk[max(0, start - at) : None if end is None else end - at]
            at += len(chunk)
            if wanted:
                has_given = True
                yield wanted
            if is_larger and end is not None and at >= end:
                return
        if end is not None and at < end and (part.is_whole or not has_given):
            raise Interrupted("the connection ended early", is_futile=part.start < start)


def _ask(value: Value | Callable[[], Value]) -> Callable[[], Value]:
    return value if callable(value) else lambda: value
