"""A piece of computing and a piece of writing, each time the same, and what each took; then a rest, as people do."""

import os
import sys
import time

_ROUNDS = 150_000
_BLOCK = bytes(4096)
_BLOCKS = 64
_REST_SECONDS = 3.0
_FILE = "work"


def compute() -> None:
    total = 0
    for number in range(_ROUNDS):
        total += number & 7


def write_and_read() -> None:
    """To the disk itself and back: what is only in memory is nobody's disk."""
    descriptor = os.open(_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for number in range(_BLOCKS):
            os.pwrite(descriptor, _BLOCK, number * len(_BLOCK))
            if number % 8 == 7:
                os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for number in range(_BLOCKS):
            os.pread(descriptor, len(_BLOCK), number * len(_BLOCK))
    finally:
        os.close(descriptor)


def main() -> None:
    while True:
        began = time.monotonic()
        compute()
        computed = time.monotonic()
        write_and_read()
        ended = time.monotonic()
        sys.stdout.write(f"work: cpu_ms={1000 * (computed - began):.1f} io_ms={1000 * (ended - computed):.1f}\n")
        sys.stdout.flush()
        time.sleep(_REST_SECONDS)


main()
