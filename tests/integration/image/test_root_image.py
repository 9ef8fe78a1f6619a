"""A root image with its hash tree: what the initrd and the boot image rely on."""

import hashlib
import random
import subprocess
from pathlib import Path

import pytest

from cebox.image.verity import BLOCK_BYTES, append_tree
from cebox.kit.tools import find_tool
from cebox.release.image.erofs import read_layout
from cebox.release.image.tree import make_image
from cebox.release.slot import ImageFile


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    chance = random.Random(4)
    tree = tmp_path / "tree"
    for number in range(40):
        path = tree / f"usr/lib/{number % 5}/file-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randrange(60_000)))
    return tree


def make_root(tree: Path, target: Path, like: Path | None = None) -> str:
    make_image(tree, target, "erofs", like)
    return append_tree(target).root_hash


def read_block(image: Path, number: int) -> bytes:
    with image.open("rb") as stream:
        stream.seek(number * BLOCK_BYTES)
        return stream.read(BLOCK_BYTES)


def list_changed(old: Path, new: Path) -> list[int]:
    blocks = max(old.stat().st_size, new.stat().st_size) // BLOCK_BYTES
    return [number for number in range(blocks) if read_block(old, number) != read_block(new, number)]


def test_the_root_hash_is_the_hash_of_the_block_behind_the_superblock(tree: Path, tmp_path: Path) -> None:
    """So the initrd can tell which slot its boot image belongs to."""
    image = tmp_path / "root.img"
    make_image(tree, image, "erofs")

    verity = append_tree(image)

    assert hashlib.sha256(read_block(image, verity.blocks + 1)).hexdigest() == verity.root_hash


def test_veritysetup_itself_finds_every_block_right(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "root.img"
    make_image(tree, image, "erofs")
    verity = append_tree(image)

    offset = f"--hash-offset={verity.blocks * BLOCK_BYTES}"
    subprocess.run(
        [find_tool("veritysetup"), "verify", image, image, verity.root_hash, offset], check=True, capture_output=True
    )


def test_the_same_tree_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.img", tmp_path / "other.img"

    assert make_root(tree, one) == make_root(tree, other)
    assert one.read_bytes() == other.read_bytes()


def test_files_keep_their_place_although_a_hash_tree_follows_them(tree: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old.img", tmp_path / "new.img"
    make_root(tree, old)
    changed = tree / "usr/lib/3/file-13"
    changed.write_bytes(changed.read_bytes()[::-1])

    make_root(tree, new, like=old)

    with ImageFile(new, is_writable=False) as image:
        (place,) = (one for one in read_layout(image).files if one.path == "/usr/lib/3/file-13")
    of_file = range(place.offset // BLOCK_BYTES, (place.offset + place.length) // BLOCK_BYTES)
    # Besides the file, the hashes of its blocks and the hash of those.
    assert set(of_file) <= set(list_changed(old, new))
    assert len(list_changed(old, new)) <= len(of_file) + 3
