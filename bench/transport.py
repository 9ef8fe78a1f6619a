"""`make bench-transport`: what an update costs with our patch and with every other known way, from the same images.

What other tools give does not change from run to run and is kept beside the images (`--fresh` measures it again); ours
and the plain copy beside it are always measured. Ends non-zero when a result is not the new system; a goal that is
missed is only said.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from subprocess import CalledProcessError

from bench.command import OutOfTime
from bench.measures import Measures, format_value, print_rows
from bench.ours import Ours, make_ours, measure_ours
from bench.pairs import Pair, build_pairs, open_workspace, read_given
from bench.rivals.bsdiff import BsdiffPerFile
from bench.rivals.cache import Measured, measure_once
from bench.rivals.chunks import Casync, RaucModel, Zchunk
from bench.rivals.ostree import Ostree
from bench.rivals.result import Result, Rival, WrongResult
from bench.rivals.whole import FULL_ZSTD, PATCH_FROM_3, PATCH_FROM_19, XDELTA

RIVALS: tuple[Rival, ...] = (
    FULL_ZSTD,
    XDELTA,
    Casync("casync16k", 16 << 10),
    Casync("casync64k", 64 << 10),
    PATCH_FROM_3,
    PATCH_FROM_19,
    Ostree(),
    Ostree("ostree-delta-no-bsdiff", has_bsdiff=False),
    Zchunk(),
    RaucModel(),
    BsdiffPerFile(),
)
_GOALS = {
    "big": {"xdelta3": "<= 0.62", "casync64k": "<= 0.38"},
    "middle": {"ostree-delta": "<= 0.14", "ostree-delta-no-bsdiff": "<= 0.14"},
    "tiny": {"ostree-delta": "<= 0.72"},
}
_MOST_APPLY_RATIO = "<= 1.3"
_MOST_ABOVE_IDLE_MIB = "<= 96"
_MOST_MAKE_SECONDS = "<= 240"
_MOST_MAKE_MIB = "<= 1024"
_MOST_LIGHT_RATIO = "<= 1.08"


def main(words: Sequence[str] | None = None) -> int:
    options = _parse(words)
    measures = Measures("bench-transport")
    pairs = [read_given(options.pair)] if options.pair else build_pairs()
    try:
        for pair in pairs:
            compare(pair, measures, RIVALS, is_fresh=options.fresh)
    except (WrongResult, CalledProcessError, OutOfTime) as reason:
        _say(f"FAILED: {reason}\n{getattr(reason, 'stderr', None) or ''}")
        return 1
    print_rows(row for row in measures.rows if row.goal)
    # A pair of somebody's own says nothing about the goals, and is not what docs/measures.md shows.
    if not options.pair:
        measures.write()
    return 0


def compare(pair: Pair, measures: Measures, rivals: Iterable[Rival], *, is_fresh: bool) -> None:
    """All methods on one pair, one after the other: rows into `measures`, and a table for people."""
    results = {"ours": Measured(Result())}
    for rival in rivals:
        if pair.new.tree is not None or not rival.needs_trees:
            results[rival.name] = measure_once(rival, pair, is_fresh=is_fresh, say=_say)
    ours, light_bytes = _measure_ours(pair)
    results["ours"] = Measured(Result(ours.size_bytes, ours.make, ours.apply))
    for name, one in results.items():
        add_method(measures, f"{pair.name}/{name}", one.result)
    measures.add(f"{pair.name}/copy_baseline_s", ours.copy_seconds, "s")
    add_ours(measures, pair.name, ours, light_bytes)
    add_ratios(measures, pair.name, {name: one.result.size_bytes for name, one in results.items()})
    print_table(pair, results, ours)


def add_method(measures: Measures, path: str, result: Result) -> None:
    """The five fixed rows of a method, the note with the bytes; and processor time, the same on a busy machine."""
    make_s, make_mib, apply_s, apply_mib = result.figures
    is_big_ours = path == "big/ours"
    measures.add(f"{path}/bytes", result.size_bytes, "bytes", note=result.note)
    measures.add(f"{path}/make_s", make_s, "s", _MOST_MAKE_SECONDS if is_big_ours else None)
    measures.add(f"{path}/make_rss_mib", make_mib, "MiB", _MOST_MAKE_MIB if is_big_ours else None)
    measures.add(f"{path}/apply_s", apply_s, "s")
    measures.add(f"{path}/apply_rss_mib", apply_mib, "MiB")
    for step, cost in (("make", result.make), ("apply", result.apply)):
        if cost and cost.cpu_seconds:
            measures.add(f"{path}/{step}_cpu_s", cost.cpu_seconds, "s")


def add_ours(measures: Measures, pair: str, ours: Ours, light_bytes: int) -> None:
    ratio = ours.apply.seconds / ours.copy_seconds
    measures.add(f"{pair}/ours/apply_ratio", ratio, "", _MOST_APPLY_RATIO)
    measures.add(f"{pair}/ours/apply_rss_above_idle_mib", ours.above_idle_mib, "MiB", _MOST_ABOVE_IDLE_MIB)
    goal = _MOST_LIGHT_RATIO if pair == "big" else None
    measures.add(f"{pair}/ours/light_bytes_ratio", light_bytes / ours.size_bytes, "", goal)


def add_ratios(measures: Measures, pair: str, sizes: dict[str, int | None]) -> None:
    """Our bytes over those of the methods that a goal names, and over the smallest of all others."""
    ours = sizes["ours"] or 0
    for rival, goal in _GOALS.get(pair, {}).items():
        size = sizes.get(rival)
        name = f"{pair}/ours/ratio_to_{rival.removesuffix('-delta')}"
        measures.add(name, ours / size if size else None, "", goal)
    others = {size: name for name, size in sizes.items() if size and name != "ours"}
    if others:
        smallest = min(others)
        measures.add(f"{pair}/ours/ratio_to_smallest_other", ours / smallest, "", "<= 1", note=others[smallest])


def print_table(pair: Pair, results: dict[str, Measured], ours: Ours) -> None:
    _say(
        f"\n{pair.name}: {pair.old.size_bytes / 1e6:.1f} MB to {pair.new.size_bytes / 1e6:.1f} MB;"
        f" copy, fsync and sha256 {ours.copy_seconds:.2f} s"
    )
    heads = ("method", "MB", "x ours", "make s", "MiB", "apply s", "MiB")
    sys.stdout.write(f"{heads[0]:20}{''.join(f'{head:>10}' for head in heads[1:])}\n")
    for name, one in sorted(results.items(), key=lambda item: item[1].result.size_bytes or sys.maxsize):
        size = one.result.size_bytes
        values = (
            f"{size / 1e6:.3f}" if size else "–",
            f"{size / ours.size_bytes:.2f}" if size else "–",
            *map(format_value, one.result.figures),
        )
        taken = f"cached from {one.taken}" if one.taken else ""
        notes = "; ".join(filter(None, (one.result.note, taken)))
        sys.stdout.write(f"{name:20}{''.join(f'{value:>10}' for value in values)}  {notes}\n")
    sys.stdout.flush()


def _measure_ours(pair: Pair) -> tuple[Ours, int]:
    """And the bytes of the patch for slow machines."""
    _say(f"{pair.name}: ours ...")
    with open_workspace() as folder:
        ours = measure_ours(pair, folder)
        light_bytes, _ = make_ours(pair.old.image, pair.new.image, folder, "light")
    return ours, light_bytes


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.transport", description="Compare ways to transport an update.")
    parser.add_argument("--pair", metavar="OLD:NEW", help="two images of your own instead of the three pairs")
    parser.add_argument("--fresh", action="store_true", help="measure the other tools again too")
    return parser.parse_args(words)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n" if text.startswith("\n") else f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
