"""The boot partition when it is full, damaged, foreign or not there: the running system's entry outlives everything."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cebox.agent.machine import BootImage, Machine, SlotContent, SlotName
from cebox.errors import CeboxError, Conflict, Untrusted
from tests.machines import boot_images
from tests.machines.esp_machine import EspMachine

NEW = b"new system" * 1000
FIRST, SECOND = "2026.11.1", "2026.11.2"
ONLY_FIRST = [f"cebox_{FIRST}.efi"]
CONTENT = SlotContent(SECOND, hashlib.sha256(NEW).hexdigest(), len(NEW))
_STAGE_WITH_LITTLE_ROOM = """
import resource, sys
from pathlib import Path
from cebox.agent.machine import BootImage, SlotContent, SlotName
from cebox.agent.systemd_boot.machine import open_machine
from cebox.errors import CeboxError

root, state, sha256, size, boot, boot_sha256 = sys.argv[1:]
loader = open_machine(Path(state), Path(root)).boot_loader
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    loader.stage(SlotName.B, SlotContent("2026.11.2", sha256, int(size)), boot_image=BootImage(Path(boot), boot_sha256))
except CeboxError as error:
    print(error.code)
"""


def make_boot_image(folder: Path, *, content: SlotContent = CONTENT, kernel_bytes: int = 1 << 16) -> BootImage:
    path = folder / "new.efi"
    facts = {"version": content.version, "sha256": content.sha256, "size": content.size}
    made = boot_images.write(path, kernel_bytes=kernel_bytes, **facts)  # type: ignore[arg-type]
    return BootImage(path, hashlib.sha256(made).hexdigest())


def stage(machine: Machine, boot_image: BootImage | None) -> None:
    machine.boot_loader.stage(SlotName.B, CONTENT, boot_image=boot_image)


def find_code(machine: Machine, boot_image: BootImage | None) -> str:
    with pytest.raises(CeboxError) as caught:
        stage(machine, boot_image)
    return caught.value.code


def test_a_full_boot_partition_keeps_what_it_has(machine: EspMachine, tmp_path: Path) -> None:
    boot = make_boot_image(tmp_path)
    arguments = (machine.folder, machine.state, CONTENT.sha256, CONTENT.size, boot.path, boot.sha256)
    words = [sys.executable, "-c", _STAGE_WITH_LITTLE_ROOM, *(str(one) for one in arguments)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout

    assert said.splitlines()[-1] == "esp_full"
    assert machine.list_files() == ONLY_FIRST
    assert machine.power_on() == FIRST


def test_bytes_that_are_not_the_releases_make_no_entry(machine: EspMachine, tmp_path: Path) -> None:
    boot = make_boot_image(tmp_path)
    content = bytearray(boot.path.read_bytes())
    content[-1] ^= 1
    boot.path.write_bytes(content)

    assert find_code(machine.open(), boot) == "esp_damaged"
    assert machine.list_files() == ONLY_FIRST
    assert machine.power_on() == FIRST


@pytest.mark.parametrize(
    "content",
    [
        SlotContent(SECOND, "0" * 64, CONTENT.size),
        SlotContent("2026.11.3", CONTENT.sha256, CONTENT.size),
        SlotContent(SECOND, CONTENT.sha256, 1),
    ],
    ids=["another image", "another version", "another size"],
)
def test_a_boot_image_of_another_root_image_makes_no_entry(
    content: SlotContent, machine: EspMachine, tmp_path: Path
) -> None:
    assert find_code(machine.open(), make_boot_image(tmp_path, content=content)) == "boot_image_foreign"
    assert machine.list_files() == ONLY_FIRST


def test_without_a_boot_image_nothing_is_staged(machine: EspMachine) -> None:
    assert find_code(machine.open(), None) == "boot_image_foreign"


def test_a_boot_partition_that_is_not_there_is_told_and_hides_nothing_else(machine: EspMachine, tmp_path: Path) -> None:
    shutil.rmtree(machine.folder / "efi")
    opened = machine.open()

    assert opened.slots.find_content(SlotName.A) is None
    assert opened.slots.get_running() is SlotName.A
    assert opened.boot_loader.find_boot_room_bytes() == 0
    assert not opened.boot_loader.get_boot().is_blessed
    assert find_code(opened, make_boot_image(tmp_path)) == "not_blessed"


def test_loader_settings_that_became_a_folder_are_told(machine: EspMachine, tmp_path: Path) -> None:
    (machine.folder / "efi/loader/loader.conf").mkdir()
    assert find_code(machine.open(), make_boot_image(tmp_path)) == "esp_unusable"
    assert machine.power_on() == FIRST


def test_lost_loader_settings_are_written_anew_and_others_are_kept(machine: EspMachine, tmp_path: Path) -> None:
    settings = machine.folder / "efi/loader/loader.conf"
    stage(machine.open(), make_boot_image(tmp_path))
    written = settings.read_text()
    settings.write_text("timeout 3\n\ndefault somebody.efi\nconsole-mode max\n")
    machine.open().boot_loader.clear(SlotName.B)

    assert written.splitlines()[:2] == ["timeout 0", "editor no"]
    assert settings.read_text().rstrip("\n") == f"timeout 3\nconsole-mode max\ndefault cebox_{FIRST}[+.][1-9e]*"


def test_loader_settings_that_a_fault_has_emptied_are_written_anew(machine: EspMachine) -> None:
    settings = machine.folder / "efi/loader/loader.conf"
    settings.touch()
    machine.open().boot_loader.clear(SlotName.B)

    assert "editor no" in settings.read_text().splitlines()


def test_loader_settings_are_one_sector_that_is_written_in_its_place(machine: EspMachine, tmp_path: Path) -> None:
    """A file that is replaced lies in a new place for a moment, and FAT does not say where both moments meet."""
    settings = machine.folder / "efi/loader/loader.conf"
    machine.open().boot_loader.clear(SlotName.B)
    before = settings.stat()
    stage(machine.open(), make_boot_image(tmp_path))
    after = settings.stat()

    assert f"default cebox_{SECOND}[+.][1-9e]*" in settings.read_text().splitlines()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size) == (before.st_ino, 512)


def test_what_clearing_frees_counts_as_room(machine: EspMachine) -> None:
    (machine.boot_images / "foreign.efi").touch()
    os.truncate(machine.boot_images / "foreign.efi", 1 << 41)
    opened = machine.open()
    before = opened.boot_loader.find_boot_room_bytes()
    (machine.boot_images / f"cebox_{SECOND}+0-3.efi").touch()
    os.truncate(machine.boot_images / f"cebox_{SECOND}+0-3.efi", 1 << 40)
    after = opened.boot_loader.find_boot_room_bytes()

    assert before is not None
    assert after is not None
    assert before < 1 << 40 < after < 1 << 41


@pytest.mark.parametrize("name", ["FSCK0000.REC", "fsck0001.rec"])
def test_what_a_check_of_the_filesystem_has_found_makes_room(machine: EspMachine, name: str) -> None:
    """The bytes of a boot image that power went under."""
    opened = machine.open()
    before = opened.boot_loader.find_boot_room_bytes()
    (machine.folder / "efi" / name).touch()
    os.truncate(machine.folder / "efi" / name, 1 << 40)
    after = opened.boot_loader.find_boot_room_bytes()
    opened.boot_loader.clear(SlotName.B)

    assert before is not None
    assert after is not None
    assert before < 1 << 40 < after
    assert not (machine.folder / "efi" / name).exists()


def test_an_entry_whose_name_lies_about_its_version_holds_nothing(machine: EspMachine, tmp_path: Path) -> None:
    boot = make_boot_image(tmp_path)
    shutil.copyfile(boot.path, machine.boot_images / "cebox_2026.12.1+3.efi")
    opened = machine.open()

    assert opened.slots.find_content(SlotName.B) is None
    assert opened.boot_loader.find_tries(SlotName.B) == 3


def test_staging_again_finds_its_work_done(machine: EspMachine, tmp_path: Path) -> None:
    boot = make_boot_image(tmp_path)
    stage(machine.open(), boot)
    entry = machine.boot_images / f"cebox_{SECOND}+3.efi"
    written_at = entry.stat().st_mtime_ns
    stage(machine.open(), boot)

    assert entry.stat().st_mtime_ns == written_at


def test_a_system_that_was_started_otherwise_is_none_of_ours(machine: EspMachine) -> None:
    (machine.folder / "proc/cmdline").write_text("quiet splash\n")
    with pytest.raises(CeboxError) as caught:
        machine.open()
    assert caught.value.code == "machine_missing"


def test_a_slot_whose_partition_is_gone_has_no_room(machine: EspMachine) -> None:
    machine.slot_path(SlotName.B).unlink()
    assert machine.open().slots.get_size_bytes(SlotName.B) == 0


def test_a_blessing_that_changes_nothing_is_no_blessing(machine: EspMachine, tmp_path: Path) -> None:
    with machine.slot_path(SlotName.B).open("r+b") as slot:
        slot.write(NEW)
    stage(machine.open(), make_boot_image(tmp_path))
    machine.power_on()
    (machine.programs / "systemd-bless-boot").write_text("#!/bin/sh\necho 'no such entry' >&2\nexit 5\n")

    with pytest.raises(Conflict) as caught:
        machine.open().boot_loader.bless()
    assert caught.value.code == "blessing_refused"
    assert "no such entry" in caught.value.message


def test_a_foreign_boot_image_is_no_reason_to_fail(machine: EspMachine) -> None:
    (machine.boot_images / "debian.efi").write_bytes(b"MZ")
    machine.open().boot_loader.clear(SlotName.B)
    assert "debian.efi" in machine.list_files()


def test_the_running_slot_cannot_be_staged(machine: EspMachine, tmp_path: Path) -> None:
    with pytest.raises(Conflict) as caught:
        machine.open().boot_loader.stage(SlotName.A, CONTENT, boot_image=make_boot_image(tmp_path))
    assert caught.value.code == "slot_in_use"


def test_a_malformed_boot_image_makes_no_entry(machine: EspMachine, tmp_path: Path) -> None:
    (tmp_path / "boot.efi").write_bytes(b"MZ" * 500)
    with pytest.raises(Untrusted):
        stage(machine.open(), BootImage(tmp_path / "boot.efi", "0" * 64))
    assert machine.list_files() == ONLY_FIRST


def test_a_boot_image_that_became_unreadable_has_no_tries_left(machine: EspMachine, tmp_path: Path) -> None:
    """The boot loader does not show it, so it would wait for ever to be started."""
    stage(machine.open(), make_boot_image(tmp_path))
    os.truncate(machine.boot_images / f"cebox_{SECOND}+3.efi", 100)

    assert machine.power_on() == FIRST
    assert machine.open().boot_loader.find_tries(SlotName.B) == 0
