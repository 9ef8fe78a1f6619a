"""What every set of adapters must do. `machines` names those there are; a later one is added there and nowhere else."""

from pathlib import Path
from typing import Protocol

import pytest

from cebox.agent.machine import Boot, BootImage, Machine, SlotContent, SlotName, Verdict
from cebox.agent.virtual import firmware
from cebox.agent.virtual.machine import create_machine, install_image, open_machine
from cebox.errors import Conflict
from tests.machines import boot_images
from tests.machines.esp_machine import EspMachine, write_pair

OLD = b"old system" * 1000
NEW = b"new system" * 1000
LOWER, FIRST, SECOND = "2026.10.9", "2026.11.1", "2026.11.2"


class Bench(Protocol):
    """A machine with the first system in slot A, and a hand at its power supply."""

    def start(self) -> Machine: ...

    def make_boot_image(self, content: SlotContent) -> BootImage | None: ...


class VirtualBench:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "box"
        image = folder / "image"
        image.write_bytes(OLD)
        create_machine(self._folder, slot_bytes=1 << 20)
        install_image(self._folder, version=FIRST, sha256=hash_of(OLD), image=image)

    def start(self) -> Machine:
        firmware.boot(self._folder)
        return open_machine(self._folder)

    def make_boot_image(self, content: SlotContent) -> BootImage | None:
        return None


class EspBench:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._machine = EspMachine(folder / "box", slot_bytes=1 << 20)
        self._machine.install(FIRST, *write_pair(folder, FIRST, OLD))

    def start(self) -> Machine:
        self._machine.power_on()
        return self._machine.open()

    def make_boot_image(self, content: SlotContent) -> BootImage | None:
        path = self._folder / "new.efi"
        made = boot_images.write(path, version=content.version, sha256=content.sha256, size=content.size)
        return BootImage(path, hash_of(made))


def hash_of(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=[VirtualBench, EspBench])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    made: Bench = request.param(tmp_path)
    return made


def install_new(bench: Bench, machine: Machine, *, version: str = SECOND) -> None:
    with machine.slots.get_path(SlotName.B).open("r+b") as slot:
        slot.write(NEW)
    content = SlotContent(version, hash_of(NEW), len(NEW))
    machine.boot_loader.stage(SlotName.B, content, boot_image=bench.make_boot_image(content))


def test_the_first_system_runs_from_slot_a_and_is_blessed(bench: Bench) -> None:
    machine = bench.start()

    assert machine.slots.get_running() is SlotName.A
    assert machine.target is SlotName.B
    assert machine.boot_loader.get_boot().is_blessed
    assert machine.slots.find_content(SlotName.A) == SlotContent(FIRST, hash_of(OLD), len(OLD))
    assert machine.slots.find_content(SlotName.B) is None


def test_every_start_has_its_own_id(bench: Bench) -> None:
    ids = {bench.start().boot_loader.get_boot().id for _ in range(3)}
    assert len(ids) == 3


def test_a_staged_slot_starts_next_and_is_not_blessed(bench: Bench) -> None:
    machine = bench.start()
    install_new(bench, machine)
    assert machine.boot_loader.find_tries(SlotName.B) == 3
    assert machine.slots.get_running() is SlotName.A

    machine = bench.start()

    boot = machine.boot_loader.get_boot()
    assert (boot.slot, boot.is_blessed) == (SlotName.B, False)
    assert machine.boot_loader.find_tries(SlotName.B) == 2


def test_a_blessed_slot_starts_for_good(bench: Bench) -> None:
    install_new(bench, bench.start())
    bench.start().boot_loader.bless()

    for _ in range(5):
        machine = bench.start()
    boot = machine.boot_loader.get_boot()
    assert (boot.slot, boot.is_blessed) == (SlotName.B, True)
    assert machine.boot_loader.find_tries(SlotName.B) is None


def test_after_three_starts_without_a_blessing_the_old_system_starts(bench: Bench) -> None:
    install_new(bench, bench.start())

    slots = [bench.start().slots.get_running() for _ in range(5)]

    assert slots == [SlotName.B, SlotName.B, SlotName.B, SlotName.A, SlotName.A]
    machine = bench.start()
    assert machine.boot_loader.get_boot().is_blessed
    assert machine.boot_loader.find_tries(SlotName.B) == 0


def test_a_slot_whose_bytes_are_not_what_was_staged_never_runs(bench: Bench) -> None:
    machine = bench.start()
    install_new(bench, machine)
    with machine.slots.get_path(SlotName.B).open("r+b") as slot:
        slot.write(b"X")

    assert bench.start().slots.get_running() is SlotName.A


def test_a_cleared_slot_does_not_start(bench: Bench) -> None:
    machine = bench.start()
    install_new(bench, machine)
    machine.boot_loader.clear(SlotName.B)

    machine = bench.start()
    assert machine.slots.get_running() is SlotName.A
    assert machine.slots.find_content(SlotName.B) is None
    assert machine.boot_loader.find_tries(SlotName.B) is None


def test_a_lower_version_starts_and_stays_all_the_same(bench: Bench) -> None:
    install_new(bench, bench.start(), version=LOWER)
    machine = bench.start()
    assert machine.slots.get_running() is SlotName.B
    machine.boot_loader.bless()

    assert {bench.start().slots.get_running() for _ in range(3)} == {SlotName.B}


def test_on_trial_nothing_takes_the_way_back_away(bench: Bench) -> None:
    install_new(bench, bench.start())
    machine = bench.start()
    with pytest.raises(Conflict) as caught:
        machine.boot_loader.clear(SlotName.A)
    assert caught.value.code == "not_blessed"


def test_the_next_release_goes_into_the_slot_that_is_free_now(bench: Bench) -> None:
    install_new(bench, bench.start())
    bench.start().boot_loader.bless()
    machine = bench.start()
    assert machine.target is SlotName.A
    assert machine.slots.find_content(SlotName.A) == SlotContent(FIRST, hash_of(OLD), len(OLD))
    machine.boot_loader.clear(SlotName.A)

    machine = bench.start()
    assert machine.slots.find_content(SlotName.A) is None
    assert machine.slots.get_running() is SlotName.B


def test_the_running_slot_cannot_be_cleared(bench: Bench) -> None:
    machine = bench.start()
    with pytest.raises(Conflict) as caught:
        machine.boot_loader.clear(SlotName.A)
    assert caught.value.code == "slot_in_use"


def test_every_call_may_be_repeated(bench: Bench) -> None:
    machine = bench.start()
    machine.boot_loader.clear(SlotName.B)
    machine.boot_loader.clear(SlotName.B)
    install_new(bench, machine)
    install_new(bench, machine)
    machine = bench.start()
    machine.boot_loader.bless()
    machine.boot_loader.bless()
    assert machine.boot_loader.get_boot().slot is SlotName.B


def test_both_slots_have_a_path_and_a_size(bench: Bench) -> None:
    machine = bench.start()
    assert {machine.slots.get_size_bytes(slot) for slot in SlotName} == {1 << 20}
    assert len({machine.slots.get_path(slot) for slot in SlotName}) == 2


def test_nobody_has_pressed_the_button_and_the_system_is_well(bench: Bench) -> None:
    machine = bench.start()
    assert machine.power.take_request() is None
    assert machine.health.examine(frozenset()).verdict is Verdict.HEALTHY
    assert isinstance(machine.boot_loader.get_boot(), Boot)
