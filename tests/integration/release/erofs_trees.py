"""Trees with all that a file system holds, and the images that erofs-utils makes of them."""

import hashlib
import os
import random
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZES = (0, 1, 100, 4095, 4096, 4097, 20_000)


def _find_tool(name: str) -> str:
    tool = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert tool is not None, f"{name} is not installed: the Debian package erofs-utils has it"
    return tool


def run_tool(name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [_find_tool(name), *map(str, arguments)], capture_output=True, text=True, errors="replace", timeout=60
    )


def find_faults(image: Path) -> str:
    """What fsck.erofs says of it. (Its exit code says nothing: version 1.5 ends with 0 whatever it finds.)"""
    said = run_tool("fsck.erofs", "-d3", image)
    output = said.stdout + said.stderr
    return "" if "No errors found" in output and "<E>" not in output else output


def unpack(image: Path, folder: Path) -> Path:
    done = run_tool("fsck.erofs", f"--extract={folder}", "--preserve-perms", image)
    assert "<E>" not in done.stdout + done.stderr, done.stderr
    return folder


@contextmanager
def mount(image: Path, folder: Path) -> Iterator[Path]:
    """Skips where the machine, or the rights, do not allow it."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "erofs", "-o", "loop,ro", image, folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no erofs image can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def describe_unpacked(folder: Path) -> dict[str, tuple[object, ...]]:
    """As `describe_tree`, without saying which names are one file's: fsck.erofs writes each of them anew."""
    return {name: facts[:-1] for name, facts in describe_tree(folder).items()}


def grow_tree(tree: Path, *, seed: int = 1, files: int = 300) -> Path:
    """The same tree for every seed, made in another order: files of all sizes, links of both kinds, a pipe."""
    numbers = list(range(files))
    random.Random(seed).shuffle(numbers)
    for number in numbers:
        path = tree / f"folder{number % 7}" / f"sub{number % 3}" / f"file-{number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pattern = random.Random(number).randbytes(20_000 if number % 2 else 50)
        path.write_bytes((pattern * 400)[: SIZES[number % len(SIZES)]])
        path.chmod(0o755 if number % 2 else 0o640)
    first = tree / "folder0/sub0/file-0021"
    links = ["folder3/also", "a-name", "z-name", "folder0/sub0/again"]
    random.Random(seed).shuffle(links)
    for name in links:
        (tree / name).hardlink_to(first)
    (tree / "shortcut").symlink_to("folder0/sub0")
    (tree / "folder1/nowhere").symlink_to("n" * 200)
    (tree / os.fsdecode(b"\xe9t\xe9 \xff")).write_text("a name that is no UTF-8")
    os.mkfifo(tree / "pipe")
    (tree / "empty").mkdir()
    for path in (tree, *tree.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    return tree


def describe_tree(tree: Path) -> dict[str, tuple[object, ...]]:
    """What must be the same in an image: kind, mode, size, content or target, and which names are one file's."""
    found: dict[str, tuple[object, ...]] = {}
    names: dict[int, str] = {}
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(tree))
        first = names.setdefault(status.st_ino, name)
        size = 0 if path.is_dir() else status.st_size
        found[name] = (stat.filemode(status.st_mode), size, _describe_content(path, status.st_mode), first)
    return found


def _describe_content(path: Path, mode: int) -> str:
    if stat.S_ISREG(mode):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return str(path.readlink()) if stat.S_ISLNK(mode) else ""


def list_attributes(tree: Path) -> dict[str, dict[str, bytes]]:
    found = {}
    for path in tree.rglob("*"):
        names = [name for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")]
        if names:
            found[str(path.relative_to(tree))] = {name: os.getxattr(path, name) for name in names}
    return found
