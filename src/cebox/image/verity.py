"""The hash tree that dm-verity checks every block of a root image against, appended to the image itself."""

import os
from dataclasses import dataclass
from pathlib import Path

from cebox.errors import InvalidInput
from cebox.kit.tools import run_tool

BLOCK_BYTES = 4096
# The same for every image: in the superblock of the tree it says nothing.
_UUID = "6365626f-7800-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class Verity:
    """`blocks`: of content; the tree's superblock follows them, and the hash of the block behind it is `root_hash`."""

    root_hash: str
    blocks: int


def append_tree(image: Path) -> Verity:
    """Without a salt: what did not change has the same hashes. Raises InvalidInput (`tool_failed`), OSError."""
    blocks = -(-image.stat().st_size // BLOCK_BYTES)
    size = blocks * BLOCK_BYTES
    os.truncate(image, size)
    fixed = ("--salt=-", f"--uuid={_UUID}", "--hash=sha256")
    place = (f"--data-blocks={blocks}", f"--hash-offset={size}")
    said = run_tool("veritysetup", "format", *fixed, *place, image, image).decode()
    facts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    root_hash = facts.get("Root hash", "").strip()
    if len(root_hash) != 64:
        raise InvalidInput("tool_failed", "veritysetup names no root hash", hint="Its words say what it disliked.")
    end = image.stat().st_size
    os.truncate(image, -(-end // BLOCK_BYTES) * BLOCK_BYTES)
    return Verity(root_hash, blocks)
