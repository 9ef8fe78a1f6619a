"""How much longer a person's work takes while an update is written: as the workstation's witness tells."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.machines.stage import Stage
from cebox.lab.hands import Hands
from cebox.lab.vm.guest import PATIENCE_SECONDS, Guest
from cebox.lab.vm.serial import Line
from cebox.protocol.admin import Action

_WORK = re.compile(r"work: cpu_ms=(?P<cpu>[\d.]+) io_ms=(?P<io>[\d.]+)")
# A desktop that has just come is still at work by itself.
_SETTLING, _ENOUGH = 15, 12
_LEAST = 5
_LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    seconds: float
    cpu_ms: float
    io_ms: float


def list_samples(lines: Iterable[Line]) -> list[Sample]:
    found = ((line, _WORK.search(line.text)) for line in lines)
    return [Sample(line.seconds, float(match["cpu"]), float(match["io"])) for line, match in found if match]


@dataclass(frozen=True, slots=True)
class Ratio:
    """`value` is None when too few samples were taken."""

    value: float | None
    note: str


def compare(before: Sequence[Sample], during: Sequence[Sample]) -> dict[str, Ratio]:
    """Of medians, by the name of what was measured."""
    of: dict[str, Callable[[Sample], float]] = {"cpu": lambda one: one.cpu_ms, "io": lambda one: one.io_ms}
    return {name: _divide([look(one) for one in before], [look(one) for one in during]) for name, look in of.items()}


def _divide(before: Sequence[float], during: Sequence[float]) -> Ratio:
    if min(len(before), len(during)) < _LEAST:
        return Ratio(None, f"only {len(before)} and {len(during)} samples")
    usual, meanwhile = median(before), median(during)
    facts = f"{usual:.0f} ms usually, {meanwhile:.0f} ms meanwhile, medians of {len(before)} and {len(during)}"
    return Ratio(meanwhile / usual, f"{facts}; both share an emulated machine's one processor")


def prove_courtesy(stage: Stage, hands: Hands, guest: Guest, tag: str) -> Action:
    """The update, staged. Somebody is signed in."""
    console = guest.computer.console
    _wait_for_samples(guest, _SETTLING + _ENOUGH)
    before = list_samples(console.lines)[-_ENOUGH:]
    mark = guest.mark
    update = hands.update(guest.name, tag)
    begun = guest.wait_for_state("downloading", after=mark)
    ended = guest.wait_for_state("staged", after=mark)
    during = [one for one in list_samples(console.lines) if begun.seconds < one.seconds <= ended.seconds]
    for name, ratio in compare(before, during).items():
        stage.measure(f"courtesy/{name}_ratio", ratio.value, "", "<= 2", note=ratio.note)
    seconds = ended.seconds - begun.seconds
    stage.measure("courtesy/update_s", seconds, "s", note="downloaded, written, read back, while somebody works")
    return update


def _wait_for_samples(guest: Guest, count: int) -> None:
    """Raises TimeoutError."""
    until = time.monotonic() + PATIENCE_SECONDS
    while len(list_samples(guest.computer.console.lines)) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{guest.name} does not work: {count} rounds did not come")
        time.sleep(_LOOK_EVERY_SECONDS)
