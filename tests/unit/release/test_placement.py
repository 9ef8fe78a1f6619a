import random
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cebox.errors import InvalidInput
from cebox.release.image.placement import FIRST_UNIT, UNIT_BYTES, Piece, Place, Placement, plan_placement

BLOCK = 4096
FOLDER, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK
ROOT = Piece("/", FOLDER, 200, 32, 200, 0)

repeatable = settings(max_examples=60, deadline=None, derandomize=True, database=None)

records = st.sampled_from((32, 64, 44, 32 + 12 + 400, 64 + 4000, 64 + 9000))
tails = st.sampled_from((0, 1, 40, 300, 1500, 4000))


@st.composite
def pieces_of(draw: st.DrawFn, path: str) -> Piece:
    kind = draw(st.sampled_from((FOLDER, FILE, LINK)))
    tail, blocks = draw(tails), draw(st.integers(0, 12))
    record = draw(records)
    return Piece(path, kind, blocks * BLOCK + tail, record, tail, blocks)


@st.composite
def systems(draw: st.DrawFn) -> list[Piece]:
    """A root and up to forty more, from a small world of names: two systems have much in common."""
    names = sorted(draw(st.sets(st.integers(0, 60), max_size=40)))
    return [ROOT, *(draw(pieces_of(f"/lib-{number // 20}/file-{number:02}")) for number in names)]


@st.composite
def successors(draw: st.DrawFn, before: Sequence[Piece]) -> list[Piece]:
    """Most are as they were, some have changed, gone, or come."""
    others = {piece.path: piece for piece in before[1:]}
    for path in draw(st.lists(st.sampled_from(sorted(others)), max_size=6)) if others else ():
        others.pop(path, None)
    for number in draw(st.sets(st.integers(0, 80), max_size=6)):
        path = f"/lib-{number // 20}/file-{number:02}"
        others[path] = draw(pieces_of(path))
    return [ROOT, *(others[path] for path in sorted(others))]


def list_faults(pieces: Sequence[Piece], placement: Placement) -> list[str]:
    """What would make an image that cannot be read."""
    faults = []
    records, blocks = [], []
    assert set(placement.places) == set(pieces)
    for piece, (unit, block) in placement.places.items():
        start = unit * UNIT_BYTES
        tail = start + piece.record_bytes
        end = tail + piece.tail_bytes
        records.append((start, end, piece.path))
        if piece.blocks:
            blocks.append((block * BLOCK, (block + piece.blocks) * BLOCK, piece.path))
        if end - start <= BLOCK and start // BLOCK != (end - 1) // BLOCK:
            faults.append(f"{piece.path} crosses a block")
        if piece.tail_bytes and tail // BLOCK != (end - 1) // BLOCK:
            faults.append(f"the tail of {piece.path} crosses a block")
        if start % BLOCK + min(64, piece.record_bytes) > BLOCK:
            faults.append(f"the inode of {piece.path} crosses a block")
    spans = [(0, FIRST_UNIT * UNIT_BYTES, "superblock"), *sorted(records), *sorted(blocks)]
    for before, behind in pairwise(spans):
        if before[1] > behind[0]:
            faults.append(f"{before} lies over {behind}")
    if spans[-1][1] > placement.blocks * BLOCK:
        faults.append("the image is too small")
    if placement.places[pieces[0]].unit > 0xFFFF:
        faults.append("the root lies too far behind")
    return faults


def find_moved(pieces: Sequence[Piece], before: Mapping[Piece, Place], after: Mapping[Piece, Place]) -> set[str]:
    return {piece.path for piece in pieces if piece in before and before[piece] != after[piece]}


@repeatable
@given(systems())
def test_nothing_overlaps_or_crosses_what_it_must_not(pieces: list[Piece]) -> None:
    assert list_faults(pieces, plan_placement(pieces, BLOCK)) == []


@repeatable
@given(st.data())
def test_nothing_overlaps_after_a_row_of_releases(data: st.DataObject) -> None:
    pieces = data.draw(systems())
    placement = plan_placement(pieces, BLOCK)
    for _ in range(4):
        pieces = data.draw(successors(pieces))
        placement = plan_placement(pieces, BLOCK, placement.places)
        assert list_faults(pieces, placement) == []


