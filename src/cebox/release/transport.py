"""How bytes of a repository come here: one port, over HTTP or from a folder. Knows no release and trusts nothing.

HTTP goes on where a connection was cut, waits and tries again while the server is away, and never takes more than was
asked for. Whoever reads verifies what arrives.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote

import httpx

from cebox.errors import NotFound, Unavailable, Untrusted
from cebox.kit.backoff import wait_times

CHUNK_BYTES = 64 << 10
_MISSING = frozenset({403, 404, 410})
"""Object stores answer 403 for what is not there."""
_TRY_AGAIN = frozenset({408, 425, 429})


class Transport(Protocol):
    """Reads files of one repository by their path in it. `received_bytes` counts everything that came over the wire."""

    @property
    def received_bytes(self) -> int: ...

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, exactly `length` of them (None: to the end), in chunks of any size.

        Raises NotFound (`blob_missing`), Unavailable (`repository_unreachable`, `repository_refused`) and Untrusted
        (`endless_data`, `blob_truncated`).
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
            raise _missing(path) from error
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
            raise _truncated(path)


class HttpTransport:
    """A repository behind any server that knows GET, and better yet Range.

    `client` is for a server on a unix socket or with its own certificates; it stays the caller's to close. The server
    counts as gone when nothing came for `give_up_after_seconds`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = 30,
        bytes_per_second: int | None = None,
        give_up_after_seconds: float = 60,
        client: httpx.Client | None = None,
        first_wait_seconds: float = 0.2,
        most_wait_seconds: float = 10,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._owns_client = client is None
        self._client = client or httpx.Client(timeout=timeout_seconds, follow_redirects=True)
        self._give_up_after_seconds = give_up_after_seconds
        self._first_wait_seconds = first_wait_seconds
        self._most_wait_seconds = most_wait_seconds
        self._pace = _Pace(bytes_per_second) if bytes_per_second else None
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
        waits = self._new_waits()
        patient_until = time.monotonic() + self._give_up_after_seconds
        while end is None or position < end:
            try:
                for chunk in self._read_once(path, position, end):
                    position += len(chunk)
                    yield chunk
                    waits = self._new_waits()
                    patient_until = time.monotonic() + self._give_up_after_seconds
                if end is None:
                    return
            except _Interrupted as interruption:
                wait_seconds = next(waits)
                if time.monotonic() + wait_seconds > patient_until:
                    raise self._unreachable(interruption) from interruption
                time.sleep(wait_seconds)

    def _new_waits(self) -> Iterator[float]:
        return wait_times(first_seconds=self._first_wait_seconds, most_seconds=self._most_wait_seconds)

    def _read_once(self, path: str, start: int, end: int | None) -> Iterator[bytes]:
        """One request. Raises `_Interrupted` where another may go on."""
        headers = {"Accept-Encoding": "identity"}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            with self._client.stream("GET", f"{self._base_url}/{quote(path)}", headers=headers) as response:
                self._verify_status(path, response)
                yield from self._read_body(path, response, start, end)
        except httpx.RequestError as error:
            raise _Interrupted(str(error) or type(error).__name__) from error

    def _verify_status(self, path: str, response: httpx.Response) -> None:
        status = response.status_code
        if status in _MISSING:
            raise _missing(path)
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _truncated(path)
        if status >= 500 or status in _TRY_AGAIN:
            raise _Interrupted(f"the server answers {status}")
        if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise Unavailable(
                "repository_refused",
                f"{self._base_url} answers {status} for {path}",
                hint="Check the repository's address, and what a proxy in between allows.",
            )

    def _read_body(self, path: str, response: httpx.Response, start: int, end: int | None) -> Iterator[bytes]:
        at, total = _body_place(response)
        if at > start:
            raise _Interrupted("the server sends another part than was asked for")
        if total is not None and total < (start if end is None else end):
            raise _truncated(path)
        is_larger = response.status_code == httpx.codes.OK and total is not None and end is not None and total > end
        for chunk in response.iter_raw(CHUNK_BYTES):
            self.received_bytes += len(chunk)
            if self._pace:
                self._pace.spend(len(chunk))
            if end is not None and at + len(chunk) > end and not is_larger:
                raise Untrusted("endless_data", f"the server sends more than {path} has")
            wanted = chunk[max(0, start - at) : None if end is None else end - at]
            at += len(chunk)
            if wanted:
                yield wanted
            if is_larger and end is not None and at >= end:
                return
        if end is not None and at < end:
            raise _Interrupted("the connection ended early")

    def _unreachable(self, reason: Exception) -> Unavailable:
        return Unavailable(
            "repository_unreachable",
            f"{self._base_url} is not reachable: {reason}",
            hint="Check the network and the server; the update goes on where it stopped.",
        )


class _Interrupted(Exception):
    """This request is over; the next may go on."""


class _Pace:
    """Holds the reader back to `bytes_per_second` on average, with a burst of a tenth of a second."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_at = time.monotonic()

    def spend(self, count: int) -> None:
        now = time.monotonic()
        self._free_at = max(self._free_at, now - 0.1) + count / self._bytes_per_second
        if self._free_at > now:
            time.sleep(self._free_at - now)


def _body_place(response: httpx.Response) -> tuple[int, int | None]:
    """Where in the file the body begins, and the file's size if the server says it."""
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
        span, _, size = rest.partition("/")
        first = span.partition("-")[0]
        if unit != "bytes" or not first.isdecimal():
            raise _Interrupted("the server does not say which part it sends")
        return int(first), int(size) if size.isdecimal() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _missing(path: str) -> NotFound:
    return NotFound(
        "blob_missing",
        f"the repository does not have {path}",
        hint="Publish the release again, or give the mirror time to fetch it.",
    )


def _truncated(path: str) -> Untrusted:
    return Untrusted(
        "blob_truncated",
        f"the repository's {path} is shorter than it must be",
        hint="Check the repository with `cebox release verify`.",
    )
