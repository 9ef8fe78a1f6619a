"""Plans between images whose files are known. A block is told by a number; files are written as `path: its blocks`."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cebox.release.image.erofs import FilePlace
from cebox.release.making.plan import Limits, Plan, plan_full, plan_patch
from cebox.release.making.scan import Scan
from cebox.release.patch import Extents, Operation, total_bytes

BLOCK = 4096
LIMITS = Limits(segment_bytes=64 * BLOCK, dictionary_bytes=128 * BLOCK, wide_bytes=512 * BLOCK, copy_bytes=256 * BLOCK)
ZERO = 0
METADATA = range(1, 5)

Files = Mapping[str, Sequence[int]]


def make_scan(files: Files, *, metadata: Sequence[int] = METADATA, short_bytes: int = 0) -> Scan:
    """Metadata, then the files one behind the other; the last block lacks `short_bytes`, and so is like no other."""
    numbers = list(metadata)
    places = []
    for path, blocks in files.items():
        places.append(FilePlace(path, len(numbers) * BLOCK, len(blocks) * BLOCK, len(blocks) * BLOCK))
        numbers += blocks
    return Scan(
        size_bytes=len(numbers) * BLOCK - short_bytes,
        sha256="",
        digests=b"".join(map(_digest, numbers[:-1])) + _digest(numbers[-1], short_bytes),
        zeroes=frozenset(at for at, number in enumerate(numbers) if number == ZERO),
        files=tuple(places),
    )


def _digest(number: int, short_bytes: int = 0) -> bytes:
    return hashlib.blake2b(b"%d %d" % (number, short_bytes), digest_size=16).digest()


def fresh(count: int) -> Sequence[int]:
    """Blocks that stand nowhere else."""
    start = next(_FRESH)
    return range(start, start + count)


def _count_up() -> Iterator[int]:
    yield from range(1000, 10**9, 10_000)


_FRESH = _count_up()


def blocks_of(extents: Extents) -> set[int]:
    return {block for offset, length in extents for block in range(offset // BLOCK, -(-(offset + length) // BLOCK))}


def place(scan: Scan, path: str) -> set[int]:
    file = next(one for one in scan.files if one.path == path)
    return blocks_of(((file.offset, file.length),))  # type: ignore[arg-type] # a pair reads like an extent


def payloads(plans: Sequence[Plan]) -> list[Plan]:
    return [plan for plan in plans if plan.operation is Operation.PAYLOAD]


def sender_of(plans: Sequence[Plan], blocks: set[int]) -> Plan:
    """The one payload that all these blocks of the new image are in."""
    (plan,) = (plan for plan in payloads(plans) if blocks_of(plan.target) & blocks)
    assert blocks <= blocks_of(plan.target)
    return plan


def test_what_is_sent_of_a_file_has_the_file_it_came_from_as_dictionary() -> None:
    """Wherever that lies, and though the blocks around it are quite others."""
    old = make_scan({"/a": fresh(40), "/lib/tool-1.0": fresh(30), "/z": fresh(40)})
    new = make_scan({"/lib/tool-1.1": fresh(30), "/a": fresh(40), "/z": fresh(40)})
    plans = plan_patch(old, new, LIMITS)

    plan = sender_of(plans, place(new, "/lib/tool-1.1"))

    assert place(old, "/lib/tool-1.0") <= blocks_of(plan.old)


def test_a_file_alone_in_its_segment_has_no_other_as_dictionary() -> None:
    old = make_scan({"/a": fresh(200), "/b": fresh(60), "/c": fresh(200)})
    new = make_scan({"/b": fresh(60)})
    plan = sender_of(plan_patch(old, new, LIMITS), place(new, "/b"))

    assert blocks_of(plan.old) == place(old, "/b")


def test_an_edit_within_a_large_file_has_its_surroundings_as_dictionary() -> None:
    before = list(fresh(2000))
    after = before[:1500] + list(fresh(4)) + before[1500:]
    old, new = make_scan({"/other": fresh(300), "/big": before}), make_scan({"/big": after})
    (plan,) = payloads(plan_patch(old, new, LIMITS))
    start = min(place(old, "/big"))

    assert blocks_of(plan.target) == {len(METADATA) + 1500 + at for at in range(4)}
    assert {start + 1499, start + 1500} <= blocks_of(plan.old) <= place(old, "/big")


def test_a_new_file_without_origin_is_sent_alone() -> None:
    old = make_scan({"/a": fresh(40)})
    new = make_scan({"/a": fresh(40), "/quite/new": fresh(40)})
    plan = sender_of(plan_patch(old, new, LIMITS), place(new, "/quite/new"))

    assert plan.old == ()
    assert plan.new == ()


def test_files_without_origin_are_sent_together() -> None:
    new = make_scan({f"/new{'x' * number}": fresh(50) for number in range(8)})
    old = make_scan({"/a": fresh(40)}, metadata=METADATA)

    (plan,) = payloads(plan_patch(old, new, LIMITS))

    assert total_bytes(plan.target) == 400 * BLOCK


def test_a_large_file_that_is_nothing_like_its_namesake_is_sent_alone() -> None:
    old, new = make_scan({"/a": fresh(40), "/big": fresh(400)}), make_scan({"/a": fresh(40), "/big": fresh(400)})
    asked: list[tuple[Extents, Extents]] = []

    def is_alike(sample: Extents, old_sample: Extents) -> bool:
        asked.append((sample, old_sample))
        return False

    plans = plan_patch(old, new, LIMITS, is_alike)

    assert sender_of(plans, place(new, "/big")).old == ()
    assert sender_of(plans, place(new, "/a")).old != ()
    ((sample, old_sample),) = asked
    assert blocks_of(sample) <= place(new, "/big")
    assert blocks_of(old_sample) <= place(old, "/big")


def test_the_metadata_has_the_old_metadata_as_dictionary() -> None:
    files = {"/a": fresh(200), "/b": fresh(200)}
    old, new = make_scan(files), make_scan(files, metadata=[1, *fresh(9)])
    (plan,) = payloads(plan_patch(old, new, LIMITS))

    assert blocks_of(plan.target) <= set(range(10))
    assert set(range(len(METADATA))) <= blocks_of(plan.old)
    assert not blocks_of(plan.old) & (place(old, "/a") | place(old, "/b"))


def test_what_stands_twice_in_the_new_image_is_sent_once_and_copied_from_there() -> None:
    twice = fresh(30)
    new = make_scan({"/one": twice, "/between": fresh(30), "/two": twice})
    old = make_scan({"/a": fresh(40)})

    for plans in (plan_patch(old, new, LIMITS), plan_full(new, LIMITS)):
        (copy,) = (plan for plan in plans if plan.new)
        assert blocks_of(copy.target) == place(new, "/two")
        assert blocks_of(copy.new) == place(new, "/one")
        assert copy is plans[-1]
        assert copy.old == ()


def test_a_file_that_only_moved_is_not_sent() -> None:
    contents = [fresh(50) for _ in range(5)]
    old = make_scan({f"/{number}": blocks for number, blocks in enumerate(contents)})
    new = make_scan({f"/{number}/moved": blocks for number, blocks in enumerate(reversed(contents))})

    assert payloads(plan_patch(old, new, LIMITS)) == []


@pytest.mark.parametrize("known", ["neither", "old", "new"])
def test_without_a_layout_the_whole_old_image_may_be_the_dictionary(known: str) -> None:
    before, after = list(fresh(60)), list(fresh(60))
    old = make_scan({"/a": before} if known == "old" else {}, metadata=[] if known == "old" else before)
    new = make_scan({"/a": after} if known == "new" else {}, metadata=[] if known == "new" else after)
    (plan,) = payloads(plan_patch(old, new, LIMITS))

    assert blocks_of(plan.old) == set(range(60))


NUMBERS = st.one_of(st.just(ZERO), st.integers(1, 400))
CONTENTS = st.one_of(
    st.lists(NUMBERS, min_size=1, max_size=40),
    st.tuples(st.integers(1, 300), st.integers(1, 300)).map(lambda run: list(range(run[0], run[0] + run[1]))),
)
LAYOUTS = st.dictionaries(
    st.sampled_from([f"/{folder}/file{number}" for folder in "ab" for number in range(6)]), CONTENTS, max_size=8
)
TIGHT = Limits(segment_bytes=8 * BLOCK, dictionary_bytes=16 * BLOCK, wide_bytes=24 * BLOCK, copy_bytes=32 * BLOCK)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(
    old_files=LAYOUTS,
    new_files=LAYOUTS,
    metadata=st.lists(NUMBERS, min_size=1, max_size=30),
    short_bytes=st.integers(0, BLOCK - 1),
    verdict=st.booleans(),
    limits=st.sampled_from([TIGHT, LIMITS, Limits()]),
)
def test_whatever_the_layouts_are_every_block_is_made_once_within_the_limits(
    old_files: Files, new_files: Files, metadata: list[int], short_bytes: int, verdict: bool, limits: Limits
) -> None:
    old = make_scan(old_files)
    new = make_scan(new_files, metadata=metadata, short_bytes=short_bytes)

    for plans in (plan_full(new, limits), plan_patch(old, new, limits, lambda _new, _old: verdict)):
        _verify_whole(plans, new)
        _verify_order(plans)
        for plan in plans:
            _verify_limits(plan, limits, old)


def _verify_whole(plans: Sequence[Plan], new: Scan) -> None:
    made = [block for plan in plans for block in blocks_of(plan.target)]
    assert sorted(made) == list(range(new.blocks))
    assert sum(total_bytes(plan.target) for plan in plans) == new.size_bytes


def _verify_order(plans: Sequence[Plan]) -> None:
    """Nothing is read of the new image that is not made by then."""
    made: set[int] = set()
    for plan in plans:
        assert blocks_of(plan.new) <= made
        made |= blocks_of(plan.target)


def _verify_limits(plan: Plan, limits: Limits, old: Scan) -> None:
    size, source = total_bytes(plan.target), total_bytes(plan.old) + total_bytes(plan.new)
    assert size > 0
    assert not plan.old or max(blocks_of(plan.old)) < old.blocks
    assert all(before.offset + before.length < behind.offset for before, behind in pairwise(plan.target))
    if plan.operation is Operation.COPY:
        assert source == size <= limits.copy_bytes
    elif plan.operation is Operation.PAYLOAD:
        assert source <= limits.dictionary_bytes
        assert size <= (limits.segment_bytes if source else limits.wide_bytes)
