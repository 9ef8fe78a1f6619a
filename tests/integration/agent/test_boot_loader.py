"""The real systemd-boot, in an emulator, starts what we think it starts: the names and the `default` that staging
writes mean what the rest of the tests believe.
"""

from pathlib import Path

import pytest

from cebox.agent.systemd_boot.entry_name import format_pattern
from cebox.agent.systemd_boot.firmware import insist_on_loader
from cebox.domain.version import Version
from tests.machines import boot_images, firmware_flash
from tests.machines.boot_loader import Loader, list_missing, say_and_end, say_and_restart

HIGHER, LOWER, PRE_RELEASE = "2026.11.2", "2026.11.1", "2026.11.2-rc.1"
SETTINGS = "timeout 0\neditor no\nauto-entries no\nauto-firmware no\n"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _emulator() -> None:
    missing = list_missing()
    if missing:
        pytest.skip(f"needs qemu-system-x86, ovmf, systemd-boot-efi, mtools and dosfstools: no {', '.join(missing)}")


@pytest.fixture
def efi(tmp_path: Path) -> Path:
    """The boot partition's files, without boot images yet."""
    (tmp_path / "efi/EFI/Linux").mkdir(parents=True)
    (tmp_path / "efi/loader").mkdir()
    (tmp_path / "efi/loader/loader.conf").write_text(SETTINGS)
    return tmp_path / "efi"


def add(efi: Path, name: str, entry: bytes, *, kept_bytes: int | None = None) -> None:
    """Of a boot image that was cut off, the first `kept_bytes` are there; a kernel is the last that it has."""
    version = name.removeprefix("cebox_").removesuffix(".efi").partition("+")[0]
    path = efi / "EFI/Linux" / name
    made = boot_images.write(path, version=version, sha256="0" * 64, size=1, kernel_bytes=1 << 16, entry=entry)
    path.write_bytes(made[:kept_bytes])


def prefer(efi: Path, version: str) -> None:
    (efi / "loader/loader.conf").write_text(f"{SETTINGS}default {format_pattern(Version.parse(version))}\n")


def test_a_staged_release_starts_although_it_is_lower_and_its_try_is_counted(tmp_path: Path, efi: Path) -> None:
    add(efi, f"cebox_{HIGHER}.efi", say_and_end("O"))
    add(efi, f"cebox_{LOWER}+3.efi", say_and_end("N"))
    prefer(efi, LOWER)
    loader = Loader(tmp_path, efi)

    assert loader.run() == "N"
    assert loader.list_files() == [f"cebox_{LOWER}+2-1.efi", f"cebox_{HIGHER}.efi"]


def test_after_the_last_try_the_other_release_starts(tmp_path: Path, efi: Path) -> None:
    add(efi, f"cebox_{LOWER}.efi", say_and_end("O"))
    add(efi, f"cebox_{HIGHER}+1-2.efi", say_and_restart("N"))
    prefer(efi, HIGHER)
    loader = Loader(tmp_path, efi)

    assert loader.run() == "NO"
    assert loader.list_files() == [f"cebox_{LOWER}.efi", f"cebox_{HIGHER}+0-3.efi"]


def test_a_blessed_release_starts_although_a_higher_one_lies_beside_it(tmp_path: Path, efi: Path) -> None:
    add(efi, f"cebox_{HIGHER}.efi", say_and_end("H"))
    add(efi, f"cebox_{PRE_RELEASE}.efi", say_and_end("P"))
    add(efi, f"cebox_{LOWER}.efi", say_and_end("L"))
    prefer(efi, LOWER)

    assert Loader(tmp_path, efi).run() == "L"


def test_by_itself_the_boot_loader_takes_a_pre_release_for_higher_than_its_release(tmp_path: Path, efi: Path) -> None:
    """Why the order of versions is never left to it."""
    add(efi, f"cebox_{HIGHER}.efi", say_and_end("H"))
    add(efi, f"cebox_{PRE_RELEASE}.efi", say_and_end("P"))

    assert Loader(tmp_path, efi).run() == "P"


def test_a_boot_image_that_does_not_load_ends_on_the_old_release_without_anybodys_hand(
    tmp_path: Path, efi: Path
) -> None:
    """The firmware refuses it three times, and comes back to the boot loader each time because it was told to."""
    add(efi, f"cebox_{LOWER}.efi", say_and_end("O"))
    add(efi, f"cebox_{HIGHER}+3.efi", say_and_end("N"), kept_bytes=1 << 15)
    prefer(efi, HIGHER)
    loader = Loader(tmp_path, efi)
    variables = tmp_path / "variables"
    variables.mkdir()
    assert insist_on_loader(variables, loader.table)
    firmware_flash.put_in(variables, loader.flash)

    assert loader.run() == "O"
    assert loader.list_files() == [f"cebox_{LOWER}.efi", f"cebox_{HIGHER}+0-3.efi"]

    for path in variables.iterdir():
        path.unlink()
    firmware_flash.take_out(loader.flash, variables)
    assert not insist_on_loader(variables, loader.table), "the firmware keeps what it was told"


def test_a_boot_image_that_says_nothing_of_itself_is_no_entry(tmp_path: Path, efi: Path) -> None:
    add(efi, f"cebox_{LOWER}.efi", say_and_end("O"))
    add(efi, f"cebox_{HIGHER}+3.efi", say_and_end("N"), kept_bytes=100)
    prefer(efi, HIGHER)
    loader = Loader(tmp_path, efi)

    assert loader.run() == "O"
    assert loader.list_files() == [f"cebox_{LOWER}.efi", f"cebox_{HIGHER}+3.efi"]
