"""Power cuts at seeded moments, one after the other in the same update: the box comes back each time, and ends well."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.machines.stage import Stage
from cebox.domain.action import ActionState
from cebox.domain.version import Version
from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.vm.disk import Slots
from cebox.lab.vm.guest import Guest
from cebox.lab.vm.sticks import Wanted
from cebox.protocol.admin import Action

# What an agent says in the course of an update, in this order. After the last the update is over.
_STATES = ("downloading", "verifying", "staging", "staged", "rebooting", "on_trial", "committing", "idle")
# A release on trial needs one for itself.
_LEAST_TRIES = 2


@dataclass(frozen=True, slots=True)
class Phase:
    """Begins when the agent says so; the cut comes up to `seconds` later."""

    state: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the cuts of one update: beside the running system, and once it is restarted."""

    beside: tuple[Phase, ...]
    after: tuple[Phase, ...]

    @property
    def count(self) -> int:
        return len(self.beside) + len(self.after)


_DOWNLOAD, _VERIFY, _STAGE = Phase("downloading", 20), Phase("verifying", 4), Phase("staging", 6)
_RESTART, _TRIAL = Phase("rebooting", 40), Phase("on_trial", 4)
FIVE = Moments((_DOWNLOAD, _VERIFY, _STAGE), (_RESTART, _TRIAL))
SEVEN = Moments((_DOWNLOAD, _DOWNLOAD, _VERIFY, _STAGE, _STAGE), (_RESTART, _TRIAL))


def prove_cuts(stage: Stage, name: str = "CUTS", seed: int = 4, moments: Moments = FIVE) -> None:
    """The machine is one of a customer of its own: nobody else's migration comes between."""
    hands = stage.open_hands(plan.OPERATOR)
    guest = stage.add_guest(name)
    stage.install(guest, hands, Wanted(name), stage.open_account(hands, name, _get_tag(name)))
    round_ = _Round(stage, hands, guest, seed)
    with guest.computer:
        guest.computer.switch_on()
        hands.wait_on([name])
        round_.update(moments)
    stage.measure("cuts/count", round_.count, "", f">= {moments.count}")
    stage.measure("cuts/bad_states", round_.bad, "", "== 0")


class _Round:
    """One update. `count`: the cuts made; `bad`: what was then not as it has to be."""

    def __init__(self, stage: Stage, hands: Hands, guest: Guest, seed: int) -> None:
        self._stage = stage
        self._hands = hands
        self._guest = guest
        self._chance = random.Random(seed)  # noqa: S311 - the same moments every time
        self._tries: int | None = None
        self.count = 0
        self.bad = 0

    def update(self, moments: Moments) -> None:
        stage, hands, name = self._stage, self._hands, self._guest.name
        mark = self._guest.mark
        update = hands.update(name, _get_tag(name))
        self._cut_in(moments.beside, mark)
        hands.wait_on([name])
        found = hands.wait_state(update, ActionState.STAGED, ActionState.ON_TRIAL)
        mark = 0
        if found.state == ActionState.STAGED:
            mark = self._guest.mark
            hands.reboot(name)
        self._cut_in(moments.after, mark)
        done = self._wait_done(update)
        runs = hands.get_device(name).running
        is_well = done.state == ActionState.DONE and runs == str(stage.new)
        self.bad += not is_well
        stage.note("cut", f"the update that was cut off {self.count} times ends on {stage.new}", is_well, done.state)

    def _wait_done(self, update: Action) -> Action:
        done = self._hands.wait_state(update, ActionState.DONE)
        self._hands.wait_on([self._guest.name])
        return done

    def _cut_in(self, phases: Sequence[Phase], mark: int) -> None:
        for phase in phases:
            if self._is_last_try():
                return
            self._cut(phase, mark)
            mark = 0

    def _is_last_try(self) -> bool:
        """One more, and falling back would be right."""
        return self._tries is not None and self._tries < _LEAST_TRIES

    def _cut(self, phase: Phase, mark: int) -> None:
        stage, guest = self._stage, self._guest
        reached = guest.wait_for_state(*_STATES[_STATES.index(phase.state) :], after=mark)
        delay_seconds = self._chance.uniform(0, phase.seconds)
        time.sleep(delay_seconds)
        guest.computer.cut_power()
        slots = guest.read_slots(stage.manifests)
        self._tries = find_tries(slots, stage.new)
        guest.computer.switch_on()
        came = guest.wait_for_any_version(stage.old, stage.new)
        is_well = is_valid(slots)
        self.count += 1
        self.bad += not is_well
        contents = " and ".join(str(version or "half a release") for version in slots.roots.values())
        stage.note(
            "cut",
            f"power cut {delay_seconds:.1f} s after {phase.state}: what has an entry is whole, and it starts",
            is_well,
            f"{reached.text[:60]}; entries {', '.join(map(str, slots.entries))}; slots {contents}; {came.text}",
        )


def _get_tag(name: str) -> str:
    return f"essai-{name.lower()}"


def is_valid(slots: Slots) -> bool:
    """Something is blessed, and everything with an entry is there byte for byte."""
    return bool(slots.blessed) and all(entry.version in slots.roots.values() for entry in slots.entries)


def find_tries(slots: Slots, version: Version) -> int | None:
    """None while it has no entry, or is blessed."""
    return next((entry.tries_left for entry in slots.entries if entry.version == version), None)
