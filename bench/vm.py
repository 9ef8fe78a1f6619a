"""`make vm-test`: keys, updates, falling back and power cuts on real machines in an emulator, through a real console.

Ends non-zero when an outcome is wrong; a time that is missed is only said. Its parts run side by side, two at a time.
"""

import argparse
import sys
from collections.abc import Mapping

from bench.machines.cuts import prove_cuts
from bench.machines.home import prove_home
from bench.machines.parts import carry_out
from bench.machines.site import prove_site
from bench.machines.stage import Part
from bench.machines.systems import build_systems
from bench.measures import Measures, print_rows
from cebox.lab.ledger import Ledger

PARTS: Mapping[str, Part] = {"home": prove_home, "site": prove_site, "cuts": prove_cuts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; repeatable")
    parser.add_argument("--keep", action="store_true", help="keep the machines' folder, and say where it is")
    arguments = parser.parse_args()
    measures, ledger = Measures("vm-test"), Ledger()
    built = build_systems(_say)
    newest = built[-1].manifest
    assert newest.boot is not None
    measures.add("image/root_bytes", newest.root.size, "bytes")
    measures.add("image/boot_bytes", newest.boot.size, "bytes")
    parts = {name: PARTS[name] for name in arguments.only or PARTS}
    carry_out(parts, built, ledger, measures, say=_say, is_kept=arguments.keep)
    measures.add("rules/broken", len(ledger.broken), "", "== 0")
    if arguments.only:
        # A part is no measure of the whole.
        print_rows(measures.rows)
    else:
        measures.report()
    return 1 if ledger.broken else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
