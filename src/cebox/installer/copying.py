"""The root image from the stick into its slot, and back again to see that it is there."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cebox.errors import Untrusted
from cebox.release.manifest import Image

_CHUNK_BYTES = 4 << 20
# So often it is waited for the disk: what has been done is then done.
_FLUSH_BYTES = 64 << 20

Progress = Callable[[int, int], None]


def copy_image(image: Image, source: Path, source_offset: int, target: Path, offset: int, progress: Progress) -> None:
    """Raises Untrusted (`key_damaged`), OSError."""
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CLOEXEC)
    try:
        done_bytes = 0
        for chunk in _read(source, source_offset, image.size):
            digest.update(chunk)
            _write(descriptor, chunk, offset + done_bytes)
            done_bytes += len(chunk)
            if done_bytes % _FLUSH_BYTES < len(chunk):
                os.fdatasync(descriptor)
            progress(done_bytes, image.size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if digest.hexdigest() != image.sha256:
        raise Untrusted(
            "key_damaged",
            "the system on this key is not the one that was signed",
            hint="Write the key's image to the stick again, or use another stick.",
        )


def verify_copy(image: Image, target: Path, offset: int, progress: Progress) -> None:
    """Read from the disk itself. Raises Untrusted (`disk_damaged`), OSError."""
    forget_pages(target)
    digest = hashlib.sha256()
    done_bytes = 0
    for chunk in _read(target, offset, image.size):
        digest.update(chunk)
        done_bytes += len(chunk)
        progress(done_bytes, image.size)
    if digest.hexdigest() != image.sha256:
        raise disk_damaged()


def forget_pages(path: Path) -> None:
    """What is clean in memory is dropped, so that the disk answers. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def disk_damaged() -> Untrusted:
    return Untrusted(
        "disk_damaged", "what stands on the disk is not what was written to it", hint="Replace this machine's disk."
    )


def _read(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        left = size
        while left > 0 and (chunk := stream.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _write(descriptor: int, chunk: bytes, offset: int) -> None:
    rest = memoryview(chunk)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
