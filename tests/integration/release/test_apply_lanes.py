"""The lanes of an apply against one another: every order of errors, stops and waits that can be brought about."""

import gc
import hashlib
import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cebox.errors import CeboxError, Conflict, Unavailable, Untrusted
from cebox.release.applying.apply import Applied, apply_best, apply_image
from cebox.release.applying.budget import Budget
from cebox.release.manifest import Image
from cebox.release.network.transport import FolderTransport
from cebox.release.patch import Operation, Segment, most_payload_bytes
from tests.integration.release.handmade import BLOCK, Handmade, PatchMaker, make_plain, make_tangled
from tests.integration.release.samples import make_slot, read_slot

TINY, LARGE = 1, 64 << 20
SEEDS = range(4)


class SmallChunks(FolderTransport):
    """A repository that sends little at a time, and tells before each chunk how much it has sent."""

    def __init__(self, folder: Path, before: Callable[[int], None] = lambda sent_bytes: None) -> None:
        super().__init__(folder)
        self._before = before

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        for chunk in super().read(path, start, length):
            for at in range(0, len(chunk), 5000):
                self._before(self.received_bytes)
                yield chunk[at : at + 5000]


class SilentTransport(FolderTransport):
    """A repository that stays connected and sends nothing more after so many bytes."""

    def __init__(self, folder: Path, silent_after_bytes: int) -> None:
        super().__init__(folder)
        self._silent_after_bytes = silent_after_bytes

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        for chunk in super().read(path, start, length):
            yield chunk
            while self.received_bytes > self._silent_after_bytes:
                yield b""


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    threads, descriptors = set(threading.enumerate()), count_descriptors()
    yield
    assert set(threading.enumerate()) == threads
    assert count_descriptors() == descriptors


def count_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the listing itself opens one, both times


