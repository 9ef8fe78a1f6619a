"""A disk that the installer makes without a machine, read from outside as the proof reads it after a power cut."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.domain.version import Version
from cebox.errors import NotFound
from cebox.installer.layout import ROOT_A, ROOT_B
from cebox.keys.partition_table import find_table
from cebox.lab.vm.disk import cut_short, flip_bit, install_from, make_empty_disk, read_slots
from cebox.release.manifest import Manifest
from tests.machines.installed_disk import InstalledDisk
from tests.machines.key_maker import VERSION, KeyMaker

OLD = Version.parse(VERSION)


@pytest.fixture
def maker(tmp_path: Path) -> KeyMaker:
    maker = KeyMaker(tmp_path / "vendor")
    maker.publish()
    return maker


@pytest.fixture
def release(maker: KeyMaker) -> Manifest:
    return maker.get_signed().manifest


@pytest.fixture
def disk(maker: KeyMaker, tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk.img"
    install_from(maker.write_stick(tmp_path / "stick.img"), disk, "BOX-1")
    yield disk
    disk.unlink()


def find_offset(disk: Path, label: str) -> int:
    with disk.open("rb") as stream:
        descriptor = stream.fileno()
        table = find_table(lambda offset, size: os.pread(descriptor, size, offset), disk.stat().st_size)
    assert table is not None
    return table.get(label).offset


def test_a_new_installation_has_one_release_blessed_in_the_first_slot(disk: Path, release: Manifest) -> None:
    slots = read_slots(disk, [release])

    assert slots.roots == {"a": OLD, "b": None}
    assert slots.blessed == (OLD,)


def test_a_single_wrong_byte_makes_it_another_release(disk: Path, release: Manifest) -> None:
    flip_bit(disk, "a", release.root.size - 1)
    assert read_slots(disk, [release]).roots["a"] is None

    flip_bit(disk, "a", release.root.size - 1)
    assert read_slots(disk, [release]).roots["a"] == OLD


def test_a_boot_image_that_is_cut_short_keeps_its_name(disk: Path, release: Manifest, tmp_path: Path) -> None:
    assert release.boot is not None
    whole = InstalledDisk(disk).copy_boot_files(tmp_path / "whole")
    cut_short(disk, EntryName(OLD), 0.5)
    cut = InstalledDisk(disk).copy_boot_files(tmp_path / "cut")
    before, after = ((files / f"EFI/Linux/cebox_{OLD}.efi").read_bytes() for files in (whole, cut))

    assert after == before[: release.boot.size // 2]
    assert (cut / "loader/loader.conf").read_bytes() == (whole / "loader/loader.conf").read_bytes()
    assert InstalledDisk(disk).check_boot_files(tmp_path).returncode == 0


def test_either_slot_may_hold_it(disk: Path, release: Manifest) -> None:
    first, second = find_offset(disk, ROOT_A), find_offset(disk, ROOT_B)
    with disk.open("r+b") as stream:
        stream.seek(first)
        content = stream.read(release.root.size)
        stream.seek(second)
        stream.write(content)

    assert read_slots(disk, [release]).roots == {"a": OLD, "b": OLD}


def test_an_empty_disk_is_said_to_be_one(tmp_path: Path, release: Manifest) -> None:
    make_empty_disk(tmp_path / "disk.img", 1 << 30)

    with pytest.raises(NotFound) as caught:
        read_slots(tmp_path / "disk.img", [release])
    assert caught.value.code == "disk_not_installed"
