import struct
from collections.abc import Mapping

import pytest

from cebox.errors import InvalidInput
from cebox.image.uki import Section, encode_uki

_HEADER = struct.Struct("<4sHHIIIHH")
_SECTION = struct.Struct("<8sIIIIIIHHI")
_TABLE_AT = 0x80 + _HEADER.size + 240
_SECTIONS = (Section(".cmdline", b"quiet"), Section(".linux", b"kernel" * 3000), Section(".initrd", b"i" * 70_000))


def make_stub(*, room: int = 8, machine_code: bytes = b"\x90" * 512) -> bytes:
    """A PE file with one section of its own, room for more in its header, and a table of symbols behind it."""
    headers = -(-(_TABLE_AT + (1 + room) * _SECTION.size) // 512) * 512
    stub = bytearray(headers)
    stub[:2] = b"MZ"
    struct.pack_into("<I", stub, 0x3C, 0x80)
    _HEADER.pack_into(stub, 0x80, b"PE\0\0", 0x8664, 1, 0, headers + 512, 7, 240, 0x206)
    optional_at = 0x80 + _HEADER.size
    struct.pack_into("<H", stub, optional_at, 0x20B)
    struct.pack_into("<II", stub, optional_at + 32, 512, 512)
    struct.pack_into("<II", stub, optional_at + 56, 0x4200, _TABLE_AT + (1 + room) * _SECTION.size)
    own = (b".text", len(machine_code), 0x4000, 512, headers, 0, 0, 0, 0, 0x60000020)
    _SECTION.pack_into(stub, _TABLE_AT, *own)
    return bytes(stub) + machine_code.ljust(512, b"\0") + b"symbols"


def read_sections(image: bytes) -> Mapping[str, tuple[int, int, int]]:
    """Name → where in memory, where in the file, how long: as a firmware reads it."""
    count, optional_bytes = struct.unpack_from("<H", image, 0x86)[0], struct.unpack_from("<H", image, 0x94)[0]
    found = {}
    for at in range(count):
        name, size, memory, _, offset, *_ = _SECTION.unpack_from(image, 0x98 + optional_bytes + at * _SECTION.size)
        found[name.rstrip(b"\0").decode()] = (memory, offset, size)
    return found


def test_every_section_is_found_with_its_content() -> None:
    image = encode_uki(make_stub(), _SECTIONS)

    places = read_sections(image)
    assert list(places) == [".text", ".cmdline", ".linux", ".initrd"]
    for section in _SECTIONS:
        _, offset, size = places[section.name]
        assert image[offset : offset + size] == section.content


def test_sections_lie_on_blocks_and_apart_in_memory() -> None:
    places = read_sections(encode_uki(make_stub(), _SECTIONS))

    end = 0x4200
    for section in _SECTIONS:
        memory, offset, size = places[section.name]
        assert memory % 4096 == offset % 4096 == 0
        assert memory >= end
        end = memory + size


def test_the_image_says_how_much_memory_it_takes() -> None:
    image = encode_uki(make_stub(), _SECTIONS)

    memory, _, size = read_sections(image)[".initrd"]
    assert struct.unpack_from("<I", image, 0x98 + 56)[0] == -(-(memory + size) // 4096) * 4096


def test_a_longer_command_line_leaves_the_kernel_where_it_is() -> None:
    short, long = (
        encode_uki(make_stub(), (Section(".cmdline", words), *_SECTIONS[1:])) for words in (b"quiet", b"quiet " * 500)
    )

    assert read_sections(short)[".linux"] == read_sections(long)[".linux"]
    assert short[read_sections(short)[".linux"][1] :] == long[read_sections(long)[".linux"][1] :]


def test_the_table_of_symbols_goes() -> None:
    image = encode_uki(make_stub(), _SECTIONS)

    assert b"symbols" not in image
    assert struct.unpack_from("<II", image, 0x80 + 12) == (0, 0)


@pytest.mark.parametrize(
    ("stub", "why"),
    [
        (b"", "too short"),
        (b"MZ" + bytes(100), "no 64-bit PE"),
        (make_stub()[:0x90], "too short"),
        (make_stub().replace(b"PE\0\0", b"NE\0\0"), "no 64-bit PE"),
        (make_stub(room=1), "no room"),
    ],
)
def test_a_stub_that_cannot_be_extended_is_refused(stub: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refusal:
        encode_uki(stub, _SECTIONS)

    assert refusal.value.code == "stub_malformed"
