"""What is a disk, what is on it, and which one is taken without a question."""

import random
from pathlib import Path

import pytest

from cebox.domain.device import DeviceKind
from cebox.installer.choice import find_named, find_only_free
from cebox.installer.disks import Content, list_disks
from cebox.installer.layout import plan_layout
from cebox.keys.partition_table import encode_head
from tests.machines.blank_machine import GIB, BlankMachine

NOISE = random.Random(3).randbytes(4096)


@pytest.fixture
def machine(tmp_path: Path) -> BlankMachine:
    return BlankMachine(tmp_path / "machine")


def content_of(machine: BlankMachine, name: str) -> Content:
    return next(disk.content for disk in list_disks(machine.places) if disk.name == name)


def write(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def test_a_disk_of_zeroes_is_empty(machine: BlankMachine) -> None:
    machine.add_disk("vda", model="Fast Disk 3000")

    (disk,) = list_disks(machine.places)

    assert (disk.name, disk.size_bytes, disk.model, disk.content) == ("vda", 2 * GIB, "Fast Disk 3000", Content.EMPTY)


@pytest.mark.parametrize(
    "offset",
    [0, 510, 0x8000, 0x10000, (1 << 20) - 4096, GIB + 4096, 2 * GIB - (64 << 10), 2 * GIB - 4096],
    ids=["first", "mbr", "iso", "btrfs", "edge", "middle", "mdadm", "last"],
)
def test_anything_anywhere_makes_it_somebodys(machine: BlankMachine, offset: int) -> None:
    # What lies between the edges is looked at in samples: a filesystem is more than a block.
    write(machine.add_disk("vda"), offset, NOISE * (4096 if offset == GIB + 4096 else 1))

    assert content_of(machine, "vda") is Content.USED


def test_an_installation_that_was_cut_off_is_told_from_data(machine: BlankMachine) -> None:
    path = machine.add_disk("vda", 8 * GIB)
    table = plan_layout(
        disk_bytes=8 * GIB, sector_bytes=512, root_bytes=1 << 20, boot_bytes=1 << 20, kind=DeviceKind.CEBOX
    )
    write(path, 0, encode_head(table))
    write(path, 2 << 30, NOISE)

    assert content_of(machine, "vda") is Content.UNFINISHED


def test_a_disk_that_cannot_be_read_is_somebodys(machine: BlankMachine) -> None:
    machine.add_disk("vda").unlink()

    assert content_of(machine, "vda") is Content.USED


def test_what_is_no_disk_is_left_out(machine: BlankMachine) -> None:
    for name in ("loop0", "ram0", "zram0", "sr0", "dm-0", "md127", "mmcblk0boot0"):
        machine.add_disk(name, 64 << 20)
    machine.add_disk("vdb", 0)
    machine.add_disk("vdc", 64 << 20)
    (machine.places.block_devices / "vdc/ro").write_text("1\n")
    machine.add_disk("nvme0n1", 64 << 20)

    assert [disk.name for disk in list_disks(machine.places)] == ["nvme0n1"]


def test_the_only_empty_disk_is_taken_whatever_else_is_there(machine: BlankMachine) -> None:
    write(machine.add_disk("sda"), 0, NOISE)
    machine.add_disk("sdb")
    machine.add_disk("sdc", is_removable=True)
    machine.add_disk("sdd", 64 << 20)

    found = find_only_free(list_disks(machine.places), GIB)

    assert found is not None
    assert found.name == "sdb"


def test_of_two_empty_disks_none_is_taken(machine: BlankMachine) -> None:
    machine.add_disk("sda")
    machine.add_disk("sdb")

    assert find_only_free(list_disks(machine.places), GIB) is None


def test_with_no_empty_disk_none_is_taken(machine: BlankMachine) -> None:
    write(machine.add_disk("sda"), 0, NOISE)
    machine.add_disk("sdb", is_removable=True)

    assert find_only_free(list_disks(machine.places), GIB) is None


@pytest.mark.parametrize(
    ("typed", "name"), [("1", "sda"), ("2", "sdb"), ("0", None), ("3", None), ("²", None), ("sda", None), ("-1", None)]
)
def test_a_disk_is_named_by_its_number(machine: BlankMachine, typed: str, name: str | None) -> None:
    machine.add_disk("sda")
    machine.add_disk("sdb")

    found = find_named(typed, list_disks(machine.places))

    assert (found.name if found else None) == name
