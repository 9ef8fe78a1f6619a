"""`make real`: the procedure on two real Debian systems, through a WRS to three boxes on site and one at home.

Measured. Ends non-zero when a rule is broken or a slot differs from the published image; a speed that is missed is
only said.
"""

import asyncio
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.debian import build_tree, get_cache
from bench.measures import Measures
from bench.weighing import measure_apply, measure_clicks, read_peak_mib, read_resident_mib
from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import wait_for
from cebox.lab.ledger import Ledger
from cebox.lab.once import prove
from cebox.lab.procedure import FIRST, HOME, SECOND, THIRD, Procedure
from cebox.lab.vendor import BuiltRelease, Vendor
from cebox.lab.world import World

MACHINES = (plan.WRS, *plan.ON_SITE, plan.TELEWORK)
ON_SITE = (FIRST, SECOND, THIRD)
_SPARE_BYTES = 64 << 20
# Between the smallest download (19) and a build that CI can wait for.
_LEVEL = 12


def main() -> int:
    measures, ledger = Measures("real"), Ledger()
    built = build_releases()
    folder = Path(tempfile.mkdtemp(prefix="cebox-real-", dir=get_cache()))
    slot_bytes = max(one.manifest.root.size for one in built) + _SPARE_BYTES
    world = World(folder, say=_say, machines=MACHINES, slot_bytes=slot_bytes)
    try:
        weigh_releases(measures, built)
        asyncio.run(
            prove(world, ledger, lambda procedure: carry_out(procedure, measures), lambda: world.vendor.borrow(built))
        )
        weigh_applies(measures, built, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measures.add("rules/broken", len(ledger.broken), "", "== 0")
    measures.report()
    return 1 if ledger.broken else 0


def build_releases() -> Sequence[BuiltRelease]:
    """Two releases, cached outside the clone under a name that changes with the trees and the code that builds."""
    trees = [build_tree("released", with_updates=False), build_tree("updated", with_updates=True)]
    code = sorted(Path(__file__).parents[1].glob("src/cebox/release/**/*.py"))
    key = hashlib.sha256("".join([*(tree.name for tree in trees), str(_LEVEL)]).encode())
    for path in code:
        key.update(path.read_bytes())
    folder = get_cache() / f"releases-{key.hexdigest()[:12]}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        vendor = Vendor(folder)
        for planned, tree in zip(plan.RELEASES, trees, strict=True):
            _say(f"building release {planned.version} …")
            vendor.build(planned, source=tree, tree_format="erofs", level=_LEVEL)
        (folder / "complete").touch()
    return Vendor(folder).list_built()


def weigh_releases(measures: Measures, built: Sequence[BuiltRelease]) -> None:
    root = built[1].manifest.root
    full = next(way for way in root.ways if way.is_full)
    patch = next(way for way in root.ways if not way.is_full)
    measures.add("image/root_bytes", root.size, "bytes")
    measures.add("release/full_bytes", full.blob.size, "bytes")
    measures.add("release/patch_bytes", patch.blob.size, "bytes", f"<= {full.blob.size}")


def weigh_applies(measures: Measures, built: Sequence[BuiltRelease], folder: Path) -> None:
    one, two = (measure_apply(built, folder, decoders=decoders) for decoders in (1, 2))
    measures.add("apply/time_ratio", two.time_ratio, "", "<= 1.3")
    measures.add("apply/above_idle_mib", two.above_idle_mib, "MiB", "<= 96")
    measures.add("apply/1-decoder/time_ratio", one.time_ratio, "")
    measures.add("apply/1-decoder/above_idle_mib", one.above_idle_mib, "MiB")


def carry_out(procedure: Procedure, measures: Measures) -> None:
    """Test phase on the WRS and all four boxes, migration, and a look at every slot."""
    procedure.start()
    idle = max(read_resident_mib(pid) for pid in _list_agents(procedure))
    measures.add("agent/idle_rss_mib", idle, "MiB", "<= 64")
    clicks = measure_clicks(procedure.actors.nord, HOME)
    measures.add("action/click_to_start_p95_s", clicks, "s", "<= 1")
    procedure.ask_a_box_before_its_server()
    before = procedure.evidence.read_traffic()
    procedure.update_the_server()
    mirrored = procedure.evidence.read_traffic()
    peak = update_together(procedure, ON_SITE)
    served = procedure.evidence.read_traffic()
    procedure.note(
        "R6",
        "the release crossed the WAN once for the site: its boxes took nothing from the cloud",
        served.since(mirrored).cloud_bytes == 0 and served.lan_bytes > 0,
        f"cloud {served.since(mirrored).cloud_bytes} bytes",
    )
    peak = max(peak, update_together(procedure, [HOME]))
    procedure.migrate(procedure.actors.nord, plan.NORD)
    procedure.end()
    site = served.since(before)
    measures.add("agent/peak_rss_mib", peak, "MiB")
    measures.add("agent/peak_above_idle_mib", peak - idle, "MiB", "<= 96")
    measures.add("site/wan_bytes", site.cloud_bytes + site.cloud_metadata_bytes, "bytes")
    measures.add("site/lan_bytes", site.lan_bytes, "bytes")
    runs = [procedure.read(name).running.version == procedure.new for name in procedure.world.machines]
    measures.add("slots/identical", int(all(runs)), "", "== 1")


def update_together(procedure: Procedure, names: Sequence[str]) -> float:
    """Update all at once with the test tag, restart each; returns the highest memory an agent came to, in MiB."""
    nord = procedure.actors.nord
    updates = {name: nord.update(name, plan.TEST_TAG) for name in names}
    for update in updates.values():
        nord.wait_state(update, ActionState.STAGED)
    peak = max(read_peak_mib(pid) for pid in _list_agents(procedure))
    for name, update in updates.items():
        nord.reboot_and_finish(name, update)
        wait_for(f"{name} to run the new release", lambda name=name: procedure.runs(name, procedure.new))  # type: ignore[misc] # bound now
    return peak


def _list_agents(procedure: Procedure) -> list[int]:
    return [machine.agent_pid for machine in procedure.world.machines.values() if machine.agent_pid is not None]


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
