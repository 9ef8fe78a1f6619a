"""The initrd, made of a tree that holds this machine's own busybox, dmsetup and e2fsck."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cebox.image.initrd import make_initrd
from cebox.image.recipe import load_recipe
from cebox.kit.tools import find_tool

_KERNEL = "6.1.0-1-test"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_MODULES = ("erofs", "dm-verity", "ext4", "virtio_blk")
_BUILT_IN = ("sha256_generic", "crc32c_generic")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    for folder in ("bin", "usr/sbin", _LIBRARIES, f"usr/lib/modules/{_KERNEL}/kernel"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(find_tool("busybox"), tree / "bin/busybox")
    for program in ("dmsetup", "e2fsck"):
        shutil.copy(find_tool(program), tree / "usr/sbin" / program)
        said = subprocess.run(["ldd", find_tool(program)], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"(/lib\S*/\S+) \(", said):
            shutil.copy(library, tree / _LIBRARIES / Path(library).name)
    modules = tree / "usr/lib/modules" / _KERNEL
    for name in _MODULES:
        (modules / f"kernel/{name}.ko").write_bytes(name.encode() * 2000)
    (modules / "modules.dep").write_text("".join(f"kernel/{name}.ko:\n" for name in _MODULES))
    (modules / "modules.builtin").write_text("".join(f"kernel/{name}.ko\n" for name in _BUILT_IN))
    return tree


def make(tree: Path) -> bytes:
    return make_initrd(tree, _KERNEL, load_recipe("cloud").initrd_init, ["virtio_blk"])


def unpack(archive: bytes, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["busybox", "cpio", "-i", "-d"], cwd=folder, input=archive, check=True, capture_output=True)
    return folder


def test_the_same_tree_gives_the_same_bytes(tree: Path) -> None:
    assert make(tree) == make(tree)


def test_modules_are_listed_in_the_order_they_are_inserted(tree: Path, tmp_path: Path) -> None:
    folder = unpack(make(tree), tmp_path / "initrd")

    order = (folder / "lib/modules/order").read_text().split()
    assert order == ["erofs.ko", "dm-verity.ko", "ext4.ko", "virtio_blk.ko"]
    assert all((folder / "lib/modules" / name).is_file() for name in order)


@pytest.mark.parametrize("program", ["dmsetup", "e2fsck"])
def test_every_program_finds_its_libraries_there(program: str, tree: Path, tmp_path: Path) -> None:
    folder = unpack(make(tree), tmp_path / "initrd")

    loader = folder / "lib64/ld-linux-x86-64.so.2"
    listed = subprocess.run(
        [loader, "--library-path", folder / "lib", "--list", folder / "bin" / program],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    places = re.findall(r"=> (\S+)", listed)
    assert places
    assert all(place.startswith(str(folder)) for place in places)


def test_the_script_is_one_that_busybox_understands(tree: Path, tmp_path: Path) -> None:
    folder = unpack(make(tree), tmp_path / "initrd")

    subprocess.run([folder / "bin/busybox", "sh", "-n", folder / "init"], check=True)
