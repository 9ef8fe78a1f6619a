"""A stick as other programs see it: the table by sfdisk, the small partition by fsck and mtools, all of it by zstd."""

import hashlib
import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import zstandard

from cebox.domain.version import Version
from cebox.errors import Conflict, Unavailable
from cebox.keys import contents
from cebox.keys.contents import decode_settings
from cebox.keys.fat import FatVolume
from cebox.keys.partition_table import ESP_TYPE
from cebox.keys.writing import write_stick
from cebox.release.network.transport import FolderTransport
from cebox.release.trust.repository import TrustedRepository
from tests.machines.key_maker import SETTINGS, VERSION, KeyMaker, now

NOTHING = lambda _done, _total: None  # noqa: E731 - a progress nobody sees


@pytest.fixture(scope="module")
def stick(maker: KeyMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return maker.write_stick(tmp_path_factory.mktemp("stick") / "stick.img")


def read_table(stick: Path) -> dict[str, Any]:
    said = subprocess.run(["/usr/sbin/sfdisk", "--json", stick], check=True, capture_output=True)
    table: dict[str, Any] = json.loads(said.stdout)["partitiontable"]
    return table


def get_offset(stick: Path, label: str) -> int:
    return next(512 * int(one["start"]) for one in read_table(stick)["partitions"] if one["name"] == label)


@pytest.fixture(scope="module")
def files(stick: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is on the small partition."""
    folder = tmp_path_factory.mktemp("files")
    volume = FatVolume(stick, get_offset(stick, contents.ESP_LABEL), 0)
    for name in ("EFI", "loader", "cebox"):
        volume.copy_out(name, folder / name)
    return folder


def test_sfdisk_finds_no_fault_in_the_table(stick: Path) -> None:
    said = subprocess.run(["/usr/sbin/sfdisk", "--verify", stick], capture_output=True, text=True)

    assert said.returncode == 0
    assert "No errors detected" in said.stdout
    assert said.stderr == ""


def test_a_firmware_finds_a_partition_to_start_from(stick: Path) -> None:
    esp, root = read_table(stick)["partitions"]

    assert (esp["name"], esp["type"].lower()) == (contents.ESP_LABEL, str(ESP_TYPE))
    assert root["name"] == contents.ROOT_LABEL


def test_fsck_finds_no_fault_in_the_small_partition(stick: Path, tmp_path: Path) -> None:
    esp = next(one for one in read_table(stick)["partitions"] if one["name"] == contents.ESP_LABEL)
    volume = tmp_path / "esp.img"
    with stick.open("rb") as stream:
        stream.seek(512 * esp["start"])
        volume.write_bytes(stream.read(512 * esp["size"]))

    said = subprocess.run(["/usr/sbin/fsck.vfat", "-n", volume], capture_output=True, text=True)

    assert said.returncode == 0, said.stdout


def test_the_boot_image_is_the_releases_own(maker: KeyMaker, files: Path) -> None:
    boot = maker.get_signed().boot

    assert hashlib.sha256((files / contents.BOOT_PROGRAM).read_bytes()).hexdigest() == boot.sha256


def test_the_root_image_is_the_releases_own(maker: KeyMaker, stick: Path) -> None:
    image = maker.get_signed().manifest.root
    start = get_offset(stick, contents.ROOT_LABEL)

    assert hashlib.sha256(stick.read_bytes()[start : start + image.size]).hexdigest() == image.sha256


def test_the_sign_that_the_initrd_sees_names_this_very_stick(stick: Path, files: Path) -> None:
    sign = (files / contents.STARTED_FROM_KEY).read_text().strip()

    assert sign == read_table(stick)["id"].lower()


def test_the_settings_say_what_the_machine_becomes(files: Path) -> None:
    assert decode_settings((files / contents.FOLDER / contents.SETTINGS).read_bytes()) == SETTINGS


def test_the_signed_chain_on_the_stick_leads_from_its_anchor_to_the_manifest(
    maker: KeyMaker, files: Path, tmp_path: Path
) -> None:
    folder = files / contents.FOLDER
    transport = FolderTransport(folder / contents.REPOSITORY)
    trusted = TrustedRepository(transport, tmp_path / "state", (folder / contents.ANCHOR).read_bytes(), now=now)

    assert trusted.get_manifest(Version.parse(VERSION)) == maker.get_signed().manifest


def test_a_plain_image_is_sparse_and_a_packed_one_is_the_same_image(maker: KeyMaker, tmp_path: Path) -> None:
    plain, packed = tmp_path / "stick.img", tmp_path / "stick.img.zst"
    seen: list[tuple[int, int]] = []
    with maker.open_stick(tmp_path) as stick:
        write_stick(stick, plain, lambda done, total: seen.append((done, total)))
        write_stick(stick, packed, NOTHING)

    with packed.open("rb") as stream:
        unpacked = zstandard.ZstdDecompressor().stream_reader(stream).read()
    assert unpacked == plain.read_bytes()
    assert plain.stat().st_blocks * 512 < plain.stat().st_size / 2
    assert packed.stat().st_size < plain.stat().st_size / 8
    assert seen[-1] == (plain.stat().st_size,) * 2


def test_nobody_else_may_read_a_stick_for_it_holds_a_token(maker: KeyMaker, tmp_path: Path) -> None:
    output = tmp_path / "stick.img"
    with maker.open_stick(tmp_path) as stick:
        write_stick(stick, output, NOTHING)

    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert SETTINGS.token.encode() in output.read_bytes()


def test_two_sticks_are_told_apart(maker: KeyMaker, tmp_path: Path) -> None:
    with maker.open_stick(tmp_path) as one, maker.open_stick(tmp_path) as other:
        assert one.table.id != other.table.id


def test_a_file_that_is_there_is_never_written_over(maker: KeyMaker, tmp_path: Path) -> None:
    output = tmp_path / "stick.img"
    output.write_text("holiday pictures")
    with maker.open_stick(tmp_path) as stick, pytest.raises(Conflict) as refused:
        write_stick(stick, output, NOTHING)

    assert refused.value.code == "output_exists"
    assert output.read_text() == "holiday pictures"


def test_a_folder_that_is_not_there_is_named(maker: KeyMaker, tmp_path: Path) -> None:
    with maker.open_stick(tmp_path) as stick, pytest.raises(Unavailable) as refused:
        write_stick(stick, tmp_path / "away/stick.img", NOTHING)

    assert refused.value.code == "output_unwritable"


@pytest.mark.parametrize("name", ["stick.img", "stick.img.zst"])
def test_a_stick_whose_making_was_stopped_leaves_nothing(maker: KeyMaker, tmp_path: Path, name: str) -> None:
    def stop(done: int, _total: int) -> None:
        if done > 4 << 20:
            raise KeyboardInterrupt

    with maker.open_stick(tmp_path) as stick, pytest.raises(KeyboardInterrupt):
        write_stick(stick, tmp_path / name, stop)

    assert list(tmp_path.iterdir()) == []
