"""Single segments, made in a slot that does not keep what is written to it."""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from cebox.errors import Untrusted
from cebox.release.applying.maker import Maker
from cebox.release.codecs import get_codec
from cebox.release.manifest import Bounds
from cebox.release.patch import Extent, Extents, Operation, Segment
from cebox.release.slot import ImageFile
from tests.integration.release.samples import make_slot

SIZE = 3 << 20
CONTENT = random.Random(21).randbytes(SIZE)
WHOLE = (Extent(0, SIZE),)
BOUNDS = Bounds(segment_bytes=SIZE, dictionary_bytes=SIZE, window_bytes=1 << 24, memory_bytes=1 << 26)

Make = Callable[[Maker], None]


class ForgetfulSlot(ImageFile):
    """Says that everything is written, and spoils the last byte."""

    def write_chunks(self, extents: Extents, chunks: Iterable[bytes | bytearray | memoryview]) -> None:
        super().write_chunks(extents, chunks)
        last = Extent(extents[-1].offset + extents[-1].length - 1, 1)
        super().write_chunks((last,), (b"?",))


def copy(maker: Maker) -> None:
    maker.copy(Segment(Operation.COPY, WHOLE, hashlib.sha256(CONTENT).digest(), old=WHOLE))


def clear(maker: Maker) -> None:
    maker.write_zeroes(Segment(Operation.ZERO, WHOLE))


def decode(codec: str, content: bytes = CONTENT) -> Make:
    payload = bytearray(get_codec(codec).encode(content, b"", 1))
    segment = Segment(Operation.PAYLOAD, WHOLE, hashlib.sha256(CONTENT).digest(), codec=codec)
    return lambda maker: maker.decode(segment, payload)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ImageFile]:
    (tmp_path / "running.img").write_bytes(CONTENT)
    with ImageFile(tmp_path / "running.img", is_writable=False) as running:
        yield running


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    return make_slot(tmp_path / "slot.img", SIZE)


def make_in(target: ImageFile, running: ImageFile, make: Make) -> None:
    make(Maker(BOUNDS, running, target, verify_going=lambda: None, note_written=lambda count: None))


@pytest.mark.parametrize("make", [copy, decode("zstd"), decode("lzma")], ids=["copied", "decoded", "decoded in pieces"])
def test_what_is_made_stands_in_the_slot(slot: Path, running: ImageFile, make: Make) -> None:
    with ImageFile(slot, is_writable=True) as target:
        make_in(target, running, make)

    assert slot.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "make", [copy, decode("zstd"), decode("lzma"), clear], ids=["copied", "decoded", "decoded in pieces", "zeroes"]
)
def test_a_slot_that_does_not_keep_what_is_written_is_a_fault_of_the_disk(
    slot: Path, running: ImageFile, make: Make
) -> None:
    slot.write_bytes(b"?" * SIZE)
    with ForgetfulSlot(slot, is_writable=True) as target, pytest.raises(OSError, match="does not stand there"):
        make_in(target, running, make)


def test_a_source_with_other_bytes_is_damage(slot: Path, running: ImageFile, tmp_path: Path) -> None:
    (tmp_path / "running.img").write_bytes(CONTENT[:-1] + b"?")

    assert refuse(slot, running, copy) == "old_slot_damaged"


def test_a_source_that_ends_early_is_damage(slot: Path, running: ImageFile, tmp_path: Path) -> None:
    (tmp_path / "running.img").write_bytes(CONTENT[: SIZE // 2])

    assert refuse(slot, running, copy) == "old_slot_damaged"


@pytest.mark.parametrize("codec", ["zstd", "lzma"])
def test_a_payload_that_makes_other_bytes_is_the_vendors_fault(slot: Path, running: ImageFile, codec: str) -> None:
    assert refuse(slot, running, decode(codec, CONTENT[:-1] + b"?")) == "patch_malformed"


def refuse(slot: Path, running: ImageFile, make: Make) -> str:
    with ImageFile(slot, is_writable=True) as target, pytest.raises(Untrusted) as refusal:
        make_in(target, running, make)
    return refusal.value.code
