"""What a boot image says of itself, and what a broken or hostile one is answered."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from cebox.agent.machine import SlotContent
from cebox.agent.systemd_boot.boot_image import read_content
from cebox.errors import Untrusted
from tests.machines.boot_images import build, describe

SHA256 = "a1" * 32
SOUND = describe("2026.11.1", SHA256, 4096)
_SECTION_TABLE = 64 + 24 + 240


def sound() -> bytes:
    return build([(b".osrel", SOUND), (b".linux", b"kernel")])


def empty() -> bytes:
    return b""


def text() -> bytes:
    return b"no program at all" * 100


def cut_in_its_header() -> bytes:
    return sound()[:80]


def cut_in_its_section_table() -> bytes:
    return sound()[: _SECTION_TABLE + 50]


def cut_before_its_description() -> bytes:
    return sound()[:1600]


def header_far_away() -> bytes:
    return sound()[:0x3C] + struct.pack("<I", 0xFFFFFFF0) + sound()[0x40:]


def no_pe_magic() -> bytes:
    return sound().replace(b"PE\0\0", b"NE\0\0")


def sixty_thousand_sections() -> bytes:
    return sound()[:70] + struct.pack("<H", 60_000) + sound()[72:]


def description_of_four_gigabytes() -> bytes:
    at = _SECTION_TABLE + 40
    return sound()[: at + 8] + struct.pack("<IIII", 0xFFFFFFFF, 0, 0xFFFFFFFF, 0) + sound()[at + 24 :]


def description_beyond_the_end() -> bytes:
    at = _SECTION_TABLE + 40
    return sound()[: at + 20] + struct.pack("<I", 0xFFFFFF00) + sound()[at + 24 :]


def no_description() -> bytes:
    return build([(b".linux", b"kernel")])


def described(content: bytes) -> Callable[[], bytes]:
    return lambda: build([(b".osrel", content)])


BROKEN = [
    empty,
    text,
    cut_in_its_header,
    cut_in_its_section_table,
    cut_before_its_description,
    header_far_away,
    no_pe_magic,
    sixty_thousand_sections,
    description_of_four_gigabytes,
    description_beyond_the_end,
    no_description,
]
LIES = {
    "another system": SOUND.replace(b"IMAGE_ID=cebox", b"IMAGE_ID=debian"),
    "no version": SOUND.replace(b"IMAGE_VERSION=2026.11.1", b""),
    "a path as version": SOUND.replace(b"IMAGE_VERSION=2026.11.1", b"IMAGE_VERSION=../../etc"),
    "a short hash": SOUND.replace(SHA256.encode(), b"a1"),
    "a negative size": SOUND.replace(b"=4096", b"=-1"),
    "a size of nothing": SOUND.replace(b"=4096", b"=0"),
    "an endless size": SOUND.replace(b"=4096", b"=" + b"9" * 400),
    "no text": bytes(range(256)),
    "nothing": b"",
}


def test_a_boot_image_names_the_root_image_it_starts(tmp_path: Path) -> None:
    (tmp_path / "boot.efi").write_bytes(sound())
    assert read_content(tmp_path / "boot.efi") == SlotContent("2026.11.1", SHA256, 4096)


def test_quotes_comments_and_padding_do_not_matter(tmp_path: Path) -> None:
    text = b"# a comment\n\n" + SOUND.replace(b"2026.11.1\nCEBOX", b'"2026.11.1"\nCEBOX') + b"\0" * 100
    (tmp_path / "boot.efi").write_bytes(build([(b".osrel", text)]))
    assert read_content(tmp_path / "boot.efi").version == "2026.11.1"


@pytest.mark.parametrize("make", BROKEN)
def test_a_broken_boot_image_is_refused(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "boot.efi").write_bytes(make())
    with pytest.raises(Untrusted) as caught:
        read_content(tmp_path / "boot.efi")
    assert caught.value.code == "boot_image_malformed"


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_a_boot_image_that_does_not_name_its_root_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "boot.efi").write_bytes(described(content)())
    with pytest.raises(Untrusted) as caught:
        read_content(tmp_path / "boot.efi")
    assert caught.value.code == "boot_image_malformed"
