"""Files of a static repository over HTTP: Range, ETag, HEAD, and a count of the bytes that really left.

The framework's own file response goes on reading for a client that has gone, and opens the file by name a second time;
here the open file is the answer, whatever happens to its name meanwhile. Its bytes do not pass through this process:
see `zero_copy`.
"""

import asyncio
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cebox.errors import NotFound
from cebox.wrs.ranges import Unsatisfiable, parse_range
from cebox.wrs.zero_copy import ZERO_COPY

_WINDOW_BYTES = 4 << 20
_READ_BYTES = 256 << 10
_FOLDERS = ("metadata", "targets", "blobs")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+~-]{0,199}", re.ASCII)
_BLOB = re.compile(r"blobs/[0-9a-f]{2}/([0-9a-f]{64})", re.ASCII)
_UNVERSIONED = "metadata/timestamp.json"

Count = Callable[[int], None]


@dataclass(frozen=True)
class OpenFile:
    descriptor: int
    size: int
    etag: str
    is_immutable: bool


def open_repository_file(folder: Path, path: str) -> OpenFile:
    """Open `path` inside a repository folder; the caller closes it.

    Only plain names below the repository's three folders are looked up: no dot files, no way up, no links.
    Raises NotFound (`file_not_served`).
    """
    segments = path.split("/")
    if segments[0] not in _FOLDERS or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise _not_served(path)
    try:
        descriptor = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _not_served(path) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise _not_served(path)
    blob = _BLOB.fullmatch(path)
    etag = blob[1] if blob else f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"
    return OpenFile(descriptor, status.st_size, f'"{etag}"', is_immutable=path != _UNVERSIONED)


def _not_served(path: str) -> NotFound:
    return NotFound("file_not_served", f"this site server does not serve {path!r}")


class RepositoryFileResponse(Response):
    """Sends an open file and closes it. `count` is told of each window once the connection has taken it."""

    def __init__(self, file: OpenFile, *, count: Count) -> None:
        self._file = file
        self._count = count
        super().__init__(media_type="application/octet-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        try:
            await self._answer(scope, send)
        finally:
            os.close(self._file.descriptor)

    async def _answer(self, scope: Scope, send: Send) -> None:
        asked = Headers(scope=scope)
        if _names_etag(asked.get("if-none-match"), self._file.etag):
            await self._send_empty(send, 304)
            return
        has_range = asked.get("if-range") in (None, self._file.etag)
        try:
            window = parse_range(asked.get("range"), self._file.size) if has_range else None
        except Unsatisfiable:
            await self._send_empty(send, 416, {"content-range": f"bytes */{self._file.size}"})
            return
        await self._send_window(scope, send, window)

    def _list_headers(self, extra: dict[str, str]) -> list[tuple[bytes, bytes]]:
        cache = "public, max-age=31536000, immutable" if self._file.is_immutable else "no-cache"
        headers = {"accept-ranges": "bytes", "etag": self._file.etag, "cache-control": cache, **extra}
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    async def _send_empty(self, send: Send, status: int, extra: dict[str, str] | None = None) -> None:
        length = {} if status == 304 else {"content-length": "0"}
        await send(
            {"type": "http.response.start", "status": status, "headers": self._list_headers(length | (extra or {}))}
        )
        await send({"type": "http.response.body", "body": b""})

    async def _send_window(self, scope: Scope, send: Send, window: tuple[int, int] | None) -> None:
        first, end = window or (0, self._file.size)
        extra = {"content-type": "application/octet-stream", "content-length": str(end - first)}
        if window:
            extra["content-range"] = f"bytes {first}-{end - 1}/{self._file.size}"
        await send(
            {"type": "http.response.start", "status": 206 if window else 200, "headers": self._list_headers(extra)}
        )
        if scope["method"] == "HEAD" or first == end:
            await send({"type": "http.response.body", "body": b""})
            return
        # A box that went away asks for the rest, here or elsewhere.
        with suppress(ConnectionError):
            await self._send_file(send, first, end)
            await send({"type": "http.response.body", "body": b""})

    async def _send_file(self, send: Send, first: int, end: int) -> None:
        for offset in range(first, end, _WINDOW_BYTES):
            length = min(_WINDOW_BYTES, end - offset)
            if not _is_in_memory(self._file.descriptor, offset, length):
                await asyncio.to_thread(_read_through, self._file.descriptor, offset, length)
            await send({"type": ZERO_COPY, "file": self._file.descriptor, "offset": offset, "count": length})
            self._count(length)


def _is_in_memory(descriptor: int, offset: int, length: int) -> bool:
    """Whether sending that window needs no disk, as far as its two ends tell: a wait for the disk would be one of the
    whole loop, and of every other box. True as well where the file system cannot say.
    """
    byte = [bytearray(1)]
    try:
        for place in (offset, offset + length - 1):
            os.preadv(descriptor, byte, place, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _read_through(descriptor: int, offset: int, length: int) -> None:
    """Bring a window of the file into the page cache."""
    buffer = [bytearray(_READ_BYTES)]
    for place in range(offset, offset + length, _READ_BYTES):
        os.preadv(descriptor, buffer, place)


def _names_etag(header: str | None, etag: str) -> bool:
    return header is not None and (header.strip() == "*" or etag in (item.strip() for item in header.split(",")))
