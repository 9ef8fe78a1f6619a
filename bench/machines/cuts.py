"""Power cuts at seeded moments, one after the other in the same update: the box comes back each time, and ends well."""

import random
import time
from dataclasses import dataclass

from bench.machines.stage import Stage
from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.vm.guest import Guest
from cebox.lab.vm.sticks import Wanted
from cebox.protocol.admin import Action

NAME = "LYO-BE-03"
BACK_TAG = "retour-2026.10"
_SEED = 4


@dataclass(frozen=True, slots=True)
class Phase:
    """Begins when the agent says so; the cut comes up to `seconds` later."""

    state: str
    seconds: float


# In the order in which an update goes through them.
_BESIDE_THE_RUNNING_SYSTEM = (Phase("downloading", 8), Phase("verifying", 2), Phase("staging", 1.5))
_INTO_THE_NEW_ONE = (Phase("rebooting", 30), Phase("on_trial", 2))


def prove_cuts(stage: Stage, rounds: int = 1) -> None:
    """`rounds` updates, to the new release and back, five cuts in each."""
    hands = stage.open_hands()
    operator = stage.open_hands(plan.OPERATOR).console
    operator.hand_out_tag(BACK_TAG, str(stage.old), [stage.get_account(hands).id], "")
    guest = stage.add_guest(NAME)
    stick = stage.make_stick(hands, Wanted(NAME))
    guest.install_from_outside(stick)
    stick.unlink()
    guest.computer.switch_on()
    hands.wait_on([NAME])
    chance = random.Random(_SEED)  # noqa: S311 - the same moments every time
    bad = sum(_update(stage, hands, guest, chance) for _ in range(rounds))
    phases = len(_BESIDE_THE_RUNNING_SYSTEM) + len(_INTO_THE_NEW_ONE)
    stage.measure("cuts/count", rounds * phases, "")
    stage.measure("cuts/bad_states", bad, "", "== 0")
    guest.computer.cut_power()


def _update(stage: Stage, hands: Hands, guest: Guest, chance: random.Random) -> int:
    """How many things were not as they have to be."""
    running = hands.get_device(NAME).running
    target, tag = (stage.old, BACK_TAG) if running == str(stage.new) else (stage.new, plan.TEST_TAG)
    mark = guest.mark
    update = hands.update(NAME, tag)
    bad = 0
    for phase in _BESIDE_THE_RUNNING_SYSTEM:
        bad += not _cut(stage, guest, phase, chance, mark)
        mark = 0
    staged = hands.wait_state(update, ActionState.STAGED)
    hands.wait_on([NAME])
    mark = guest.mark
    hands.reboot(NAME)
    for phase in _INTO_THE_NEW_ONE:
        bad += not _cut(stage, guest, phase, chance, mark)
        mark = 0
    done = _wait_done(hands, update)
    is_well = staged.state == ActionState.STAGED and done.state == ActionState.DONE
    runs = hands.get_device(NAME).running
    stage.note("cut", f"the update that was cut off ends on {target}", is_well and runs == str(target), done.state)
    return bad + (not is_well)


def _wait_done(hands: Hands, update: Action) -> Action:
    done = hands.wait_state(update, ActionState.DONE)
    hands.wait_on([NAME])
    return done


def _cut(stage: Stage, guest: Guest, phase: Phase, chance: random.Random, mark: int) -> bool:
    """Whether what lies on the disk then can be started."""
    guest.wait_for_state(phase.state, after=mark)
    delay_seconds = chance.uniform(0, phase.seconds)
    time.sleep(delay_seconds)
    guest.computer.cut_power()
    slots = guest.read_slots(stage.manifests)
    is_startable = bool(slots.blessed) and all(version in slots.roots.values() for version in slots.blessed)
    contents = " and ".join(str(version or "half a release") for version in slots.roots.values())
    stage.note(
        "cut",
        f"power cut {delay_seconds:.1f} s after {phase.state}: what is blessed is whole",
        is_startable,
        f"entries {', '.join(map(str, slots.entries))}; slots {contents}",
    )
    guest.computer.switch_on()
    return is_startable
