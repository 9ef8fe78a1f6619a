"""The C heap under this process: whether memory that is freed goes back to the kernel at once."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# <malloc.h> of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST_MMAP_THRESHOLD_BYTES = 32 << 20
# Where glibc ends up by itself in a process that handles chunks of a megabyte or two; once set, it learns no more.
_USUAL_MMAP_THRESHOLD_BYTES, _USUAL_TRIM_THRESHOLD_BYTES = 2 << 20, 4 << 20


@contextmanager
def keep_freed_memory(most_bytes: int) -> Iterator[Callable[[], None]]:
    """Within, up to `most_bytes` of freed memory stay with the process, for buffers of megabytes that come and go.

    Mapping and clearing them anew each time takes longer than what is done in them. New threads share one heap, so that
    one uses what another freed. What is given gives everything free back at once; so does the end. Nothing of this
    happens where the C library is not glibc.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield lambda: None
        return
    library.mallopt(_ARENA_MAX, 1)
    library.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD_BYTES)
    library.mallopt(_TRIM_THRESHOLD, most_bytes)
    try:
        yield lambda: library.malloc_trim(0)
    finally:
        library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM_THRESHOLD_BYTES)
        library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP_THRESHOLD_BYTES)
        library.malloc_trim(0)
