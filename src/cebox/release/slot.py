"""Reading and writing images in slots, by extents: a slot is a file of fixed size or a block device."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cebox.errors import CeboxError, Exhausted, InvalidInput, Unavailable
from cebox.release.patch import Extent, Extents

CHUNK_BYTES = 1 << 20
_ZEROES = bytes(CHUNK_BYTES)
# A file-size limit (EFBIG) is a full disk by another name.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ImageFile:
    """An open image, for any number of threads. As a context it closes itself; every method raises OSError."""

    def __init__(self, path: Path, *, is_writable: bool) -> None:
        self._descriptor = os.open(path, (os.O_RDWR if is_writable else os.O_RDONLY) | os.O_CLOEXEC)
        self.size_bytes = os.lseek(self._descriptor, 0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read_chunks(self, extents: Extents) -> Iterator[bytes]:
        """The extents' bytes one after the other, a chunk at a time; shorter where the file ends early."""
        for offset, length in cut_extents(extents):
            yield os.pread(self._descriptor, length, offset)

    def read_into(self, extents: Extents, room: memoryview) -> None:
        """Lay the extents' bytes into `room`, which has their size; what lies behind the file's end stays as it was."""
        at = 0
        for offset, length in extents:
            done = 0
            while done < length and (
                count := os.preadv(self._descriptor, [room[at + done : at + length]], offset + done)
            ):
                done += count
            at += length

    def write_chunks(self, extents: Extents, chunks: Iterable[bytes | bytearray | memoryview]) -> None:
        """Lay `chunks` into the extents, in order; together they have the extents' size."""
        places = iter(extents)
        offset, room = 0, 0
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                if room == 0:
                    offset, room = next(places)
                written = os.pwrite(self._descriptor, rest[:room], offset)
                rest, offset, room = rest[written:], offset + written, room - written

    def write_zeroes(self, extents: Extents) -> int:
        """Leaves alone what is zero already: a sparse slot file stays sparse. Returns how many bytes were not."""
        written_bytes = 0
        for extent in cut_extents(extents):
            if not self.is_zero((extent,)):
                self.write_chunks((extent,), (_ZEROES[: extent.length],))
                written_bytes += extent.length
        return written_bytes

    def is_zero(self, extents: Extents) -> bool:
        return all(
            os.pread(self._descriptor, length, offset) == _ZEROES[:length] for offset, length in cut_extents(extents)
        )

    def hash_extents(self, extents: Extents) -> bytes:
        digest = hashlib.sha256()
        for chunk in self.read_chunks(extents):
            digest.update(chunk)
        return digest.digest()

    def flush(self) -> None:
        """Send what was written so far to the disk; others may write meanwhile."""
        os.fdatasync(self._descriptor)

    def sync(self) -> None:
        os.fsync(self._descriptor)


@contextmanager
def open_slot(path: Path, image_bytes: int) -> Iterator[ImageFile]:
    """The slot to write. Raises InvalidInput (`slot_missing`), Exhausted (`slot_too_small`, and `disk_full` for what is
    done within) and Unavailable (`slot_unusable`).
    """
    with slot_errors(path), ImageFile(path, is_writable=True) as slot:
        if slot.size_bytes < image_bytes:
            raise Exhausted(
                "slot_too_small",
                f"the image has {image_bytes} bytes, slot {path} has room for {slot.size_bytes}",
                hint="This machine's partitions are too small for the release; install it anew with a key.",
            )
        yield slot


@contextmanager
def slot_errors(path: Path) -> Iterator[None]:
    """Gives an OSError on a slot our names: InvalidInput (`slot_missing`), Exhausted (`disk_full`), Unavailable."""
    try:
        yield
    except OSError as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: OSError) -> CeboxError:
    if error.errno in _FULL:
        return Exhausted(
            "disk_full",
            f"no room left while writing {path}",
            hint="Free some space; the update goes on where it stopped.",
        )
    if error.errno == errno.ENOENT:
        return InvalidInput("slot_missing", f"there is no slot {path}", hint="Check the machine's settings.")
    return Unavailable("slot_unusable", f"slot {path} cannot be used: {error}", hint="Check the machine's disk.")


def cut_extents(extents: Extents) -> Iterator[Extent]:
    """The same bytes, in extents of at most `CHUNK_BYTES`."""
    for offset, length in extents:
        for start in range(offset, offset + length, CHUNK_BYTES):
            yield Extent(start, min(CHUNK_BYTES, offset + length - start))
