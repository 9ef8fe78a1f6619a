"""`cebox demo --once`: the whole procedure, unattended, on a fresh state; ends non-zero when a rule is broken."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cebox.errors import CeboxError
from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.ledger import Ledger
from cebox.lab.procedure import Actors, Procedure
from cebox.lab.publication import prove_immutability
from cebox.lab.rollback import prove_rollback
from cebox.lab.vendor import BuiltRelease
from cebox.lab.world import World

RULES = frozenset(f"R{number}" for number in range(1, 14))


def run_once(*, state: Path | None, keep: bool) -> int:
    """0 when every rule was observed and none is broken. Raises InvalidInput (`folder_not_a_demo`)."""
    folder = state or Path(tempfile.mkdtemp(prefix="cebox-once-"))
    world = World(folder, say=_say)
    world.remove()
    ledger = Ledger()
    try:
        asyncio.run(prove(world, ledger, carry_out_demo, lambda: [world.vendor.build(one) for one in plan.RELEASES]))
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _say(f"Kept: {folder}")
    return conclude(ledger)


async def prove(
    world: World,
    ledger: Ledger,
    carry_out: Callable[[Procedure], None],
    build: Callable[[], Sequence[BuiltRelease]],
) -> None:
    """Start `world`, let `carry_out` do the procedure in a thread, stop it whatever happens."""
    try:
        await world.start(build)
        built = world.vendor.list_built()
        loop = asyncio.get_running_loop()
        procedure = Procedure(world, _gather(world), ledger, (built[0], built[1]), loop)
        await asyncio.to_thread(_carry_out, carry_out, procedure)
    finally:
        await world.stop()


def carry_out_demo(procedure: Procedure) -> None:
    """Every step, in the order of the procedure."""
    actors = procedure.actors
    procedure.start()
    prove_immutability(procedure)
    _say("\nTest phase")
    procedure.refuse_what_the_rules_refuse()
    procedure.ask_a_box_before_its_server()
    procedure.update_the_server()
    procedure.update_boxes_on_site()
    procedure.update_the_box_at_home()
    procedure.switch_a_box_off()
    _say("\nMigration")
    procedure.migrate(actors.nord, plan.NORD)
    procedure.migrate(actors.sud, plan.SUD)
    _say("\nProduction")
    procedure.finish_the_site_as_a_group()
    procedure.update_the_clinic_by_shutdown()
    procedure.update_the_clinic_as_a_group()
    procedure.end()
    _say("\nA bad release")
    prove_rollback(procedure)


def conclude(ledger: Ledger) -> int:
    unseen = sorted(RULES - ledger.rules, key=lambda rule: int(rule[1:]))
    _say(
        f"\n{len(ledger.observations)} observations, {len(ledger.broken)} broken"
        + (f"; not observed: {', '.join(unseen)}" if unseen else "; every rule from R1 to R13 was observed")
    )
    return 1 if ledger.broken or unseen else 0


def _carry_out(carry_out: Callable[[Procedure], None], procedure: Procedure) -> None:
    began = time.monotonic()
    try:
        carry_out(procedure)
    except CeboxError as error:
        procedure.note("?", f"the procedure could not go on: {error}", False, error.hint)
    _say(f"\n{time.monotonic() - began:.0f} s")


def _gather(world: World) -> Actors:
    operator, nord, viewer, sud = (
        Hands(world.office.open_console(user))
        for user in (plan.OPERATOR, plan.NORD_ADMIN, plan.NORD_VIEWER, plan.SUD_ADMIN)
    )
    return Actors(operator, nord, viewer, sud)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
