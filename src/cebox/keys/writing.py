"""A stick's image into a file: plain and sparse, or packed with zstd; whole or not at all, and for its maker only."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import zstandard

from cebox.errors import Conflict, Exhausted, Unavailable
from cebox.keys.stick import Stick
from cebox.kit.files import PRIVATE_MODE, sync_directory

PACKED_SUFFIX = ".zst"
_LEVEL = 3
_MOST_THREADS = 4
_PIECE_BYTES = 256 << 10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def pack(chunks: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """The same bytes as a zstd file that knows its size and its checksum."""
    threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=threads)
    chunker = packer.chunker(chunk_size=_PIECE_BYTES, size=size_bytes)
    for chunk in chunks:
        yield from chunker.compress(chunk)
    yield from chunker.finish()  # type: ignore[no-untyped-call]  # its stub forgot the arguments


def verify_writable(output: Path) -> None:
    """Before anything is fetched for it. Raises Conflict (`output_exists`), Unavailable (`output_unwritable`)."""
    if os.path.lexists(output):
        raise Conflict(
            "output_exists",
            f"{output} is there already",
            hint="Name a new file; write it to a stick with dd afterwards.",
        )
    if not output.absolute().parent.is_dir():
        raise Unavailable("output_unwritable", f"there is no folder {output.absolute().parent}", hint="Make it first.")


def write_stick(stick: Stick, output: Path, progress: Callable[[int, int], None]) -> None:
    """`output` is packed if its name says so. `progress` is called with bytes of the image.

    Raises what `verify_writable` raises, and Exhausted (`disk_full`).
    """
    verify_writable(output)
    part = output.with_name(f".{output.name}.part")
    with _named_errors(output):
        try:
            with _open_private(part) as stream:
                chunks = _watch(stick, progress)
                if output.suffix == PACKED_SUFFIX:
                    stream.writelines(pack(chunks, stick.size_bytes))
                else:
                    _write_sparse(stream, chunks)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(output)
            sync_directory(output.absolute().parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _watch(stick: Stick, progress: Callable[[int, int], None]) -> Iterator[bytes]:
    done_bytes = 0
    for chunk in stick.read_chunks():
        yield chunk
        done_bytes += len(chunk)
        progress(done_bytes, stick.size_bytes)


def _write_sparse(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    size = 0
    for chunk in chunks:
        if chunk.count(0) < len(chunk):
            stream.seek(size)
            stream.write(chunk)
        size += len(chunk)
    stream.truncate(size)


def _open_private(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE), "wb")


@contextmanager
def _named_errors(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Exhausted(
                "disk_full", f"no room left while writing {output}", hint="Free some space, or pack it: .img.zst"
            ) from error
        raise Unavailable("output_unwritable", f"{output} cannot be written: {error}") from error
