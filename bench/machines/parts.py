"""Carries out parts of a proof on one stage, side by side: a world with its console, a network, emulated machines.

Whatever goes wrong in a part is one of its findings.
"""

import asyncio
import shutil
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.debian import get_cache
from bench.machines.stage import Part, Stage
from bench.measures import Measures
from cebox.lab.ledger import Ledger
from cebox.lab.vendor import BuiltRelease
from cebox.lab.vm.lan import HOST, Lan
from cebox.lab.vm.sticks import StickMaker
from cebox.lab.world import Say, World

# As many as a small machine has processors; a guest has one.
_AT_ONCE = 2
_LOOK_EVERY_SECONDS = 0.5


def carry_out(
    parts: Mapping[str, Part],
    built: Sequence[BuiltRelease],
    ledger: Ledger,
    measures: Measures,
    *,
    say: Say,
    is_kept: bool = False,
) -> None:
    """Until all have ended. `is_kept` leaves the machines' folder, and says where it is."""
    folder = Path(tempfile.mkdtemp(prefix="cebox-vm-", dir=get_cache()))
    world = World(folder, say=say, machines=(), host=HOST)
    try:
        asyncio.run(_live(world, built, ledger, measures, parts))
    finally:
        if is_kept:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def _live(
    world: World, built: Sequence[BuiltRelease], ledger: Ledger, measures: Measures, parts: Mapping[str, Part]
) -> None:
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


async def _run(stage: Stage, parts: Mapping[str, Part]) -> None:
    """In threads that nobody waits for when all is called off: a machine may be waited for in them for minutes."""
    turn = threading.BoundedSemaphore(_AT_ONCE)
    threads = [threading.Thread(target=_run_part, args=(stage, *one, turn), daemon=True) for one in parts.items()]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 - what they do is no coroutine's
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def _run_part(stage: Stage, name: str, part: Part, turn: threading.BoundedSemaphore) -> None:
    with turn:
        try:
            part(stage)
        except Exception as error:
            stage.note("?", f"{name} could not go on: {error}", False, traceback.format_exc(limit=-3))
