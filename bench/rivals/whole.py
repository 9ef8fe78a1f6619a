"""Tools that turn two files into one patch: xdelta3, zstd, and zstd with nothing to start from."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.command import OutOfTime, run
from bench.pairs import Pair, System
from bench.rivals.result import APPLY_LIMIT_SECONDS, MAKE_LIMIT_SECONDS, Result, WrongResult


@dataclass(frozen=True, slots=True)
class PatchTool:
    """Command lines with {old}, {new}, {patch}, {out} and {reach}: the larger image's size in bytes."""

    name: str
    make: str
    apply: str
    version: str
    note: str = ""
    needs_trees = False

    @property
    def recipe(self) -> str:
        return f"{self.make}\n{self.apply}"

    def read_version(self) -> str:
        return ask_version(*self.version.split())

    def measure(self, pair: Pair, folder: Path) -> Result:
        patch, out = folder / "patch", folder / "out"
        places = {
            "old": str(pair.old.image),
            "new": str(pair.new.image),
            "patch": str(patch),
            "out": str(out),
            "reach": str(max(pair.old.size_bytes, pair.new.size_bytes)),
        }
        try:
            make = run([word.format(**places) for word in self.make.split()], limit_seconds=MAKE_LIMIT_SECONDS)
        except OutOfTime as reason:
            return Result(note=f"{self.note}; make {reason}".removeprefix("; "))
        apply = run([word.format(**places) for word in self.apply.split()], limit_seconds=APPLY_LIMIT_SECONDS)
        verify_image(out, pair.new)
        return Result(patch.stat().st_size, make, apply, self.note)


FULL_ZSTD = PatchTool(
    "full-zstd19",
    make="zstd -q -f -19 -T2 --long=27 {new} -o {patch}",
    apply="zstd -q -f -d --long=27 {patch} -o {out}",
    version="zstd --version",
    note="-19 -T2 --long=27",
)
XDELTA = PatchTool(
    "xdelta3",
    make="xdelta3 -f -9 -S djw -B {reach} -e -s {old} {new} {patch}",
    apply="xdelta3 -f -B {reach} -d -s {old} {patch} {out}",
    version="xdelta3 -V",
    note="-9 -S djw, -B the image",
)
PATCH_FROM_3 = PatchTool(
    "zstd-patch-from-3",
    make="zstd -q -f -3 --long=31 --patch-from={old} {new} -o {patch}",
    apply="zstd -q -f -d --long=31 --memory=2048MB --patch-from={old} {patch} -o {out}",
    version="zstd --version",
    note="-3 --long=31",
)
PATCH_FROM_19 = PatchTool(
    "zstd-patch-from-19",
    make="zstd -q -f -19 --long=31 --patch-from={old} {new} -o {patch}",
    apply="zstd -q -f -d --long=31 --memory=2048MB --patch-from={old} {patch} -o {out}",
    version="zstd --version",
    note="-19 --long=31",
)


def verify_image(path: Path, expected: System) -> None:
    """Raises WrongResult."""
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != expected.sha256:
            raise WrongResult(f"{path} is not {expected.image}")


def ask_version(*command: str) -> str:
    """The first line a tool says to the question for its version, wherever it says it."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the benches' own
    except FileNotFoundError:
        return "not installed"
    return (answer.stdout + answer.stderr).strip().partition("\n")[0]
