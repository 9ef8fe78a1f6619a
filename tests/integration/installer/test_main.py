"""The person at the machine: asked nothing where there is one empty disk, and nothing lost without a word of theirs."""

from pathlib import Path

import msgspec
import pytest

from cebox.agent.machine import TRIES
from cebox.agent.systemd_boot.firmware import read_options, read_order
from cebox.domain.device import DeviceKind
from cebox.installer.disks import Content, list_disks
from cebox.installer.first_data import name_machine
from cebox.installer.layout import ESP
from cebox.installer.main import run_installer
from cebox.keys.contents import Afterwards, Language
from tests.machines.blank_machine import BlankMachine
from tests.machines.installed_disk import InstalledDisk
from tests.machines.key_maker import SETTINGS, KeyMaker
from tests.machines.typist import sit_at_screen


def used(machine: BlankMachine) -> set[str]:
    return {disk.name for disk in list_disks(machine.places) if disk.content is Content.USED}


def fill(path: Path) -> Path:
    with path.open("r+b") as stream:
        stream.write(b"somebody's thesis")
    return path


def test_one_empty_disk_is_installed_without_a_question(machine: BlankMachine) -> None:
    machine.add_disk("vda", model="Fast")
    with sit_at_screen() as (screen, typist):
        assert run_installer(machine.places, screen) is Afterwards.REBOOT

    assert used(machine) == {"vda", "sdz"}
    assert "Installing on vda (Fast 2.1 GB), as cebox-12ab34." in typist.seen
    assert "is installed on vda" in typist.seen
    assert "REMOVE THE KEY" in typist.seen
    assert not machine.places.workshop.exists()


def test_the_firmware_is_told_where_the_system_is(machine: BlankMachine) -> None:
    """Before whatever it knows already, the stick among it."""
    memory = machine.places.firmware_memory
    memory.mkdir(parents=True)
    path = machine.add_disk("vda")
    with sit_at_screen() as (screen, _typist):
        run_installer(machine.places, screen)

    options = read_options(memory)
    partition = InstalledDisk(path).table.get(ESP)
    assert len(read_order(memory)) == TRIES + 1
    assert all(partition.id.bytes_le in options[number] for number in read_order(memory))


def test_of_two_empty_disks_the_person_says_which(machine: BlankMachine) -> None:
    machine.add_disk("sda")
    machine.add_disk("sdb")
    with sit_at_screen(("Number of the disk", "7"), ("Number of the disk", "2")) as (screen, typist):
        run_installer(machine.places, screen)

    assert used(machine) == {"sdb", "sdz"}
    assert "There is no such number." in typist.seen


def test_a_disk_with_data_is_only_taken_by_its_full_name(machine: BlankMachine) -> None:
    path = fill(machine.add_disk("sda"))
    answers = (("Number", "1"), ("WILL BE LOST", "yes"), ("Number", "1"), ("WILL BE LOST", "sda"))
    with sit_at_screen(*answers) as (screen, typist):
        run_installer(machine.places, screen)

    assert typist.seen.count("Nothing was changed.") == 1
    assert InstalledDisk(path).check_data().returncode == 0


def test_the_stick_itself_is_never_offered(machine: BlankMachine) -> None:
    fill(machine.add_disk("sda"))
    with sit_at_screen(("Number", "2"), ("Number", "1"), ("WILL BE LOST", "sda")) as (screen, typist):
        run_installer(machine.places, screen)

    assert "sdz" not in typist.seen


def test_a_machine_without_a_disk_waits_for_one(machine: BlankMachine) -> None:
    def plug_in() -> str:
        machine.add_disk("sda")
        return ""

    with sit_at_screen(("no disk", plug_in)) as (screen, _):
        run_installer(machine.places, screen)

    assert used(machine) == {"sda", "sdz"}


def test_what_fails_is_said_and_begun_again(machine: BlankMachine) -> None:
    machine.add_disk("vda")
    boot_loader = machine.places.boot_loader
    aside = boot_loader.rename(boot_loader.with_name("aside"))

    def mend() -> str:
        aside.rename(boot_loader)
        return ""

    with sit_at_screen(("begin again", mend)) as (screen, typist):
        run_installer(machine.places, screen)

    assert "disk_unusable" in typist.seen
    assert used(machine) == {"vda", "sdz"}


def test_a_stick_that_was_pulled_out_is_asked_for(machine: BlankMachine, stick: Path) -> None:
    machine.pull_out("sdz")
    machine.add_disk("vda")

    def plug_in() -> str:
        machine.start_from(stick)
        return ""

    with sit_at_screen(("begin again", plug_in)) as (screen, typist):
        run_installer(machine.places, screen)

    assert "stick_missing" in typist.seen
    assert used(machine) == {"vda", "sdz"}


def test_the_screen_speaks_the_keys_language(maker: KeyMaker, machine: BlankMachine, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SETTINGS, language=Language.FRENCH, afterwards=Afterwards.POWER_OFF)
    machine.pull_out("sdz")
    machine.start_from(maker.write_stick(tmp_path / "fr.img", settings))
    machine.add_disk("vda")
    with sit_at_screen() as (screen, typist):
        assert run_installer(machine.places, screen) is Afterwards.POWER_OFF

    assert "RETIREZ LA CLÉ" in typist.seen
    assert "La machine s'éteint" in typist.seen


@pytest.mark.parametrize(
    ("named", "kind", "name"),
    [
        (None, DeviceKind.CEBOX, "cebox-12ab34"),
        (None, DeviceKind.WRS, "wrs-12ab34"),
        ("accueil", DeviceKind.CEBOX, "accueil"),
    ],
)
def test_a_machine_is_called_as_the_key_says_or_after_its_network_card(
    machine: BlankMachine, named: str | None, kind: DeviceKind, name: str
) -> None:
    settings = msgspec.structs.replace(SETTINGS, machine_name=named, kind=kind)

    assert name_machine(settings, machine.places) == name


def test_a_machine_without_a_network_card_has_a_name_as_well(tmp_path: Path) -> None:
    machine = BlankMachine(tmp_path / "machine")
    (machine.places.network_cards / "eth0/address").unlink()

    assert name_machine(SETTINGS, machine.places).startswith("cebox-")
