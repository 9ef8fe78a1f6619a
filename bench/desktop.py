"""`make vm-desktop`: the workstation with a person at it, on real machines in an emulator: they sign in, are told of a
restart and put it off, work while an update is written, switch off and see that it installs.

By hand: the releases of the workstation take half an hour to be made, once. Ends non-zero when an outcome is wrong.
What was on the screen lies in build/desktop.
"""

import sys
from collections.abc import Mapping, Sequence

from bench.machines.desktop import prove_session, prove_shutdown
from bench.machines.stage import Part
from bench.machines.systems import build_systems, read_build_seconds
from bench.machines.target import run_target
from bench.machines.workstations import WORKSTATIONS
from bench.measures import Measures
from cebox.lab.vendor import BuiltRelease
from cebox.lab.world import Say

PARTS: Mapping[str, Part] = {"shutdown": prove_shutdown, "session": prove_session}


def _build(say: Say) -> Sequence[BuiltRelease]:
    return build_systems(say, WORKSTATIONS.systems, WORKSTATIONS)


def _measure_images(measures: Measures, newest: BuiltRelease) -> None:
    root, boot = newest.manifest.root, newest.manifest.boot
    assert boot is not None
    measures.add("image/workstation_root_bytes", root.size, "bytes")
    measures.add("image/workstation_boot_bytes", boot.size, "bytes")
    note = "from a Debian tree that was there already, with the patch from the release before it, at the quickest"
    measures.add("image/workstation_build_s", read_build_seconds(newest), "s", note=note)


if __name__ == "__main__":
    sys.exit(run_target("vm-desktop", __doc__, PARTS, _build, _measure_images))
