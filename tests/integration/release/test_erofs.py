import hashlib
import stat
from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.release.image.erofs import Layout, list_inodes, read_layout
from cebox.release.image.normalise import normalise_erofs
from cebox.release.slot import ImageFile
from tests.integration.release.erofs_trees import (
    SIZES,
    describe_tree,
    describe_unpacked,
    find_faults,
    grow_tree,
    run_tool,
    unpack,
)

BLOCK = 4096


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never changed."""
    return grow_tree(tmp_path_factory.mktemp("erofs") / "tree")


def make(tree: Path, image: Path, *options: str) -> Path:
    done = run_tool("mkfs.erofs", "--quiet", *options, image, tree)
    assert done.returncode == 0, done.stderr
    return image


def read(path: Path) -> Layout:
    with ImageFile(path, is_writable=False) as image:
        return read_layout(image)


@pytest.mark.parametrize("form", ["force-inode-compact", "force-inode-extended"])
def test_every_file_lies_where_the_layout_says(tree: Path, tmp_path: Path, form: str) -> None:
    image = make(tree, tmp_path / "image", f"-Enoinline_data,{form}")
    content = image.read_bytes()
    layout = read(image)

    assert layout.block_bytes == BLOCK
    assert layout.size_bytes == len(content)
    for place in layout.files:
        there = (tree / place.path[1:]).read_bytes()
        assert content[place.offset : place.offset + place.size] == there
        assert place.length == -(-len(there) // BLOCK) * BLOCK


def test_every_file_with_content_is_there_once(tree: Path, tmp_path: Path) -> None:
    layout = read(make(tree, tmp_path / "image", "-Enoinline_data"))

    facts = describe_tree(tree)
    firsts = {facts[place.path[1:]][-1] for place in layout.files}
    assert len(firsts) == len(layout.files)
    assert firsts == {first for mode, size, _, first in facts.values() if str(mode).startswith("-") and size}


def test_the_whole_blocks_of_files_with_tails_beside_their_inodes_are_found(tree: Path, tmp_path: Path) -> None:
    image = make(tree, tmp_path / "image")
    content = image.read_bytes()
    layout = read(image)

    assert layout.files
    for place in layout.files:
        there = (tree / place.path[1:]).read_bytes()
        shared = min(place.length, len(there))
        assert content[place.offset : place.offset + shared] == there[:shared]
    inline = [place for place in layout.files if place.length < place.size]
    assert {place.size for place in inline} >= {size for size in SIZES if size > BLOCK}


def test_a_folder_of_many_blocks_is_read_whole(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    names = [f"{number:04}-{hashlib.sha256(bytes([number % 256])).hexdigest()}" for number in range(500)]
    for name in names:
        (tree / name).write_text(name)
    layout = read(make(tree, tmp_path / "image", "-Enoinline_data"))

    assert sorted(place.path[1:] for place in layout.files) == sorted(names)
    assert list(layout.files) == sorted(layout.files, key=lambda place: place.offset)


@pytest.mark.parametrize("option", ["-zlz4hc", "--chunksize=4096"])
def test_a_compressed_or_chunked_image_is_refused_politely(tree: Path, tmp_path: Path, option: str) -> None:
    image = make(tree, tmp_path / "image", option)
    with pytest.raises(InvalidInput) as refusal:
        read(image)

    assert refusal.value.code == "erofs_unsupported"
    assert "without compression" in refusal.value.hint


@pytest.mark.parametrize("form", ["force-inode-compact", "force-inode-extended"])
@pytest.mark.parametrize("layout", ["inline", "noinline_data"])
def test_a_normalised_image_holds_the_same_files(tree: Path, tmp_path: Path, form: str, layout: str) -> None:
    options = [form] if layout == "inline" else [form, layout]
    image = make(tree, tmp_path / "image", f"-E{','.join(options)}")
    with ImageFile(image, is_writable=True) as opened:
        before = read_layout(opened)
        kinds = [stat.S_IFMT(inode.mode) for inode in list_inodes(opened)]
        normalise_erofs(opened)
        assert read_layout(opened) == before
        assert [stat.S_IFMT(inode.mode) for inode in list_inodes(opened)] == kinds

    assert find_faults(image) == ""
    assert describe_unpacked(unpack(image, tmp_path / "unpacked")) == describe_unpacked(tree)


def test_an_image_without_a_checksum_gets_none(tree: Path, tmp_path: Path) -> None:
    image = make(tree, tmp_path / "image", "-Enosbcrc")
    with ImageFile(image, is_writable=True) as opened:
        normalise_erofs(opened)

    assert image.read_bytes()[1028:1032] == bytes(4)
    assert find_faults(image) == ""


def test_normalising_again_changes_nothing(tree: Path, tmp_path: Path) -> None:
    image = make(tree, tmp_path / "image", "-Enoinline_data")
    contents = []
    for _ in range(2):
        with ImageFile(image, is_writable=True) as opened:
            normalise_erofs(opened)
        contents.append(image.read_bytes())

    assert contents[0] == contents[1]
