import random
from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.release.image.erofs import FilePlace, Layout, is_erofs, list_inodes, read_layout
from cebox.release.slot import ImageFile
from tests.unit.release import hostile_erofs as hostile

BLOCK = hostile.BLOCK_BYTES


def read(folder: Path, content: bytes) -> Layout:
    path = folder / "image"
    path.write_bytes(content)
    with ImageFile(path, is_writable=False) as image:
        return read_layout(image)


def refuse(folder: Path, content: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        read(folder, content)
    return refusal.value


def test_the_files_of_a_sound_image_are_found_in_their_places(tmp_path: Path) -> None:
    layout = read(tmp_path, bytes(hostile.sound().content))

    assert layout == Layout(
        block_bytes=BLOCK,
        size_bytes=8 * BLOCK,
        files=(
            FilePlace("/also-tool", 2 * BLOCK, 2 * BLOCK, 5000),
            FilePlace("/sub/de\udce9p", 4 * BLOCK, BLOCK, 1),
            FilePlace("/large", 5 * BLOCK, 2 * BLOCK, 2 * BLOCK + 1),
        ),
    )


def test_every_inode_is_listed_once_whatever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(hostile.sound().content)
    with ImageFile(path, is_writable=False) as image:
        places = sorted(inode.offset // 32 for inode in list_inodes(image))

    named = {hostile.ROOT, hostile.TOOL, hostile.EMPTY, hostile.SHORTCUT, hostile.SUB, hostile.DEEP, hostile.LARGE}
    assert places == sorted(named)


def test_what_lies_behind_the_filesystem_is_no_part_of_it(tmp_path: Path) -> None:
    content = bytes(hostile.sound().content)

    assert read(tmp_path, content + b"hashes" * 1000) == read(tmp_path, content)


@pytest.mark.parametrize("name", hostile.MALFORMED)
def test_a_malformed_image_is_refused(name: str, tmp_path: Path) -> None:
    assert refuse(tmp_path, hostile.MALFORMED[name]()).code == "erofs_malformed"


@pytest.mark.parametrize("name", hostile.UNSUPPORTED)
def test_an_image_of_an_unknown_kind_is_refused_as_such(name: str, tmp_path: Path) -> None:
    assert refuse(tmp_path, hostile.UNSUPPORTED[name]()).code == "erofs_unsupported"


def test_no_mutation_of_a_sound_image_does_more_than_be_refused() -> None:
    chance = random.Random(11)
    sound = bytes(hostile.sound().content)
    places = [place for place, byte in enumerate(sound) if byte or 1024 <= place < 2 * BLOCK]
    codes = set()
    for _ in range(2000):
        content = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            content[chance.choice(places)] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
        try:
            read_layout(hostile.MemoryImage(bytes(content)))
        except InvalidInput as refusal:
            codes.add(refusal.code)

    assert codes == {"erofs_malformed", "erofs_unsupported"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [(bytes(hostile.sound().content), True), (b"", False), (bytes(5000), False), (b"\xe2\xe1\xf5\xe0", False)],
)
def test_an_image_is_known_by_its_superblock(content: bytes, expected: bool, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    with ImageFile(path, is_writable=False) as image:
        assert is_erofs(image) is expected
