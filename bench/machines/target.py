"""What the targets that start machines have in common: parts to choose from, a table at the end, an exit code."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from bench.machines.parts import carry_out
from bench.machines.stage import Part
from bench.measures import Measures, print_rows
from cebox.lab.ledger import Ledger
from cebox.lab.vendor import BuiltRelease
from cebox.lab.world import Say


def run_target(
    name: str,
    description: str | None,
    parts: Mapping[str, Part],
    build: Callable[[Say], Sequence[BuiltRelease]],
    measure_images: Callable[[Measures, BuiltRelease], None],
) -> int:
    """`measure_images` is given the newest of the releases. Non-zero when an outcome is wrong; a time is only said."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", choices=parts, action="append", help="this part alone; repeatable")
    parser.add_argument("--keep", action="store_true", help="keep the machines' folder, and say where it is")
    arguments = parser.parse_args()
    measures, ledger = Measures(name), Ledger()
    built = build(say)
    measure_images(measures, built[-1])
    chosen = {one: parts[one] for one in arguments.only or parts}
    carry_out(chosen, built, ledger, measures, say=say, is_kept=arguments.keep)
    measures.add("rules/broken", len(ledger.broken), "", "== 0")
    if arguments.only:
        # A part is no measure of the whole.
        print_rows(measures.rows)
    else:
        measures.report()
    return 1 if ledger.broken else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
