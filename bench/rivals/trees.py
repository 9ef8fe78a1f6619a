"""Systems as files: what a method that works on trees sees of them, and whether two are the same."""

import filecmp
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from bench.rivals.result import WrongResult

# Device nodes: no method that works on files carries them.
_LEFT_OUT = "dev"


def list_paths(tree: Path) -> Iterator[Path]:
    """All files and links of a tree, relative to it, in order."""
    for folder, names, files in os.walk(tree):
        names.sort()
        here = Path(folder)
        if here == tree and _LEFT_OUT in names:
            names.remove(_LEFT_OUT)
        links = [name for name in names if (here / name).is_symlink()]
        yield from ((here / name).relative_to(tree) for name in sorted(files + links))


def hash_files(tree: Path) -> dict[str, str]:
    """The SHA-256 of every regular file by its path."""
    found = {}
    for path in list_paths(tree):
        if not (tree / path).is_symlink():
            with (tree / path).open("rb") as stream:
                found[str(path)] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def verify_tree(found: Path, expected: Path) -> None:
    """The same paths, the same content behind each. Raises WrongResult."""
    paths = list(list_paths(expected))
    if list(list_paths(found)) != paths:
        raise WrongResult(f"{found} has other files than {expected}")
    for path in paths:
        one, other = found / path, expected / path
        if other.is_symlink():
            is_same = one.is_symlink() and one.readlink() == other.readlink()
        else:
            is_same = filecmp.cmp(one, other, shallow=False)
        if not is_same:
            raise WrongResult(f"{one} is not {other}")
