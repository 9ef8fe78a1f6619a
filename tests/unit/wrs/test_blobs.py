"""The pool: a blob counts when its hash is right, and never before."""

import hashlib
import random
from pathlib import Path

import pytest

from cebox.errors import NotFound, Untrusted
from cebox.release.manifest import Blob
from cebox.release.trust.repository import FolderTransport
from cebox.wrs.blobs import BlobPool

CONTENT = random.Random(7).randbytes(300_000)
BLOB = Blob(sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))


class Stop(Exception):
    pass


class Tally:
    """Adds up what the pool reports; stops the work at `limit`."""

    def __init__(self, limit: int | None = None) -> None:
        self.bytes = 0
        self.limit = limit

    def __call__(self, count: int) -> None:
        self.bytes += count
        if self.limit is not None and self.bytes >= self.limit:
            raise Stop


@pytest.fixture
def upstream(tmp_path: Path) -> FolderTransport:
    file = tmp_path / "upstream" / BLOB.path
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return FolderTransport(tmp_path / "upstream")


@pytest.fixture
def pool(tmp_path: Path) -> BlobPool:
    return BlobPool(tmp_path / "pool")


def part_of(pool: BlobPool) -> Path:
    path = pool.path(BLOB.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".part")


def test_a_blob_is_fetched_whole(pool: BlobPool, upstream: FolderTransport) -> None:
    tally = Tally()
    pool.obtain(BLOB, upstream, tally)
    assert pool.path(BLOB.sha256).read_bytes() == CONTENT
    assert (tally.bytes, upstream.received_bytes) == (BLOB.size, BLOB.size)


def test_a_blob_that_is_there_is_hashed_again_but_not_fetched(pool: BlobPool, upstream: FolderTransport) -> None:
    pool.obtain(BLOB, upstream, Tally())
    tally = Tally()
    pool.obtain(BLOB, upstream, tally)
    assert (tally.bytes, upstream.received_bytes) == (BLOB.size, BLOB.size)


def test_a_blob_that_rotted_on_the_disk_is_fetched_anew(pool: BlobPool, upstream: FolderTransport) -> None:
    pool.obtain(BLOB, upstream, Tally())
    pool.path(BLOB.sha256).write_bytes(b"x" + CONTENT[1:])
    pool.obtain(BLOB, upstream, Tally())
    assert pool.path(BLOB.sha256).read_bytes() == CONTENT


def test_a_cut_fetch_goes_on_where_it_stopped(pool: BlobPool, upstream: FolderTransport) -> None:
    with pytest.raises(Stop):
        pool.obtain(BLOB, upstream, Tally(limit=100_000))
    assert not pool.path(BLOB.sha256).exists()
    assert pool.missing_bytes(BLOB) <= BLOB.size - 100_000
    pool.obtain(BLOB, upstream, Tally())
    assert pool.path(BLOB.sha256).read_bytes() == CONTENT
    assert upstream.received_bytes == BLOB.size


@pytest.mark.parametrize(
    "left",
    [b"\x00" * 1000, CONTENT[:999] + b"?", CONTENT + b"more", b"?" * len(CONTENT)],
    ids=["zeroes_after_a_power_cut", "last_byte_wrong", "too_long", "whole_but_wrong"],
)
def test_a_damaged_part_is_thrown_away_and_fetched_once_more(
    pool: BlobPool, upstream: FolderTransport, left: bytes
) -> None:
    part_of(pool).write_bytes(left)
    tally = Tally()
    pool.obtain(BLOB, upstream, tally)
    assert pool.path(BLOB.sha256).read_bytes() == CONTENT
    assert tally.bytes == BLOB.size


def test_a_whole_part_needs_no_network(pool: BlobPool, tmp_path: Path) -> None:
    part_of(pool).write_bytes(CONTENT)
    pool.obtain(BLOB, FolderTransport(tmp_path / "nowhere"), Tally())
    assert pool.path(BLOB.sha256).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [None, CONTENT[:1000]], ids=["from_nothing", "after_a_cut"])
def test_other_bytes_upstream_never_enter_the_pool(
    pool: BlobPool, upstream: FolderTransport, tmp_path: Path, left: bytes | None
) -> None:
    (tmp_path / "upstream" / BLOB.path).write_bytes(CONTENT[:-1] + b"?")
    if left is not None:
        part_of(pool).write_bytes(left)
    with pytest.raises(Untrusted) as raised:
        pool.obtain(BLOB, upstream, Tally())
    assert raised.value.code == "blob_damaged"
    assert not pool.path(BLOB.sha256).exists()
    assert not part_of(pool).exists()


def test_a_blob_that_is_nowhere_is_said_to_be_missing(pool: BlobPool, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        pool.obtain(BLOB, FolderTransport(tmp_path / "nowhere"), Tally())
    assert raised.value.code == "blob_missing"
