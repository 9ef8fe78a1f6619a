import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cebox.release.image.erofs import INODE_NUMBER_OFFSET, list_inodes
from cebox.release.image.tree import make_image
from cebox.release.slot import ImageFile
from tests.integration.release.erofs_trees import (
    describe_tree,
    describe_unpacked,
    find_faults,
    grow_tree,
    list_attributes,
    mount,
    run_tool,
    unpack,
)

BLOCK = 4096


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tree and its image; never changed."""
    folder = tmp_path_factory.mktemp("made")
    tree, image = grow_tree(folder / "tree"), folder / "image"
    make_image(tree, image, "erofs")
    return tree, image


def write_attributes(tree: Path, seed: int) -> None:
    """The same for every seed, written in another order: some that files share, several at one file."""
    paths = sorted(path for path in tree.glob("folder*/sub*/*") if path.name.startswith("file"))
    work = [(path, "user.shared", b"x" * (number % 3)) for number, path in enumerate(paths)]
    work += [(path, f"user.{name}", name.encode() * number) for path in paths[:20] for number, name in enumerate("bac")]
    random.Random(seed).shuffle(work)
    for path, name, value in work:
        try:
            os.setxattr(path, name, value)
        except OSError:
            pytest.skip(f"{tree} keeps no extended attributes")


def test_fsck_accepts_the_image(made: tuple[Path, Path]) -> None:
    assert find_faults(made[1]) == ""


def test_fsck_would_notice_a_wrong_checksum(made: tuple[Path, Path], tmp_path: Path) -> None:
    content = bytearray(made[1].read_bytes())
    content[2000] ^= 1
    (tmp_path / "wrong").write_bytes(content)

    assert "failed to verify superblock checksum" in find_faults(tmp_path / "wrong")


def test_the_image_unpacks_to_the_tree(made: tuple[Path, Path], tmp_path: Path) -> None:
    tree, image = made

    assert describe_unpacked(unpack(image, tmp_path / "unpacked")) == describe_unpacked(tree)


def test_the_mounted_image_is_the_tree(made: tuple[Path, Path], tmp_path: Path) -> None:
    tree, image = made
    with mount(image, tmp_path / "mounted") as mounted:
        assert describe_tree(mounted) == describe_tree(tree)


def test_the_inodes_carry_no_numbers(made: tuple[Path, Path]) -> None:
    content = made[1].read_bytes()
    with ImageFile(made[1], is_writable=False) as image:
        places = [inode.offset + INODE_NUMBER_OFFSET for inode in list_inodes(image)]

    assert len(places) > 300
    assert {content[place : place + 4] for place in places} == {bytes(4)}


@pytest.mark.parametrize("elsewhere", [Path("/dev/shm"), Path("/var/tmp")], ids=["memory", "disk"])
def test_the_image_does_not_depend_on_the_order_in_which_the_files_were_made(
    made: tuple[Path, Path], tmp_path: Path, elsewhere: Path
) -> None:
    if not os.access(elsewhere, os.W_OK):
        pytest.skip(f"there is no {elsewhere}")
    with TemporaryDirectory(dir=elsewhere) as folder:
        make_image(grow_tree(Path(folder) / "tree", seed=2), tmp_path / "image", "erofs")

    assert (tmp_path / "image").read_bytes() == made[1].read_bytes()


def test_the_image_does_not_depend_on_the_order_of_extended_attributes(tmp_path: Path) -> None:
    images = []
    for seed in (1, 2):
        tree, image = grow_tree(tmp_path / f"tree{seed}", seed=seed), tmp_path / f"image{seed}"
        write_attributes(tree, seed)
        make_image(tree, image, "erofs")
        images.append(image)
    assert images[0].read_bytes() == images[1].read_bytes()
    assert find_faults(images[0]) == ""

    with mount(images[0], tmp_path / "mounted") as mounted:
        assert list_attributes(mounted) == list_attributes(tmp_path / "tree1")
        assert describe_tree(mounted) == describe_tree(tmp_path / "tree1")


def test_one_file_more_changes_little_else(tmp_path: Path) -> None:
    tree = grow_tree(tmp_path / "tree", files=1000)
    make_image(tree, tmp_path / "before", "erofs")
    (tree / "folder0/sub0/a-new-file").write_text("new")
    make_image(tree, tmp_path / "after", "erofs")

    before, after = (
        [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
        for content in ((tmp_path / name).read_bytes() for name in ("before", "after"))
    )
    new = set(after) - set(before)
    # The new file's block, and the blocks of inodes and folders: about one for each 60 files.
    assert len(after) == len(before) + 1
    assert len(new) < 1000 / 30


def test_a_tree_that_belongs_to_high_users_keeps_them(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "theirs").write_text("theirs")
    os.chown(tree / "theirs", 3_000_000, 4_000_000)
    make_image(tree, tmp_path / "image", "erofs")

    assert find_faults(tmp_path / "image") == ""
    facts = run_tool("dump.erofs", "--path=/theirs", tmp_path / "image").stdout
    assert "Uid: 3000000   Gid: 4000000" in facts
