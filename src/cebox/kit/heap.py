"""The C heap under this process: whether memory that is freed goes back to the kernel at once."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# <malloc.h> of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST_MMAP_THRESHOLD_BYTES = 32 << 20
# Where glibc ends up by itself in a process that handles chunks of a megabyte or two; once set, it learns no more.
_USUAL_MMAP_THRESHOLD_BYTES, _USUAL_TRIM_THRESHOLD_BYTES = 2 << 20, 4 << 20


@contextmanager
def keep_freed_memory(most_bytes: int) -> Iterator[None]:
    """Within, up to `most_bytes` of freed memory stay with the process, for buffers of megabytes that come and go.

    Mapping and clearing them anew each time takes longer than what is done in them. New threads share one heap, so that
    one uses what another freed. The end gives everything free back. Nothing of this happens where the C library is not
    glibc.
    """
    library = _find_library()
    if library is None:
        yield
        return
    library.mallopt(_ARENA_MAX, 1)
    library.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD_BYTES)
    library.mallopt(_TRIM_THRESHOLD, most_bytes)
    try:
        yield
    finally:
        library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM_THRESHOLD_BYTES)
        library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP_THRESHOLD_BYTES)
        library.malloc_trim(0)


def give_back_freed_memory() -> None:
    """To the kernel, everything that is free now."""
    library = _find_library()
    if library is not None:
        library.malloc_trim(0)


def read_resident_bytes() -> int:
    """What this process holds in memory now. Raises OSError where there is no /proc."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _find_library() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    has_both = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    return library if has_both else None
