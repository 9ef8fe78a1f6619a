"""The pool of blobs: each fetched once, resumed where a cut left it, and counted only when its hash is right."""

import hashlib
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO, Protocol

from cebox.errors import Untrusted
from cebox.kit.files import sync_directory
from cebox.release.manifest import Blob
from cebox.release.trust.repository import Transport

_READ_BYTES = 1 << 20
_PART = ".part"

Advance = Callable[[int], None]


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class BlobPool:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def missing_bytes(self, blob: Blob) -> int:
        """What is still to be written for this blob."""
        path = self.path(blob.sha256)
        if path.exists():
            return 0
        part = _part_of(path)
        return max(0, blob.size - part.stat().st_size) if part.exists() else blob.size

    def obtain(self, blob: Blob, transport: Transport, advance: Advance) -> None:
        """Have `blob` in the pool. `advance` is told of bytes won (or, negative, lost again); it may raise to stop.

        A blob that is there already is read and hashed once more: disks forget too. A part left by an earlier run
        whose bytes turn out wrong is thrown away and fetched anew, once.
        Raises Untrusted (`blob_damaged`), whatever the transport raises, and OSError.
        """
        path = self.path(blob.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and self._is_intact(path, blob, advance):
            return
        path.unlink(missing_ok=True)
        had_part = _part_of(path).exists()
        if self._fetch(path, blob, transport, advance) or (had_part and self._fetch(path, blob, transport, advance)):
            return
        raise Untrusted(
            "blob_damaged",
            f"the repository's blob {blob.sha256} holds other bytes than its name says",
            hint="Publish the release again from a sound copy; the site keeps serving what it served.",
        )

    def sweep(self, keep: Collection[str]) -> None:
        """Remove what no release links to, except the blobs (and parts) named."""
        for path in self.folder.glob("*/*"):
            if path.stat().st_nlink == 1 and path.name.removesuffix(_PART) not in keep:
                path.unlink()

    def _is_intact(self, path: Path, blob: Blob, advance: Advance) -> bool:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            won = _hash_stream(stream, digest, advance)
        if won == blob.size and digest.hexdigest() == blob.sha256:
            return True
        advance(-won)
        return False

    def _fetch(self, path: Path, blob: Blob, transport: Transport, advance: Advance) -> bool:
        """False when the bytes were wrong; they are gone then."""
        part = _part_of(path)
        digest = hashlib.sha256()
        # Unbuffered: what was received is in the file when the process is killed.
        with part.open("a+b", buffering=0) as stream:
            stream.seek(0)
            size = _hash_stream(stream, digest, advance)
            if size < blob.size:
                for chunk in transport.read(blob.path, size, blob.size - size):
                    _write_all(stream, chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    advance(len(chunk))
            os.fsync(stream.fileno())
        if size != blob.size or digest.hexdigest() != blob.sha256:
            part.unlink()
            advance(-size)
            return False
        part.replace(path)
        sync_directory(path.parent)
        sync_directory(self.folder)
        return True


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + _PART)


def _hash_stream(stream: BinaryIO, digest: _Digest, advance: Advance) -> int:
    size = 0
    while chunk := stream.read(_READ_BYTES):
        digest.update(chunk)
        size += len(chunk)
        advance(len(chunk))
    return size


def _write_all(stream: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[stream.write(view) :]
