from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.image.modules import list_modules


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a kernel with `ext4` as a module that needs two others, and one module built in."""
    (tmp_path / "modules.dep").write_text(
        "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko\n"
        "kernel/fs/jbd2/jbd2.ko:\n"
        "kernel/lib/crc16.ko:\n"
        "kernel/drivers/md/dm-verity.ko: kernel/fs/jbd2/jbd2.ko\n"
    )
    (tmp_path / "modules.builtin").write_text("kernel/crypto/sha256_generic.ko\n")
    return tmp_path


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_what_a_module_needs_comes_before_it(folder: Path) -> None:
    assert names(list_modules(folder, ["ext4"])) == ["crc16.ko", "jbd2.ko", "ext4.ko"]


def test_a_module_comes_once(folder: Path) -> None:
    assert names(list_modules(folder, ["dm-verity", "ext4"])) == ["jbd2.ko", "dm-verity.ko", "crc16.ko", "ext4.ko"]


def test_a_hyphen_and_an_underscore_are_one(folder: Path) -> None:
    assert list_modules(folder, ["dm_verity"]) == list_modules(folder, ["dm-verity"])


def test_what_is_built_in_is_left_out(folder: Path) -> None:
    assert list_modules(folder, ["sha256_generic"]) == []


def test_an_unknown_module_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no module floppy") as refusal:
        list_modules(folder, ["floppy"])

    assert refusal.value.code == "module_unknown"
