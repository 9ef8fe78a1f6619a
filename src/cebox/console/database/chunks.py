"""Long lists of ids in pieces: both engines bound the number of parameters of one statement."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T", bound=str)

LARGEST_CHUNK = 1000


def chunk_ids(ids: Iterable[T]) -> Iterator[list[T]]:
    """Each id once, in order. One with a NUL is no id of ours, and PostgreSQL would refuse the whole statement."""
    ordered = sorted({one for one in ids if "\0" not in one})
    for start in range(0, len(ordered), LARGEST_CHUNK):
        yield ordered[start : start + LARGEST_CHUNK]