@repeatable
@given(st.data())
def test_what_has_not_changed_does_not_move(data: st.DataObject) -> None:
    before = data.draw(systems())
    places = plan_placement(before, BLOCK).places
    after = data.draw(successors(before))
    placement = plan_placement(after, BLOCK, places)

    assert placement.is_anew or find_moved(after, places, placement.places) == set()


@repeatable
@given(st.data())
def test_the_same_again_gives_the_same(data: st.DataObject) -> None:
    before = data.draw(systems())
    places = plan_placement(before, BLOCK).places
    after = data.draw(successors(before))

    again = plan_placement(after, BLOCK, dict(sorted(places.items(), key=lambda one: one[0].path)))
    assert plan_placement(after, BLOCK, places).blocks == again.blocks
    assert plan_placement(after, BLOCK, places) == plan_placement(after, BLOCK, places)
    assert plan_placement(before, BLOCK, places).places == places
    assert not plan_placement(before, BLOCK, places).is_anew


@repeatable
@given(systems(), systems())
def test_an_image_is_never_much_larger_than_one_laid_out_anew(before: list[Piece], after: list[Piece]) -> None:
    placement = plan_placement(after, BLOCK, plan_placement(before, BLOCK).places)

    assert placement.blocks <= plan_placement(after, BLOCK).blocks * 1.15


@repeatable
@given(systems(), st.data())
def test_an_image_that_is_laid_out_in_another_way_is_no_model(pieces: list[Piece], data: st.DataObject) -> None:
    """Whatever it says: even places that no image can have."""
    anywhere = st.builds(Place, st.integers(0, 5000), st.integers(0, 300))
    like = {piece: data.draw(anywhere) for piece in pieces}

    assert list_faults(pieces, plan_placement(pieces, BLOCK, like)) == []


def a_file(path: str, blocks: int) -> Piece:
    return Piece(path, FILE, blocks * BLOCK, 32, 0, blocks)


def a_system(**blocks: int) -> list[Piece]:
    """Beside them a large file, so that a few holes are no waste."""
    return [ROOT, a_file("/large", 500), *(a_file(f"/{name}", count) for name, count in blocks.items())]


def find_block(placement: Placement, path: str) -> int:
    return next(place.block for piece, place in placement.places.items() if piece.path == path)


def find_unit(placement: Placement, path: str) -> int:
    return next(place.unit for piece, place in placement.places.items() if piece.path == path)


def test_a_file_that_shrank_starts_where_it_was() -> None:
    before = plan_placement(a_system(a=5, b=5), BLOCK)
    after = plan_placement(a_system(a=3, b=5), BLOCK, before.places)

    assert find_block(after, "/a") == find_block(before, "/a")
    assert find_block(after, "/b") == find_block(before, "/b")


def test_a_file_that_grew_moves_to_the_smallest_hole_with_room() -> None:
    before = plan_placement(a_system(a=5, b=1, wide=9, c=1, fitting=7, d=1), BLOCK)
    after = plan_placement(a_system(a=6, b=1, c=1, d=1), BLOCK, before.places)

    assert find_block(after, "/a") == find_block(before, "/fitting")
    assert find_block(after, "/b") == find_block(before, "/b")


def test_a_file_that_grew_and_fits_nowhere_moves_to_the_end() -> None:
    before = plan_placement(a_system(a=5, b=1), BLOCK)
    after = plan_placement(a_system(a=6, b=1), BLOCK, before.places)

    assert find_block(after, "/a") == before.blocks
    assert after.blocks == before.blocks + 6


def test_a_file_that_grew_stays_when_what_is_behind_it_has_gone() -> None:
    before = plan_placement(a_system(a=5, b=3, c=1), BLOCK)
    after = plan_placement(a_system(a=7, c=1), BLOCK, before.places)

    assert find_block(after, "/a") == find_block(before, "/a")


def test_a_file_that_has_another_number_in_its_path_takes_the_place_of_its_predecessor() -> None:
    before = plan_placement([ROOT, a_file("/large", 500), a_file("/6.1-50/x", 4), a_file("/a", 1)], BLOCK)
    after = plan_placement([ROOT, a_file("/large", 500), a_file("/6.1-56/x", 4), a_file("/a", 1)], BLOCK, before.places)

    assert find_block(after, "/6.1-56/x") == find_block(before, "/6.1-50/x")
    assert find_unit(after, "/6.1-56/x") == find_unit(before, "/6.1-50/x")


