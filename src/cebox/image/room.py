"""Whether a disk has room for a build: asked before minutes of work, not found out after them."""

import os
import shutil
from pathlib import Path

from cebox.errors import Exhausted

_MIB = 1 << 20
_BLOCK_BYTES = 512
# Beside one another for a while: a copy of the tree, its image as it was made and as it is laid out, and the patches.
_HALVES_OF_TREE = 7


def verify_room(tree: Path, output: Path) -> None:
    """For a release made from `tree` in the folder `output`, be it there or not. Raises Exhausted (`disk_full`)."""
    verify_free_bytes(measure_tree(tree) * _HALVES_OF_TREE // 2, output)


def verify_free_bytes(needed: int, output: Path) -> None:
    """Raises Exhausted (`disk_full`) and OSError."""
    free = shutil.disk_usage(_find_existing(output)).free
    if free < needed:
        raise Exhausted(
            "disk_full",
            f"a build in {output} takes {-(-needed // _MIB)} MiB for a while, {free // _MIB} MiB are free",
            hint="Free some space, or name a folder on another disk.",
        )


def measure_tree(folder: Path) -> int:
    """The bytes that its files take on the disk. Raises OSError."""
    return sum(
        os.lstat(Path(place) / name).st_blocks * _BLOCK_BYTES for place, _, files in os.walk(folder) for name in files
    )


def _find_existing(folder: Path) -> Path:
    path = folder.absolute()
    while not path.exists():
        path = path.parent
    return path
