"""Methods that cut images into chunks and fetch those that are missing: casync, zchunk, and a model of RAUC's."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from bench.command import Cost, run
from bench.pairs import Pair, System
from bench.rivals.result import APPLY_LIMIT_SECONDS, MAKE_LIMIT_SECONDS, Result
from bench.rivals.whole import ask_version, verify_image


@dataclass(frozen=True, slots=True)
class Casync:
    """What travels: the new image's index, and the chunks that the old one's store does not have."""

    name: str
    chunk_bytes: int
    needs_trees = False

    @property
    def recipe(self) -> str:
        return f"casync --compression=zstd --chunk-size={self.chunk_bytes}; extract with the old image as seed"

    def read_version(self) -> str:
        return ask_version("casync", "--version")

    def measure(self, pair: Pair, folder: Path) -> Result:
        self._make(pair.old, folder, "old")
        make = self._make(pair.new, folder, "new")
        had = {chunk.name for chunk in (folder / "old.castr").rglob("*.cacnk")}
        size_bytes = (folder / "new.caibx").stat().st_size
        for chunk in list((folder / "new.castr").rglob("*.cacnk")):
            if chunk.name in had:
                chunk.unlink()
            else:
                size_bytes += chunk.stat().st_size
        out = folder / "out"
        options = [f"--store={folder}/new.castr", f"--seed={pair.old.image}"]
        apply = run(
            ["casync", "extract", *options, folder / "new.caibx", out],
            limit_seconds=APPLY_LIMIT_SECONDS,
        )
        verify_image(out, pair.new)
        return Result(size_bytes, make, apply, "chunks zstd, and the index")

    def _make(self, system: System, folder: Path, name: str) -> Cost:
        options = ["--compression=zstd", f"--chunk-size={self.chunk_bytes}", f"--store={folder}/{name}.castr"]
        return run(
            ["casync", "make", *options, folder / f"{name}.caibx", system.image],
            limit_seconds=MAKE_LIMIT_SECONDS,
        )


@dataclass(frozen=True, slots=True)
class Zchunk:
    """Its own tool says what would be fetched. What is timed is reading the whole file, not joining old and new."""

    name: str = "zchunk"
    recipe: str = "zck with its defaults; zck_delta_size; unzck"
    needs_trees = False

    def read_version(self) -> str:
        return ask_version("zck", "--version")

    def measure(self, pair: Pair, folder: Path) -> Result:
        run(["zck", "-o", folder / "old.zck", pair.old.image], limit_seconds=MAKE_LIMIT_SECONDS)
        make = run(["zck", "-o", folder / "new.zck", pair.new.image], limit_seconds=MAKE_LIMIT_SECONDS)
        answer = subprocess.run(  # noqa: S603
            ["zck_delta_size", folder / "old.zck", folder / "new.zck"],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        )
        found = re.search(r"Would download (\d+) of", answer.stdout)
        assert found, answer.stdout
        apply = run(["unzck", "-c", folder / "new.zck"], limit_seconds=APPLY_LIMIT_SECONDS, output=folder / "out")
        verify_image(folder / "out", pair.new)
        return Result(int(found[1]), make, apply, "apply: unzck of the whole")


@dataclass(frozen=True, slots=True)
class RaucModel:
    """RAUC's block-hash-index streams over NBD from a squashfs: it needs a kernel with both and dm-verity to run.

    The kindest model: of every squashfs block (the largest there are, zstd) only the missing 4 KiB parts travel, at
    their share of its compressed size, and 32 bytes of index for every part of the image.
    """

    name: str = "rauc-4k"
    recipe: str = "model: 4 KiB, 32 bytes of index each, 1 MiB squashfs blocks, zstd -15"
    needs_trees = False

    def read_version(self) -> str:
        return "model 1"

    def measure(self, pair: Pair, folder: Path) -> Result:  # noqa: ARG002 - the folder is for those who need one
        part_bytes, block_bytes = 4096, 1 << 20
        known = {_digest(part) for part in _read_parts(pair.old.image, part_bytes)}
        compressor = zstandard.ZstdCompressor(level=15)
        size = 32.0 * -(-pair.new.size_bytes // part_bytes)
        for block in _read_parts(pair.new.image, block_bytes):
            parts = [block[at : at + part_bytes] for at in range(0, len(block), part_bytes)]
            missing = {_digest(part) for part in parts} - known
            if missing:
                size += len(missing) / len(parts) * min(len(block), len(compressor.compress(block)))
                known |= missing
        return Result(round(size), note="model, RAUC not run: no NBD here")


def _read_parts(path: Path, part_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while part := stream.read(part_bytes):
            yield part


def _digest(part: bytes) -> bytes:
    return hashlib.blake2b(part, digest_size=16).digest()
