"""A stick makes a whole ceBox or WRS of an empty disk, and a cut anywhere leaves one that can be installed again."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cebox.agent.machine import SlotContent, SlotName
from cebox.agent.settings import MachineKind, load_settings
from cebox.agent.systemd_boot.machine import open_machine
from cebox.domain.device import DeviceKind
from cebox.errors import Exhausted, Untrusted
from cebox.installer.copying import copy_image
from cebox.installer.disks import Content, Disk, list_disks
from cebox.installer.installation import Watch, install
from cebox.installer.layout import DATA, ESP, ROOT_A, ROOT_B, UNFINISHED
from cebox.installer.opened_key import OpenedKey, find_stick, open_key
from cebox.installer.words import Step
from tests.machines.blank_machine import BOOT_LOADER, GIB, BlankMachine
from tests.machines.installed_disk import InstalledDisk
from tests.machines.key_maker import SETTINGS, VERSION, KeyMaker


class Cut(Exception):
    """The power."""


def get_disk(machine: BlankMachine, name: str = "vda") -> Disk:
    return next(disk for disk in list_disks(machine.places) if disk.name == name)


def open_its_key(machine: BlankMachine, room: Path) -> OpenedKey:
    room.mkdir(parents=True)
    return open_key(find_stick(list_disks(machine.places), machine.places), room)


def install_on(machine: BlankMachine, room: Path, watch: Watch | None = None) -> InstalledDisk:
    install(
        open_its_key(machine, room),
        get_disk(machine),
        boot_loader=machine.places.boot_loader,
        machine_name="poste-07",
        room=room,
        watch=watch or Watch(),
    )
    disk = get_disk(machine)
    return InstalledDisk(disk.path, disk.sector_bytes)


def test_the_disk_holds_the_signed_release_and_room_for_the_next(
    maker: KeyMaker, machine: BlankMachine, tmp_path: Path
) -> None:
    machine.add_disk("vda")
    disk = install_on(machine, tmp_path / "room")
    root = maker.get_signed().manifest.root

    assert [one.label for one in disk.table.partitions] == [ESP, ROOT_A, ROOT_B, DATA]
    assert disk.table.id != UNFINISHED
    assert disk.hash_partition(ROOT_A, root.size) == root.sha256
    assert disk.table.get(ROOT_B).size == disk.table.get(ROOT_A).size > root.size


@pytest.mark.parametrize("sector_bytes", [512, 4096])
def test_other_programs_find_no_fault_in_its_filesystems(
    machine: BlankMachine, tmp_path: Path, sector_bytes: int
) -> None:
    machine.add_disk("vda", 2 * GIB, sector_bytes=sector_bytes)
    disk = install_on(machine, tmp_path / "room")

    data, boot = disk.check_data(), disk.check_boot_files(tmp_path)

    assert data.returncode == 0, data.stdout
    assert boot.returncode == 0, boot.stdout


def test_the_agent_finds_itself_on_a_blessed_system_in_its_slot(
    maker: KeyMaker, machine: BlankMachine, tmp_path: Path
) -> None:
    machine.add_disk("vda")
    disk = install_on(machine, tmp_path / "room")
    started = tmp_path / "started"
    esp = disk.copy_boot_files(started / "efi")
    for name, content in (
        ("run/cebox/slot", "a\n"),
        ("proc/cmdline", f"quiet cebox.version={VERSION}"),
        ("proc/sys/kernel/random/boot_id", "one\n"),
    ):
        (started / name).parent.mkdir(parents=True, exist_ok=True)
        (started / name).write_text(content)

    box = open_machine(started / "state", started)

    root = maker.get_signed().manifest.root
    assert box.boot_loader.get_boot().is_blessed
    assert box.slots.find_content(SlotName.A) == SlotContent(version=VERSION, sha256=root.sha256, size=root.size)
    assert box.slots.find_content(SlotName.B) is None
    assert (esp / "EFI/BOOT/BOOTX64.EFI").read_bytes() == BOOT_LOADER
    assert (esp / "EFI/systemd/systemd-bootx64.efi").read_bytes() == BOOT_LOADER
    assert "editor no" in (esp / "loader/loader.conf").read_text().splitlines()


def test_the_agents_folder_is_its_own_and_complete(maker: KeyMaker, machine: BlankMachine, tmp_path: Path) -> None:
    machine.add_disk("vda")
    disk = install_on(machine, tmp_path / "room")
    folder = tmp_path / "cebox"
    folder.mkdir()
    for name in ("agent.toml", "enrolment-token", "root.json"):
        (folder / name).write_text(disk.read_data(f"/lib/cebox/{name}"))

    settings = load_settings(folder)

    assert (settings.console_url, settings.name, settings.kind) == (SETTINGS.console_url, "poste-07", DeviceKind.CEBOX)
    assert settings.machine is MachineKind.SYSTEMD_BOOT
    assert settings.token_file.read_text() == SETTINGS.token
    assert settings.root_file.read_bytes() == maker.get_signed().anchor
    owner = os.geteuid()
    assert disk.list_modes("/lib")["cebox"] == ("40700", owner)
    assert {mode for name, mode in disk.list_modes("/lib/cebox").items() if name not in (".", "..")} == {
        ("100600", owner)
    }


def test_a_key_for_a_wrs_makes_one(maker: KeyMaker, machine: BlankMachine, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SETTINGS, kind=DeviceKind.WRS, server_url="http://10.20.4.2:8420")
    machine.pull_out("sdz")
    machine.start_from(maker.write_stick(tmp_path / "wrs.img", settings))
    machine.add_disk("vda")
    disk = install_on(machine, tmp_path / "room")

    assert "wrs.toml" in disk.list_modes("/lib/cebox")
    assert 'server_url = "http://10.20.4.2:8420"' in disk.read_data("/lib/cebox/agent.toml").splitlines()


@pytest.mark.parametrize("at", Step)
def test_a_cut_at_any_step_leaves_a_disk_that_is_installed_again(
    machine: BlankMachine, tmp_path: Path, at: Step
) -> None:
    path = machine.add_disk("vda")

    def cut(step: Step) -> None:
        if step is at:
            raise Cut

    with pytest.raises(Cut):
        install_on(machine, tmp_path / "first", Watch(begin=cut))
    assert get_disk(machine).content is (Content.EMPTY if at is Step.DIVIDE else Content.UNFINISHED)

    again = install_on(machine, tmp_path / "second")

    assert again.path == path
    assert again.check_data().returncode == 0
    assert get_disk(machine).content is Content.USED


def test_a_cut_between_the_two_copies_of_the_last_table_leaves_it_unfinished(
    machine: BlankMachine, tmp_path: Path
) -> None:
    path = machine.add_disk("vda")
    heads: list[bytes] = []

    def keep_head(_step: Step) -> None:
        with path.open("rb") as stream:
            heads.append(stream.read(1 << 20))

    install_on(machine, tmp_path / "first", Watch(begin=keep_head))
    with path.open("r+b") as stream:
        stream.write(heads[-1])

    assert get_disk(machine).content is Content.UNFINISHED


def test_a_long_step_shows_how_far_it_is(machine: BlankMachine, tmp_path: Path) -> None:
    machine.add_disk("vda")
    seen: list[tuple[int, int]] = []

    install_on(machine, tmp_path / "room", Watch(progress=lambda done, total: seen.append((done, total))))

    assert seen.count((5 << 20, 5 << 20)) == 2


def test_nothing_is_written_to_a_disk_that_is_too_small(machine: BlankMachine, tmp_path: Path) -> None:
    path = machine.add_disk("vda", 512 << 20)

    with pytest.raises(Exhausted):
        install_on(machine, tmp_path / "room")

    assert path.stat().st_blocks == 0


def harm_boot_image(stick: bytearray) -> None:
    at = stick.index(b"CEBOX_ROOT_SHA256=")
    stick[at] ^= 1


def harm_manifest(stick: bytearray) -> None:
    at = stick.index(b'"components"')
    stick[at + 1] ^= 1


def harm_root_image(stick: bytearray) -> None:
    stick[-(2 << 20)] ^= 1


@pytest.mark.parametrize("harm", [harm_boot_image, harm_manifest, harm_root_image])
def test_a_stick_that_is_not_what_was_signed_finishes_no_installation(
    stick: Path, machine: BlankMachine, tmp_path: Path, harm: Callable[[bytearray], None]
) -> None:
    machine.pull_out("sdz")
    content = bytearray(stick.read_bytes())
    harm(content)
    (tmp_path / "harmed.img").write_bytes(content)
    machine.start_from(tmp_path / "harmed.img")
    machine.add_disk("vda")

    with pytest.raises(Untrusted):
        install_on(machine, tmp_path / "room")

    assert get_disk(machine).content is not Content.USED


def test_what_the_disk_does_not_keep_is_noticed(maker: KeyMaker, machine: BlankMachine, tmp_path: Path) -> None:
    path = machine.add_disk("vda")
    image = maker.get_signed().manifest.root

    def forget(step: Step) -> None:
        if step is Step.VERIFY:
            with path.open("r+b") as stream:
                stream.seek(InstalledDisk(path).table.get(ROOT_A).offset + image.size // 3)
                stream.write(bytes(512))

    with pytest.raises(Untrusted) as refused:
        install_on(machine, tmp_path / "room", Watch(begin=forget))

    assert refused.value.code == "disk_damaged"


def test_a_stick_that_gives_other_bytes_than_were_signed_is_blamed_itself(
    maker: KeyMaker, machine: BlankMachine, tmp_path: Path
) -> None:
    path = machine.add_disk("vda")
    image = maker.get_signed().manifest.root

    with pytest.raises(Untrusted) as refused:
        copy_image(image, path, 0, path, 1 << 30, lambda _done, _total: None)

    assert refused.value.code == "key_damaged"