def follow(
    made: Handmade,
    slot: Path,
    *,
    transport: FolderTransport | None = None,
    memory_bytes: int = LARGE,
    decoders: int = 2,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Applied:
    return apply_image(
        made.way,
        made.image,
        transport or FolderTransport(made.folder),
        slot=slot,
        old=made.running if made.old else None,
        budget=Budget(memory_bytes=memory_bytes, decoders=decoders),
        resume=resume,
        progress=progress,
        should_stop=should_stop,
    )


def refuse(work: Callable[[], object]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    # The traceback holds what the work had open.
    return refusal.value.with_traceback(None)


def empty_slot(folder: Path, made: Handmade) -> Path:
    return make_slot(folder / "slot.img", made.image.size)


def spoil(wrong: int) -> Callable[[int, Segment], Segment]:
    """The vendor's own fault: segment number `wrong` makes other bytes than its hash says."""
    return lambda number, one: replace(one, sha256=bytes(32)) if number == wrong else one


@pytest.fixture(scope="module", params=SEEDS)
def tangled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Handmade:
    return make_tangled(tmp_path_factory.mktemp("tangled") / "repository", request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Handmade:
    return make_plain(tmp_path_factory.mktemp("plain") / "repository")


@pytest.mark.parametrize("decoders", [1, 2, 5])
@pytest.mark.parametrize("memory_bytes", [TINY, 200_000, LARGE])
def test_any_number_of_decoders_and_any_memory_give_the_same_bytes(
    tangled: Handmade, tmp_path: Path, decoders: int, memory_bytes: int
) -> None:
    slot = empty_slot(tmp_path, tangled)

    applied = follow(tangled, slot, decoders=decoders, memory_bytes=memory_bytes)

    assert read_slot(slot, tangled.image) == tangled.new
    assert applied.skipped_segments == 0
    assert applied.received_bytes == tangled.way.blob.size


@pytest.mark.parametrize("memory_bytes", [TINY, LARGE])
def test_a_stop_at_any_point_is_heard(tangled: Handmade, tmp_path: Path, memory_bytes: int) -> None:
    slot = empty_slot(tmp_path, tangled)
    stops = 0
    for patience in itertools.count(1, 17):
        asked = iter(range(patience))
        try:
            follow(
                tangled,
                slot,
                transport=SmallChunks(tangled.folder),
                memory_bytes=memory_bytes,
                should_stop=lambda asked=asked: next(asked, None) is None,  # type: ignore[misc] # bound now
            )
        except Conflict:
            stops += 1
        else:
            break

    assert stops > 5
    assert read_slot(slot, tangled.image) == tangled.new


def test_what_a_stop_left_behind_is_resumed(tangled: Handmade, tmp_path: Path) -> None:
    slot, transport = empty_slot(tmp_path, tangled), SmallChunks(tangled.folder)
    half = tangled.way.blob.size // 2
    refuse(lambda: follow(tangled, slot, transport=transport, should_stop=lambda: transport.received_bytes > half))

    applied = follow(tangled, slot, resume=True)

    assert read_slot(slot, tangled.image) == tangled.new
    assert applied.skipped_segments > 0


@pytest.mark.parametrize("memory_bytes", [TINY, LARGE])
def test_an_update_that_is_stopped_again_and_again_comes_to_its_end(
    plain: Handmade, tmp_path: Path, memory_bytes: int
) -> None:
    slot = empty_slot(tmp_path, plain)
    most_lost_bytes = 3 * most_payload_bytes(plain.way.bounds.segment_bytes)
    received_bytes, runs = 0, 0
    applied = None
    while applied is None:
        runs += 1
        transport = SmallChunks(plain.folder)
        try:
            applied = follow(
                plain,
                slot,
                transport=transport,
                memory_bytes=memory_bytes,
                decoders=1,
                resume=True,
                should_stop=lambda transport=transport: transport.received_bytes > 700_000,  # type: ignore[misc] # bound now
            )
        except Conflict:
            assert runs < 20
        received_bytes += transport.received_bytes

    assert read_slot(slot, plain.image) == plain.new
    assert received_bytes <= plain.way.blob.size + runs * (most_lost_bytes + plain.way.index_bytes)


@pytest.mark.parametrize("wrong", [0, 1, 7, 20])
@pytest.mark.parametrize("memory_bytes", [TINY, LARGE])
def test_a_wrong_segment_stops_every_lane(tmp_path: Path, wrong: int, memory_bytes: int) -> None:
    chance = random.Random(5)
    maker = PatchMaker(b"")
    for number in range(21):
        content = chance.randbytes(10 * BLOCK)
        maker.payload(list(range(number * 10, number * 10 + 10)), content)
    made = maker.write(tmp_path / "repository", spoil(wrong))

    refusal = refuse(lambda: follow(made, empty_slot(tmp_path, made), memory_bytes=memory_bytes))

    assert isinstance(refusal, Untrusted)
    assert refusal.code == "patch_malformed"


def test_a_wrong_segment_is_noticed_while_the_network_is_silent(tmp_path: Path) -> None:
    maker = PatchMaker(b"")
    for number in range(4):
        maker.payload([number], random.Random(number).randbytes(BLOCK))
    made = maker.write(tmp_path / "repository", spoil(0))
    # All but the last payload's end.
    silent = SilentTransport(made.folder, made.way.index_bytes + 1)

    assert refuse(lambda: follow(made, empty_slot(tmp_path, made), transport=silent)).code == "patch_malformed"


def test_a_stop_is_heard_while_the_network_is_silent(plain: Handmade, tmp_path: Path) -> None:
    silent = SilentTransport(plain.folder, 400_000)
    refusal = refuse(
        lambda: follow(
            plain, empty_slot(tmp_path, plain), transport=silent, should_stop=lambda: silent.received_bytes > 400_000
        )
    )

    assert refusal.code == "update_cancelled"


def test_copies_go_on_while_the_network_is_silent(plain: Handmade, tmp_path: Path) -> None:
    slot = empty_slot(tmp_path, plain)
    copied = plain.segments[39].target[0].offset + plain.segments[39].target[0].length
    assert plain.segments[39].operation is Operation.COPY
    silent = SilentTransport(plain.folder, plain.way.index_bytes)

    refuse(
        lambda: follow(
            plain,
            slot,
            transport=silent,
            should_stop=lambda: slot.read_bytes()[:copied] == plain.new[:copied],
        )
    )

    assert slot.read_bytes()[:copied] == plain.new[:copied]


def test_an_error_of_the_network_reaches_the_caller_as_it_is(plain: Handmade, tmp_path: Path) -> None:
    def cut(sent_bytes: int) -> None:
        if sent_bytes > 500_000:
            raise Unavailable("repository_unreachable", "gone")

    slot = empty_slot(tmp_path, plain)
    refusal = refuse(lambda: follow(plain, slot, transport=SmallChunks(plain.folder, cut)))
    assert refusal.code == "repository_unreachable"

    follow(plain, slot, resume=True)

    assert read_slot(slot, plain.image) == plain.new


def test_an_error_in_the_callers_own_function_reaches_the_caller(plain: Handmade, tmp_path: Path) -> None:
    def progress(done_bytes: int, total_bytes: int) -> None:
        if done_bytes > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(plain, empty_slot(tmp_path, plain), progress=progress)


def test_the_callers_functions_are_called_in_its_thread_and_progress_never_goes_back(
    tangled: Handmade, tmp_path: Path
) -> None:
    threads: set[int] = set()
    seen: list[int] = []

    def progress(done_bytes: int, total_bytes: int) -> None:
        threads.add(threading.get_ident())
        seen.append(done_bytes)

    def should_stop() -> bool:
        threads.add(threading.get_ident())
        return False

    follow(tangled, empty_slot(tmp_path, tangled), progress=progress, should_stop=should_stop)

    assert threads == {threading.get_ident()}
    assert seen == sorted(seen)
    assert seen[-1] == tangled.way.blob.size


def test_what_is_there_is_neither_fetched_nor_written_again(tangled: Handmade, tmp_path: Path) -> None:
    slot = empty_slot(tmp_path, tangled)
    follow(tangled, slot)
    written_at = slot.stat().st_mtime_ns

    applied = follow(tangled, slot, resume=True)

    assert applied.skipped_segments == applied.segments == len(tangled.segments)
    assert applied.received_bytes == tangled.way.index_bytes
    assert slot.stat().st_mtime_ns == written_at


def harm(made: Handmade, block: int) -> None:
    with made.running.open("r+b") as stream:
        stream.seek(block * BLOCK + 17)
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 1]))


