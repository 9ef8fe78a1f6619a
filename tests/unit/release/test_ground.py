import pytest

from cebox.release.applying.ground import Ground
from cebox.release.manifest import Bounds
from cebox.release.patch import Extent, Index

BLOCK = 4096


@pytest.fixture
def ground() -> Ground:
    """Ten blocks, the last of them short."""
    index = Index(
        new_bytes=9 * BLOCK + 100,
        new_sha256="",
        old_bytes=0,
        old_sha256=None,
        block_bytes=BLOCK,
        bounds=Bounds(segment_bytes=1, dictionary_bytes=0, window_bytes=0, memory_bytes=0),
        segments=(),
    )
    return Ground(index)


def test_nothing_is_settled_at_first(ground: Ground) -> None:
    assert not ground.is_settled((Extent(0, BLOCK),))
    assert not ground.is_all_settled


def test_what_lies_partly_in_open_blocks_is_not_settled(ground: Ground) -> None:
    ground.settle((Extent(BLOCK, 2 * BLOCK),))

    assert ground.is_settled((Extent(2 * BLOCK, BLOCK),))
    assert not ground.is_settled((Extent(2 * BLOCK, 2 * BLOCK),))
    assert not ground.is_settled((Extent(BLOCK, BLOCK), Extent(0, BLOCK)))


def test_what_lies_partly_in_lost_blocks_is_lost(ground: Ground) -> None:
    ground.settle((Extent(0, 3 * BLOCK),))
    ground.settle((Extent(3 * BLOCK, BLOCK),), is_lost=True)

    assert ground.is_settled((Extent(2 * BLOCK, 2 * BLOCK),))
    assert ground.is_lost((Extent(2 * BLOCK, 2 * BLOCK),))
    assert not ground.is_lost((Extent(0, 3 * BLOCK),))
    assert ground.lost_bytes == BLOCK


def test_all_is_settled_with_the_short_last_block(ground: Ground) -> None:
    ground.settle((Extent(0, 9 * BLOCK),))
    ground.settle((Extent(9 * BLOCK, 100),))

    assert ground.is_all_settled
