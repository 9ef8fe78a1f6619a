"""Fuzzes the targets for a bounded time: `python -m fuzz.run --seconds 60 [target …]`.

Ends non-zero when a target was broken, and prints the path of the input that did it.
"""

import argparse
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGETS = ("erofs_layout", "patch_index", "payload")
_MOST_MEMORY_MIB = 512
_LONGEST_INPUT_BYTES = 8192
_MOST_SECONDS_EACH = 10
# What libFuzzer names the inputs that break a target: by an exception, by memory, by time.
_FOUND = ("crash-*", "oom-*", "timeout-*", "leak-*")


def main() -> int:
    options = _parse_arguments()
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is not installed; see fuzz/README.md\n")
        return 2
    broken = [target for target in options.targets if not fuzz(target, options.seconds // len(options.targets))]
    return 1 if broken else 0


def fuzz(target: str, seconds: int) -> bool:
    """Whether the target stood for so long."""
    folder = ROOT / "build/fuzz" / target
    seeds, grown = folder / "seeds", folder / "grown"
    for one in (seeds, grown):
        one.mkdir(parents=True, exist_ok=True)
    for name, content in importlib.import_module(f"fuzz.{target}").list_seeds():
        (seeds / name).write_bytes(content)
    before = _list_found(folder)
    command = [sys.executable, "-m", "fuzz.engine", target, *_list_limits(folder, seconds)]
    command += [str(grown), str(seeds), str(ROOT / "fuzz/corpus" / target)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})  # noqa: S603
    found = sorted(_list_found(folder) - before)
    for path in found:
        sys.stderr.write(f"{target}: broken by {path}\n")
    return done.returncode == 0 and not found


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description="Fuzz the readers of foreign bytes.")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all of them if none is named")
    options = parser.parse_args()
    options.targets = options.targets or list(TARGETS)
    return options


def _list_limits(folder: Path, seconds: int) -> list[str]:
    return [
        f"-max_total_time={max(seconds, 1)}",
        f"-rss_limit_mb={_MOST_MEMORY_MIB}",
        f"-max_len={_LONGEST_INPUT_BYTES}",
        f"-timeout={_MOST_SECONDS_EACH}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-verbosity=1",
    ]


def _list_found(folder: Path) -> set[Path]:
    return {path for pattern in _FOUND for path in folder.glob(pattern)}


if __name__ == "__main__":
    sys.exit(main())
