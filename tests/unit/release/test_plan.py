import random
from pathlib import Path

import pytest

from cebox.release.making.plan import Limits, Plan, plan_full, plan_patch
from cebox.release.making.scan import Scan, scan_image
from cebox.release.patch import Extents, Operation, total_bytes
from cebox.release.slot import ImageFile

BLOCK = 4096
LIMITS = Limits(segment_bytes=16 * BLOCK, dictionary_bytes=32 * BLOCK, copy_bytes=64 * BLOCK)


def scan(folder: Path, content: bytes) -> Scan:
    path = folder / "image"
    path.write_bytes(content)
    with ImageFile(path, is_writable=False) as image:
        return scan_image(image, BLOCK)


def noise(blocks: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(blocks * BLOCK)


def operations(plans: list[Plan]) -> dict[Operation, int]:
    return {one: sum(total_bytes(plan.target) for plan in plans if plan.operation is one) for one in Operation}


def blocks_of(extents: Extents) -> set[int]:
    return {block for offset, length in extents for block in range(offset // BLOCK, -(-(offset + length) // BLOCK))}


def test_every_block_is_planned_once(tmp_path: Path) -> None:
    old = scan(tmp_path, noise(100))
    new = scan(tmp_path, noise(40) + noise(50, seed=2) + bytes(10 * BLOCK) + noise(1, seed=3)[:77])

    for plans in (plan_full(new, LIMITS), plan_patch(old, new, LIMITS)):
        covered = [block for plan in plans for block in blocks_of(plan.target)]
        assert sorted(covered) == list(range(new.blocks))
        assert sum(total_bytes(plan.target) for plan in plans) == new.size_bytes


def test_an_unchanged_image_is_copied_whole(tmp_path: Path) -> None:
    content = noise(100) + b"short end"
    plans = plan_patch(scan(tmp_path, content), scan(tmp_path, content), LIMITS)

    assert operations(plans) == {Operation.ZERO: 0, Operation.COPY: len(content), Operation.PAYLOAD: 0}


def test_moved_blocks_are_found_where_they_were(tmp_path: Path) -> None:
    old = scan(tmp_path, noise(30, seed=1) + noise(30, seed=2))
    new = scan(tmp_path, noise(30, seed=2) + noise(30, seed=1))

    (plan,) = plan_patch(old, new, LIMITS)

    assert plan.operation is Operation.COPY
    assert [extent.offset // BLOCK for extent in plan.old] == [30, 0]


def test_a_short_copied_island_is_sent_along(tmp_path: Path) -> None:
    before = noise(60)
    after = bytearray(before)
    after[10 * BLOCK : 12 * BLOCK] = noise(2, seed=5)
    after[15 * BLOCK : 17 * BLOCK] = noise(2, seed=6)

    plans = plan_patch(scan(tmp_path, before), scan(tmp_path, bytes(after)), LIMITS)

    assert operations(plans)[Operation.PAYLOAD] == 7 * BLOCK


def test_the_dictionary_lies_where_the_replaced_blocks_were(tmp_path: Path) -> None:
    before = noise(2000)
    after = bytearray(before)
    after[1000 * BLOCK : 1004 * BLOCK] = noise(4, seed=5)

    payload = plan_patch(scan(tmp_path, before), scan(tmp_path, bytes(after)), LIMITS)[-1]

    assert payload.operation is Operation.PAYLOAD
    assert {1000, 1001, 1002, 1003} <= blocks_of(payload.old)


def test_the_limits_are_kept(tmp_path: Path) -> None:
    chance = random.Random(4)
    before = noise(500)
    after = bytearray(before)
    for _ in range(60):
        at = chance.randrange(500)
        after[at * BLOCK : (at + 1) * BLOCK] = chance.randbytes(BLOCK)

    for plan in plan_patch(scan(tmp_path, before), scan(tmp_path, bytes(after)), LIMITS):
        most = LIMITS.copy_bytes if plan.operation is Operation.COPY else LIMITS.segment_bytes
        assert total_bytes(plan.target) <= most
        if plan.operation is Operation.PAYLOAD:
            assert 0 < total_bytes(plan.old) <= LIMITS.dictionary_bytes


@pytest.mark.parametrize("old_size", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 5])
@pytest.mark.parametrize("new_size", [1, BLOCK, 2 * BLOCK + 7])
def test_tiny_images_are_planned_too(tmp_path: Path, old_size: int, new_size: int) -> None:
    old = scan(tmp_path, noise(4)[:old_size])
    new = scan(tmp_path, noise(4, seed=2)[:new_size])

    assert sum(total_bytes(plan.target) for plan in plan_patch(old, new, LIMITS)) == new_size
