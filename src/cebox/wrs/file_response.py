"""Files of a static repository over HTTP: Range, ETag, HEAD, and a count of the bytes that really left.

The framework's own file response goes on reading for a client that has gone, and opens the file by name a second time;
here the open file is the answer, whatever happens to its name meanwhile.
"""

import asyncio
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cebox.errors import NotFound
from cebox.wrs.ranges import Unsatisfiable, parse_range

_CHUNK_BYTES = 256 << 10
# A client that takes no chunk for so long has lost its power or its network; it will ask again with a Range.
_STALL_SECONDS = 60
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
    """Streams an open file and closes it. `count` is told of each chunk once the connection has taken it."""

    def __init__(self, file: OpenFile, *, count: Count) -> None:
        self._file = file
        self._count = count
        super().__init__(media_type="application/octet-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        finally:
            os.close(self._file.descriptor)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        await self._send_window(scope, receive, send, window)

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

    async def _send_window(self, scope: Scope, receive: Receive, send: Send, window: tuple[int, int] | None) -> None:
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
        gone = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            await self._send_bytes(send, first, end, gone)
        finally:
            gone.cancel()

    async def _send_bytes(self, send: Send, first: int, end: int, gone: "asyncio.Task[None]") -> None:
        while first < end and not gone.done():
            chunk = await asyncio.to_thread(os.pread, self._file.descriptor, min(_CHUNK_BYTES, end - first), first)
            if not chunk:
                raise EOFError("a served file became shorter while it was read")
            first += len(chunk)
            try:
                async with asyncio.timeout(_STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": first < end})
            except TimeoutError:
                return
            if not gone.done() or first == end:
                self._count(len(chunk))


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _names_etag(header: str | None, etag: str) -> bool:
    return header is not None and (header.strip() == "*" or etag in (item.strip() for item in header.split(",")))
