"""How a release that is no good has to end: every try used, the one before it again, blessed, and the console knows."""

from dataclasses import dataclass

from bench.machines.stage import Stage
from cebox.agent.machine import TRIES
from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.domain.action import ActionState
from cebox.domain.version import Version
from cebox.lab.hands import Hands
from cebox.lab.vm.guest import Guest
from cebox.protocol.admin import Action


@dataclass(frozen=True, slots=True)
class Ending:
    is_right: bool
    state: str


def judge_fall_back(
    stage: Stage, hands: Hands, guest: Guest, update: Action, bad: Version, good: Version, *, after: int, rule: str
) -> Ending:
    """Waits until the update has ended and `good` runs again. `after` is where the guest's console was before."""
    ended = hands.wait_state(update, ActionState.ROLLED_BACK)
    back = guest.wait_until_fallen_back(good, EntryName(bad, 0, TRIES), after=after)
    hands.wait_on([guest.name])
    device = hands.get_device(guest.name)
    is_right = (
        ended.state == ActionState.ROLLED_BACK and device.running == str(good) and str(bad) in device.failed_versions
    )
    stage.note(
        rule,
        f"{bad} is no good: {TRIES} tries, then {good} again, blessed, reported as rolled back",
        is_right,
        f"{ended.state}: {ended.detail}; {back.text}",
    )
    return Ending(is_right, ended.state)
