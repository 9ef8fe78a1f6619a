"""What the agent tells the firmware before it stages a release: once, and never at the cost of the update."""

import hashlib
import os
from pathlib import Path

import pytest

from cebox.agent.machine import BootImage, SlotContent, SlotName
from cebox.agent.systemd_boot.boot_option import find_title
from cebox.agent.systemd_boot.firmware import insist_on_loader, read_options, read_order, read_table
from cebox.agent.systemd_boot.places import ESP_LABEL
from cebox.domain.device import DeviceKind
from cebox.installer.layout import ESP, plan_layout
from cebox.keys.partition_table import PartitionTable, encode_head
from tests.machines import boot_images
from tests.machines.esp_machine import EspMachine

NEW = b"new system" * 1000
CONTENT = SlotContent("2026.11.2", hashlib.sha256(NEW).hexdigest(), len(NEW))
TABLE = plan_layout(disk_bytes=2 << 30, sector_bytes=512, root_bytes=1 << 20, boot_bytes=1 << 20, kind=DeviceKind.CEBOX)
GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c"


@pytest.fixture
def memory(machine: EspMachine) -> Path:
    memory = machine.folder / "sys/firmware/efi/efivars"
    memory.mkdir(parents=True)
    return memory


@pytest.fixture
def disk(machine: EspMachine) -> Path:
    """With the boot partition on it, as udev and the kernel show them."""
    disk = machine.folder / "dev/vda"
    disk.write_bytes(encode_head(TABLE))
    os.truncate(disk, TABLE.disk_bytes)
    (machine.folder / "dev/vda1").touch()
    (machine.folder / "dev/disk/by-partlabel/cebox-esp").symlink_to("../../vda1")
    kernels = machine.folder / "sys/devices/pci/block/vda"
    (kernels / "vda1").mkdir(parents=True)
    (kernels / "queue").mkdir()
    (kernels / "queue/logical_block_size").write_text("512\n")
    (machine.folder / "sys/class/block").mkdir(parents=True)
    (machine.folder / "sys/class/block/vda1").symlink_to("../../devices/pci/block/vda/vda1")
    return disk


def stage(machine: EspMachine, tmp_path: Path) -> None:
    path = tmp_path / "new.efi"
    made = boot_images.write(path, version=CONTENT.version, sha256=CONTENT.sha256, size=CONTENT.size)
    image = BootImage(path, hashlib.sha256(made).hexdigest())
    with machine.slot_path(SlotName.B).open("r+b") as slot:
        slot.write(NEW)
    machine.open().boot_loader.stage(SlotName.B, CONTENT, boot_image=image)


def list_times(memory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in memory.iterdir()}


def test_staging_lets_the_firmware_start_the_boot_loader_for_every_try_and_once_more(
    machine: EspMachine, memory: Path, disk: Path, tmp_path: Path
) -> None:
    stage(machine, tmp_path)

    options = read_options(memory)
    assert [find_title(options[number]) for number in read_order(memory)] == [
        "ceBox OS",
        "ceBox OS (2)",
        "ceBox OS (3)",
        "ceBox OS (4)",
    ]
    assert all("systemd-bootx64.efi\0".encode("utf-16-le") in option for option in options.values())
    assert (memory / f"BootOrder-{GUID}").read_bytes() == b"\7\0\0\0" + bytes((0, 0, 1, 0, 2, 0, 3, 0))


def test_a_firmware_that_was_told_is_not_written_to_again(
    machine: EspMachine, memory: Path, disk: Path, tmp_path: Path
) -> None:
    stage(machine, tmp_path)
    told = list_times(memory)
    stage(machine, tmp_path)

    assert list_times(memory) == told


def test_what_the_firmware_knows_of_other_systems_stays(
    machine: EspMachine, memory: Path, disk: Path, tmp_path: Path
) -> None:
    foreign = {f"Boot0001-{GUID}": b"\7\0\0\0foreign", f"BootOrder-{GUID}": b"\7\0\0\0\1\0", f"Lang-{GUID}": b"fr"}
    for name, content in foreign.items():
        (memory / name).write_bytes(content)
    stage(machine, tmp_path)

    assert read_order(memory) == (0, 2, 3, 4, 1)
    assert (memory / f"Boot0001-{GUID}").read_bytes() == b"\7\0\0\0foreign"
    assert (memory / f"Lang-{GUID}").read_bytes() == b"fr"


def test_a_machine_without_such_a_firmware_is_updated_all_the_same(
    machine: EspMachine, disk: Path, tmp_path: Path
) -> None:
    stage(machine, tmp_path)

    assert machine.power_on() == CONTENT.version


def test_a_disk_that_cannot_be_found_stops_no_update(machine: EspMachine, memory: Path, tmp_path: Path) -> None:
    stage(machine, tmp_path)

    assert list_times(memory) == {}
    assert machine.power_on() == CONTENT.version


def test_a_firmware_that_refuses_stops_no_update(machine: EspMachine, memory: Path, disk: Path, tmp_path: Path) -> None:
    # A folder cannot be written to as a file, whoever tries.
    (memory / f"Boot0000-{GUID}").mkdir()
    (memory / f"BootOrder-{GUID}").mkdir()
    stage(machine, tmp_path)

    assert machine.power_on() == CONTENT.version


def test_a_disk_without_a_table_is_said_to_have_none(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(1 << 20))

    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "disk", 512)


def test_a_disk_without_our_partition_is_not_told_of(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        insist_on_loader(tmp_path, PartitionTable(TABLE.id, TABLE.disk_bytes, ()))
    assert not list(tmp_path.iterdir())


def test_the_installer_and_the_agent_call_the_partition_by_one_name() -> None:
    assert ESP_LABEL == ESP
