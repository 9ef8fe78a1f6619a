"""Bad releases, one of each kind: three tries, then the one before it again, blessed, and nobody tries by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from bench.machines.falling_back import judge_fall_back
from bench.machines.stage import Part, Stage
from bench.machines.systems import HANG, HEALTH, NEW, PANIC, System
from cebox.agent.machine import TRIES
from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.domain.action import ActionState
from cebox.domain.version import Version
from cebox.lab import plan
from cebox.lab.vm.disk import cut_short, flip_bit
from cebox.lab.vm.guest import Guest, Model
from cebox.lab.vm.sticks import Wanted
from cebox.release.image.erofs import SUPERBLOCK_OFFSET, read_layout
from cebox.release.slot import ImageFile

# A program that only the agent loads, once the system is up.
_LATE_FILE = "/usr/lib/cebox/msgspec/_core"
_HALF = 0.5

Spoil = Callable[[Stage, Guest, Version], None]
"""What is done to the disk of a machine without power, on which a version is staged."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`spoils`: how a good release becomes a bad one, each tried; none for one that is bad as it is."""

    name: str
    system: System
    has_watchdog: bool = False
    spoils: Sequence[Spoil] = field(default_factory=tuple)


def prove_kind(kind: Kind, stage: Stage) -> None:
    with _Proof(kind, stage) as proof:
        proof.install()
        outcomes = [proof.fall_back(spoil) for spoil in kind.spoils or (None,)]
        outcomes.append(proof.switch_off())
        outcomes.append(proof.update_well())
    stage.measure(f"bad/{kind.name}/outcome", int(all(outcomes)), "", "== 1", note=" and ".join(proof.ends))


class _Proof:
    """On a machine in an account of its own, whose version is then the bad one."""

    def __init__(self, kind: Kind, stage: Stage) -> None:
        self._kind = kind
        self._stage = stage
        self._name = f"SOAK-{kind.name.upper()}"
        self._bad = kind.system.version
        self._hands = stage.open_hands(plan.OPERATOR, starts=TRIES)
        self._guest = stage.add_guest(self._name, model=Model(has_watchdog=kind.has_watchdog))
        self.ends: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guest.computer.cut_power()

    def install(self) -> None:
        stage, hands, guest = self._stage, self._hands, self._guest
        account = stage.open_account(hands, self._name, self._good_tag)
        stage.install(guest, hands, Wanted(self._name), account)
        guest.computer.switch_on()
        hands.wait_on([self._name])
        hands.console.migrate_account(account.id, str(self._bad))

    def fall_back(self, spoil: Spoil | None) -> bool:
        stage, hands, guest = self._stage, self._hands, self._guest
        update = hands.update_and_stage(self._name)
        mark = guest.mark
        if spoil is None:
            hands.reboot(self._name)
        else:
            guest.computer.cut_power()
            spoil(stage, guest, self._bad)
            guest.computer.switch_on()
            mark = 0
        ending = judge_fall_back(stage, hands, guest, update, self._bad, stage.old, after=mark, rule="bad")
        self.ends.append(ending.state)
        return ending.is_right

    def switch_off(self) -> bool:
        """The account's version is the bad one, so power off would install it, were it not known here."""
        stage, guest = self._stage, self._guest
        mark = guest.mark
        before = guest.read_slots(stage.manifests).entries
        seconds = guest.switch_off()
        after = guest.read_slots(stage.manifests).entries
        is_left_alone = before == after and not guest.find_source(after=mark)
        guest.computer.switch_on()
        guest.wait_until_blessed(stage.old)
        self._hands.wait_on([self._name])
        stage.note(
            "bad",
            f"{self._kind.name}: it is not tried again by itself, though it is the account's version",
            is_left_alone,
            f"off after {seconds:.0f} s; entries {', '.join(map(str, after))}",
        )
        return is_left_alone

    def update_well(self) -> bool:
        stage, hands = self._stage, self._hands
        done = hands.reboot_and_finish(self._name, hands.update_and_stage(self._name, self._good_tag))
        runs = hands.get_device(self._name).running
        is_done = done.state == ActionState.DONE and runs == str(stage.new)
        stage.note(
            "bad", f"{self._kind.name}: a good release goes in afterwards", is_done, f"{done.state}, runs {runs}"
        )
        return is_done

    @property
    def _good_tag(self) -> str:
        return f"bon-{self._kind.name}"


def _spoil_at_once(stage: Stage, guest: Guest, version: Version) -> None:
    """Where the filesystem begins."""
    flip_bit(guest.disk, _find_slot(stage, guest, version), SUPERBLOCK_OFFSET)


def _spoil_later(stage: Stage, guest: Guest, version: Version) -> None:
    root = stage.world.vendor.releases / str(version) / "root.img"
    with ImageFile(root, is_writable=False) as image:
        place = next(file for file in read_layout(image).files if file.path.startswith(_LATE_FILE))
    flip_bit(guest.disk, _find_slot(stage, guest, version), place.offset)


def _spoil_boot_image(_stage: Stage, guest: Guest, version: Version) -> None:
    cut_short(guest.disk, EntryName(version, TRIES), _HALF)


def _find_slot(stage: Stage, guest: Guest, version: Version) -> str:
    roots = guest.read_slots(stage.manifests).roots
    return next(slot for slot, found in roots.items() if found == version)


KINDS = (
    Kind("health", HEALTH),
    Kind("panic", PANIC),
    Kind("hang", HANG, has_watchdog=True),
    Kind("slot", NEW, spoils=(_spoil_at_once, _spoil_later)),
    Kind("uki", NEW, spoils=(_spoil_boot_image,)),
)
PARTS: Mapping[str, Part] = {f"bad-{kind.name}": partial(prove_kind, kind) for kind in KINDS}
