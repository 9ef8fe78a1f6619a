"""`make vm-test`: keys, updates, falling back and power cuts on real machines in an emulator, through a real console.

Ends non-zero when an outcome is wrong; a time that is missed is only said. Its parts run side by side, two at a time.
"""

import sys
from collections.abc import Mapping

from bench.machines.cuts import prove_cuts
from bench.machines.home import prove_home
from bench.machines.site import prove_site
from bench.machines.stage import Part
from bench.machines.systems import build_systems
from bench.machines.target import run_target
from bench.measures import Measures
from cebox.lab.vendor import BuiltRelease

PARTS: Mapping[str, Part] = {"home": prove_home, "site": prove_site, "cuts": prove_cuts}


def _measure_images(measures: Measures, newest: BuiltRelease) -> None:
    root, boot = newest.manifest.root, newest.manifest.boot
    assert boot is not None
    measures.add("image/root_bytes", root.size, "bytes")
    measures.add("image/boot_bytes", boot.size, "bytes")


if __name__ == "__main__":
    sys.exit(run_target("vm-test", __doc__, PARTS, build_systems, _measure_images))