def add_full_way(made: Handmade, *, blocks: int = 16) -> Image:
    """The image with both ways, and the full one's blob in the same repository."""
    maker = PatchMaker(b"")
    total = len(made.new) // BLOCK
    for start in range(0, total, blocks):
        own = list(range(start, min(start + blocks, total)))
        maker.payload(own, made.new[own[0] * BLOCK : (own[-1] + 1) * BLOCK])
    full = maker.write(made.folder / "full")
    place = made.folder / full.way.blob.path
    place.parent.mkdir(parents=True, exist_ok=True)
    (full.folder / full.way.blob.path).rename(place)
    return Image(name="root", size=made.image.size, sha256=made.image.sha256, ways=(full.way, made.way))


def best(made: Handmade, image: Image, slot: Path) -> Applied:
    running_sha256 = hashlib.sha256(made.old).hexdigest()
    return apply_best(image, running_sha256, FolderTransport(made.folder), slot=slot, old=made.running)


@pytest.mark.parametrize("place", ["copied", "dictionary"])
def test_damage_in_the_old_slot_costs_the_segments_it_is_in_and_no_more(tmp_path: Path, place: str) -> None:
    made = make_plain(tmp_path / "repository")
    image, slot = add_full_way(made), empty_slot(tmp_path, made)
    harm(made, {"copied": 20 * 16 + 3, "dictionary": 60 * 16 + 3}[place])

    applied = best(made, image, slot)

    assert (applied.way, applied.fell_back) == ("full", "old_slot_damaged")
    assert read_slot(slot, image) == made.new
    assert applied.segments - applied.skipped_segments == 1
    heads = sum(way.index_bytes for way in image.ways)
    assert applied.received_bytes <= made.way.blob.size + heads + most_payload_bytes(16 * BLOCK)


def test_what_reads_from_a_lost_segment_is_lost_too_and_made_the_full_way(tmp_path: Path) -> None:
    chance = random.Random(9)
    maker = PatchMaker(chance.randbytes(400 * BLOCK))
    for number in range(16):
        own = list(range(number * 20, number * 20 + 20))
        maker.copy(own, old=own)
    maker.payload([320], chance.randbytes(BLOCK), "zstd-dict", new=[105])
    maker.copy([321], new=[320])
    maker.copy([322], new=[0])
    made = maker.write(tmp_path / "repository")
    image, slot = add_full_way(made, blocks=1), empty_slot(tmp_path, made)
    harm(made, 101)

    applied = best(made, image, slot)

    assert applied.fell_back == "old_slot_damaged"
    assert read_slot(slot, image) == made.new
    # The harmed block, and the two that would have been made with it; the others of its segment are there.
    assert applied.segments - applied.skipped_segments == 3


def test_a_slot_that_is_damaged_all_over_is_given_up_early(tmp_path: Path) -> None:
    made = make_plain(tmp_path / "repository")
    for segment in range(40, 80):
        harm(made, segment * 16)
    transport = SmallChunks(made.folder)

    refusal = refuse(lambda: follow(made, empty_slot(tmp_path, made), transport=transport))

    assert refusal.code == "old_slot_damaged"
    assert transport.received_bytes < made.way.blob.size // 2


@pytest.mark.parametrize("fault", ["another image", "too small"])
def test_a_slot_that_holds_something_else_is_refused_before_anything_but_the_list_is_fetched(
    tmp_path: Path, fault: str
) -> None:
    made = make_plain(tmp_path / "repository")
    other = random.Random(11).randbytes(len(made.old))
    made.running.write_bytes(other if fault == "another image" else made.old[:-1])
    transport = FolderTransport(made.folder)

    refusal = refuse(lambda: follow(made, empty_slot(tmp_path, made), transport=transport))

    assert refusal.code == "old_slot_damaged"
    assert transport.received_bytes == made.way.index_bytes


def test_a_segment_larger_than_all_memory_is_made_alone(tmp_path: Path) -> None:
    chance = random.Random(13)
    maker = PatchMaker(b"")
    for number in range(10):
        start = number * 300
        count = 300 if number == 5 else 8
        maker.payload(list(range(start, start + count)), chance.randbytes(count * BLOCK))
        if count < 300:
            maker.zero(list(range(start + count, start + 300)))
    made = maker.write(tmp_path / "repository")
    slot = empty_slot(tmp_path, made)

    follow(made, slot, memory_bytes=400_000, decoders=3)

    assert read_slot(slot, made.image) == made.new
