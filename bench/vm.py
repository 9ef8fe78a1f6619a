"""`make vm-test`: keys, updates, falling back and power cuts on real machines in an emulator, through a real console.

Ends non-zero when an outcome is wrong; a time that is missed is only said. Its parts run side by side, two at a time.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.debian import get_cache
from bench.machines.cuts import prove_cuts
from bench.machines.home import prove_home
from bench.machines.site import prove_site
from bench.machines.stage import Part, Stage
from bench.machines.systems import build_systems
from bench.measures import Measures, print_rows
from cebox.lab import plan
from cebox.lab.ledger import Ledger
from cebox.lab.vendor import BuiltRelease
from cebox.lab.vm.lan import HOST, Lan
from cebox.lab.vm.sticks import StickMaker
from cebox.lab.world import World

PARTS: Mapping[str, Part] = {"home": prove_home, "site": prove_site, "cuts": prove_cuts}
# As many as a small machine has processors; a guest has one.
_AT_ONCE = 2
_LOOK_EVERY_SECONDS = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; repeatable")
    parser.add_argument("--keep", action="store_true", help="keep the machines' folder, and say where it is")
    arguments = parser.parse_args()
    measures, ledger = Measures("vm-test"), Ledger()
    built = build_systems(_say)
    folder = Path(tempfile.mkdtemp(prefix="cebox-vm-", dir=get_cache()))
    world = World(folder, say=_say, machines=(), host=HOST)
    names = arguments.only or list(PARTS)
    try:
        asyncio.run(_prove(world, built, ledger, measures, [PARTS[name] for name in names]))
    finally:
        if arguments.keep:
            _say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    measures.add("rules/broken", len(ledger.broken), "", "== 0")
    if arguments.only:
        # A part is no measure of the whole.
        print_rows(measures.rows)
    else:
        measures.report()
    return 1 if ledger.broken else 0


async def _prove(
    world: World, built: Sequence[BuiltRelease], ledger: Ledger, measures: Measures, parts: Sequence[Part]
) -> None:
    newest = built[-1].manifest
    assert newest.boot is not None
    measures.add("image/root_bytes", newest.root.size, "bytes")
    measures.add("image/boot_bytes", newest.boot.size, "bytes")
    try:
        await world.start(lambda: world.vendor.borrow(built))
        with Lan(world.folder / "logs/lan.log") as lan:
            sticks = StickMaker(world.folder / "sticks", world.vendor.repository, world.vendor.root_file.read_bytes())
            manifests = tuple(one.manifest for one in built)
            stage = Stage(world, manifests, sticks, lan, ledger, measures)
            try:
                await _run(stage, parts)
            finally:
                for guest in stage.guests:
                    guest.computer.cut_power()
    finally:
        await world.stop()


async def _run(stage: Stage, parts: Sequence[Part]) -> None:
    """In threads that nobody waits for when all is called off: a machine may be waited for in them for minutes."""
    await asyncio.to_thread(_hand_out_bad_tag, stage)
    turn = threading.BoundedSemaphore(_AT_ONCE)
    threads = [threading.Thread(target=_carry_out, args=(stage, part, turn), daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 - what they do is no coroutine's
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def _hand_out_bad_tag(stage: Stage) -> None:
    operator = stage.open_hands(plan.OPERATOR).console
    account = next(one for one in operator.list_accounts() if one.name == plan.NORD)
    operator.hand_out_tag(plan.BAD_TAG, str(stage.bad), [account.id], "")


def _carry_out(stage: Stage, part: Part, turn: threading.BoundedSemaphore) -> None:
    with turn:
        try:
            part(stage)
        except Exception as error:
            stage.note("?", f"{part.__name__} could not go on: {error}", False, traceback.format_exc(limit=-3))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
