"""A release with two images: what the firmware starts, and the root it starts."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.release.applying.apply import apply_image
from cebox.release.making.build import Previous, build_release
from cebox.release.making.ways import Effort
from cebox.release.manifest import Manifest, Notes, decode_manifest, find_way
from cebox.release.network.transport import FolderTransport

OCTOBER, NOVEMBER = Version.parse("2026.10.1"), Version.parse("2026.11.1")
_BLOCK = 4096


def make_boot(words: bytes, kernel_seed: int = 1) -> bytes:
    """Like a boot image: a few words on a block of their own, then what does not change."""
    return words.ljust(_BLOCK, b"\0") + random.Random(kernel_seed).randbytes(60 * _BLOCK)


def build(folder: Path, version: Version, *, root: bytes, boot: bytes | None, previous: Previous = ()) -> Manifest:
    for name, content in (("root", root), ("boot", boot)):
        (folder / f"{name}-{version}").write_bytes(content or b"")
    return build_release(
        source=folder / f"root-{version}",
        boot=folder / f"boot-{version}" if boot else None,
        version=version,
        floor=OCTOBER,
        notes=Notes(),
        output=folder / str(version),
        previous=previous,
        created=datetime(2026, 11, 22, tzinfo=UTC),
        effort=Effort(level=3),
    )


@pytest.fixture
def first(tmp_path: Path) -> Manifest:
    return build(tmp_path, OCTOBER, root=random.Random(2).randbytes(50 * _BLOCK), boot=make_boot(b"october"))


def build_second(folder: Path, first: Manifest) -> Manifest:
    root = random.Random(2).randbytes(50 * _BLOCK)[:-_BLOCK] + b"n" * _BLOCK
    previous = [(first, folder / str(OCTOBER) / "root.img")]
    return build(folder, NOVEMBER, root=root, boot=make_boot(b"november"), previous=previous)


def test_each_image_has_its_own_ways(tmp_path: Path, first: Manifest) -> None:
    second = build_second(tmp_path, first)

    assert first.boot is not None
    assert second.boot is not None
    for old, new in ((first.root, second.root), (first.boot, second.boot)):
        way = find_way(new, old.sha256)
        assert way is not None
        assert way.from_version == str(OCTOBER)
        assert way.blob.size < new.size / 10


def test_a_box_makes_the_new_boot_image_from_the_old_one(tmp_path: Path, first: Manifest) -> None:
    second = build_second(tmp_path, first)
    assert first.boot is not None
    assert second.boot is not None
    slot = tmp_path / "slot"
    slot.write_bytes(bytes(second.boot.size))
    way = find_way(second.boot, first.boot.sha256)
    assert way is not None

    transport = FolderTransport(tmp_path / str(NOVEMBER))
    apply_image(way, second.boot, transport, slot=slot, old=tmp_path / str(OCTOBER) / "boot.efi")

    assert slot.read_bytes() == make_boot(b"november")


def test_a_virtual_machines_release_has_no_boot_image(tmp_path: Path) -> None:
    made = build(tmp_path, OCTOBER, root=b"root" * _BLOCK, boot=None)

    assert made.boot is None
    assert not (tmp_path / str(OCTOBER) / "boot.efi").exists()


def test_the_first_release_with_a_boot_image_follows_one_without(tmp_path: Path) -> None:
    old = build(tmp_path, OCTOBER, root=random.Random(2).randbytes(50 * _BLOCK), boot=None)

    new = build_second(tmp_path, old)

    assert new.boot is not None
    assert [way.is_full for way in new.boot.ways] == [True]


def test_an_earlier_boot_image_that_is_gone_is_named_before_anything_is_packed(tmp_path: Path, first: Manifest) -> None:
    (tmp_path / str(OCTOBER) / "boot.efi").unlink()

    with pytest.raises(InvalidInput, match=r"2026\.10\.1 cannot be read") as refusal:
        build_second(tmp_path, first)

    assert refusal.value.code == "previous_image_missing"
    assert not list((tmp_path / str(NOVEMBER)).glob("blobs/*/*"))


def test_equal_inputs_give_equal_files(tmp_path: Path, first: Manifest) -> None:
    once = build_second(tmp_path, first)
    content = (tmp_path / str(NOVEMBER) / "manifest.json").read_bytes()
    (tmp_path / str(NOVEMBER)).rename(tmp_path / "once")

    again = build_second(tmp_path, first)

    assert again == once == decode_manifest(content)
    assert (tmp_path / str(NOVEMBER) / "manifest.json").read_bytes() == content
