"""The real systemd-boot, in an emulator, starts what we think it starts: the names and the `default` that staging
writes mean what the rest of the tests believe.
"""

from pathlib import Path

import pytest

from cebox.agent.systemd_boot.entry_name import format_pattern
from cebox.domain.version import Version
from tests.machines import boot_images
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


def add(efi: Path, name: str, entry: bytes) -> None:
    version = name.removeprefix("cebox_").removesuffix(".efi").partition("+")[0]
    boot_images.write(efi / "EFI/Linux" / name, version=version, sha256="0" * 64, size=1, entry=entry)


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
