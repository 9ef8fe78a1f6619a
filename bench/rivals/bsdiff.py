"""bsdiff for every file that changed, xz for every file that came: what a careful file-level updater would send.

The kindest reading: a file that only moved costs nothing, one whose path differs in a version number is the old one's
successor, and names, modes and the list of what to do travel for free.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.command import Cost, run
from bench.pairs import Pair
from bench.rivals.result import Result, WrongResult
from bench.rivals.trees import hash_files
from bench.rivals.whole import ask_version

# bsdiff holds 17 times the file: beyond this it is not a tool for a build machine.
_LARGEST_BYTES = 64 << 20
_FILE_LIMIT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class BsdiffPerFile:
    """Costs are sums over the files, and the highest memory of any."""

    name: str = "bsdiff-per-file"
    recipe: str = "bsdiff per changed file up to 64 MiB, xz -9e for the others; successors by digits"
    needs_trees = True

    def read_version(self) -> str:
        return ask_version("dpkg-query", "-W", "bsdiff", "xz-utils")

    def measure(self, pair: Pair, folder: Path) -> Result:
        old_tree, new_tree = pair.get_trees()
        size_bytes, make, apply = 0, Cost(), Cost()
        too_large = []
        for old, new in list_changes(old_tree, new_tree):
            if old and max(old.stat().st_size, new.stat().st_size) > _LARGEST_BYTES:
                too_large.append(new.name)
                old = None
            patch, out = folder / "patch", folder / "out"
            if old:
                make += run(["bsdiff", old, new, patch], limit_seconds=_FILE_LIMIT_SECONDS)
                apply += run(["bspatch", old, out, patch], limit_seconds=_FILE_LIMIT_SECONDS)
            else:
                make += run(["xz", "-9e", "-k", "-c", new], limit_seconds=_FILE_LIMIT_SECONDS, output=patch)
                apply += run(["xz", "-d", "-c", patch], limit_seconds=_FILE_LIMIT_SECONDS, output=out)
            if _hash(out) != _hash(new):
                raise WrongResult(f"{new} did not come out of its patch")
            size_bytes += patch.stat().st_size
        whole = f"; whole with xz (> 64 MiB): {', '.join(too_large)}" if too_large else ""
        return Result(size_bytes, make, apply, f"files, not an image; new ones xz -9e{whole}")


def list_changes(old_tree: Path, new_tree: Path) -> Iterator[tuple[Path | None, Path]]:
    """Every regular file whose content the old tree does not have, with its predecessor if it has one."""
    old, new = hash_files(old_tree), hash_files(new_tree)
    known = set(old.values())
    successors = defaultdict(list)
    for path in old:
        successors[_plain(path)].append(path)
    for path, digest in sorted(new.items()):
        if digest in known or (new_tree / path).stat().st_size == 0:
            continue
        known.add(digest)
        candidates = [path] if path in old else successors[_plain(path)]
        before = old_tree / candidates[0] if len(candidates) == 1 else None
        # bsdiff cannot map an empty file.
        yield (before if before and before.stat().st_size else None), new_tree / path


def _plain(path: str) -> str:
    return re.sub(r"\d+", "0", path)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