def test_one_predecessor_gives_its_place_to_one_only() -> None:
    before = plan_placement(a_system(x1=4, a=1), BLOCK)
    after = plan_placement(a_system(x2=4, x3=4, a=1), BLOCK, before.places)

    assert list_faults(a_system(x2=4, x3=4, a=1), after) == []
    assert find_block(before, "/x1") in {find_block(after, "/x2"), find_block(after, "/x3")}


def test_a_folder_has_room_for_a_few_names_more() -> None:
    folder = Piece("/folder", FOLDER, 300, 32, 300, 0)
    before = plan_placement([ROOT, folder, *a_system(a=1)[1:]], BLOCK)
    grown = replace(folder, size=340, tail_bytes=340)
    after = plan_placement([ROOT, grown, *a_system(a=1)[1:]], BLOCK, before.places)

    assert find_unit(after, "/folder") == find_unit(before, "/folder")


def test_the_root_grows_where_it_is() -> None:
    before = plan_placement(a_system(a=1), BLOCK)
    root = replace(ROOT, size=2500, tail_bytes=2500)
    after = plan_placement([root, *a_system(a=1)[1:]], BLOCK, before.places)

    assert find_unit(after, "/") == find_unit(before, "/") == FIRST_UNIT
    assert not after.is_anew


def test_more_inodes_than_there_is_room_for_are_laid_out_anew() -> None:
    many = {f"f{number}": 0 for number in range(1000)}
    before = plan_placement(a_system(a=1), BLOCK)
    after = plan_placement(a_system(a=1, **many), BLOCK, before.places)

    assert after.is_anew
    assert list_faults(a_system(a=1, **many), after) == []


def test_a_record_larger_than_a_block_is_placed_so_that_its_tail_is_whole() -> None:
    large = [
        Piece(f"/{number}", FILE, 3000 + number, 64 + 4 * number, 3000 + number, 0) for number in range(0, 1050, 9)
    ]
    pieces = [ROOT, *large]

    assert list_faults(pieces, plan_placement(pieces, BLOCK)) == []


def test_a_record_that_fits_nowhere_is_refused() -> None:
    # A tail of a whole block must start with a block, and an inode of 36 bytes before it cannot.
    with pytest.raises(InvalidInput) as refusal:
        plan_placement([ROOT, Piece("/odd", FILE, BLOCK, 36, BLOCK, 0)], BLOCK)

    assert refusal.value.code == "erofs_malformed"


class System:
    """Ages as systems do: with each release some files grow a little, a few come and a few go."""

    def __init__(self, seed: int, files: int = 1500) -> None:
        self._chance = random.Random(seed)
        self._next = 0
        self._blocks: dict[str, int] = {}
        for _ in range(files):
            self._add()
        self._blocks["/folder-00/browser"] = sum(self._blocks.values()) // 8

    def list_pieces(self) -> list[Piece]:
        return [ROOT, *(a_file(path, blocks) for path, blocks in sorted(self._blocks.items()))]

    def age(self) -> None:
        paths = sorted(self._blocks)
        for path in self._chance.sample(paths, len(paths) // 25):
            self._blocks[path] = max(1, int(self._blocks[path] * self._chance.uniform(0.9, 1.2)))
        for path in self._chance.sample(paths, len(paths) // 100):
            del self._blocks[path]
        for _ in range(len(paths) // 90):
            self._add()

    def _add(self) -> None:
        self._next += 1
        blocks = min(4000, int(self._chance.paretovariate(0.9)))
        self._blocks[f"/folder-{self._chance.randrange(50):02}/file-{self._next}"] = blocks


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_thirty_releases_an_image_stays_small_and_is_seldom_laid_out_anew(seed: int) -> None:
    system = System(seed)
    placement = plan_placement(system.list_pieces(), BLOCK)
    times_anew = 0
    for _ in range(30):
        system.age()
        pieces = system.list_pieces()
        like = placement.places
        placement = plan_placement(pieces, BLOCK, like)
        times_anew += placement.is_anew
        assert placement.blocks <= plan_placement(pieces, BLOCK).blocks * 1.2
        assert placement.is_anew or find_moved(pieces, like, placement.places) == set()

    assert times_anew <= 5
