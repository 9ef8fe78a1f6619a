"""`make vm-soak`: a bad release of every kind, and power cuts by the dozen, on real machines in an emulator.

By hand: it takes an hour. Each step is kept when it has ended; a run that is ended goes on with the next one. Ends
non-zero when an outcome is wrong or a step is left.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from bench.debian import get_cache
from bench.machines import kinds
from bench.machines.cuts import SEVEN, prove_cuts
from bench.machines.parts import carry_out
from bench.machines.progress import Progress, Step, load_progress, save_progress, tabulate
from bench.machines.stage import Part, Stage
from bench.machines.systems import SYSTEMS, build_systems
from bench.machines.target import say
from bench.measures import Measures
from cebox.lab.ledger import Ledger

_SEEDS = range(1, 5)
STEPS: Mapping[str, Part] = {
    **kinds.PARTS,
    **{f"cuts-{seed}": partial(prove_cuts, name=f"SOAK-CUTS-{seed}", seed=seed, moments=SEVEN) for seed in _SEEDS},
}
_FILE = get_cache() / "vm-soak.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=STEPS, action="append", help="this step alone, done or not; repeatable")
    parser.add_argument("--fresh", action="store_true", help="start over")
    parser.add_argument("--keep", action="store_true", help="keep the machines' folder, and say where it is")
    arguments = parser.parse_args()
    built = build_systems(say, SYSTEMS)
    subject = built[0].folder.parents[1].name
    progress = Progress(subject) if arguments.fresh else load_progress(_FILE, subject)
    left = arguments.only or progress.list_left(STEPS)
    say(f"{len(left)} steps to do: {', '.join(left)}")
    if left:
        parts = {name: partial(_take_step, progress, name) for name in left}
        carry_out(parts, built, Ledger(), Measures("vm-soak"), say=say, is_kept=arguments.keep)
    _describe(progress).report()
    return 1 if progress.list_left(STEPS) else 0


def _take_step(progress: Progress, name: str, stage: Stage) -> None:
    own = replace(stage, ledger=Ledger(), measures=Measures("vm-soak"))
    began = time.monotonic()
    try:
        STEPS[name](own)
    except Exception as error:
        own.note("?", f"{name} could not go on: {error}", False, traceback.format_exc(limit=-3))
    with stage.lock:
        rows = tuple(own.measures.rows)
        progress.steps[name] = Step(rows, len(own.ledger.broken), time.monotonic() - began)
        save_progress(_FILE, progress)
        _describe(progress).write()


def _describe(progress: Progress) -> Measures:
    return Measures("vm-soak", tabulate(progress.steps, len(STEPS)))


if __name__ == "__main__":
    sys.exit(main())
