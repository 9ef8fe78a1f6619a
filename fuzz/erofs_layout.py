"""The reader of erofs images: an image that is no image gives a refusal, and a layout that is given is true.

    input = size of the image in KiB (one byte) | pieces of it       piece = offset (uint24 LE) | length (byte) | bytes

An image is zero where no piece lies: written so, it is a few hundred bytes, and a change of any of them counts.
"""

from collections.abc import Iterator

from cebox.errors import InvalidInput
from cebox.release.image.erofs import Layout, is_erofs, list_inodes, read_layout
from tests.unit.release import hostile_erofs as hostile

_UNIT_BYTES = 1024
_OFFSET_BYTES = 3
_LONGEST_PIECE_BYTES = 255
_SHORTEST_GAP_BYTES = 4
_LARGEST_SEED_BYTES = 4096


def check(content: bytes) -> None:
    """Whatever escapes is a finding."""
    image = hostile.MemoryImage(unpack(content))
    is_erofs(image)
    try:
        layout = read_layout(image)
        inodes = sum(1 for _ in list_inodes(image))
    except InvalidInput:
        return
    _verify(layout, image.size_bytes)
    assert inodes >= len(layout.files)


def list_seeds() -> Iterator[tuple[str, bytes]]:
    """The images of the tests: sound ones, and one for each fault."""
    yield "sound", pack(bytes(hostile.sound().content))
    for name, make in (hostile.MALFORMED | hostile.UNSUPPORTED).items():
        packed = pack(make())
        if len(packed) <= _LARGEST_SEED_BYTES:
            yield name, packed


def unpack(content: bytes) -> bytes:
    image = bytearray(content[0] * _UNIT_BYTES if content else 0)
    at = 1
    while at + _OFFSET_BYTES < len(content) and image:
        offset = int.from_bytes(content[at : at + _OFFSET_BYTES], "little") % len(image)
        start = at + _OFFSET_BYTES + 1
        end = start + content[start - 1]
        piece = content[start:end][: len(image) - offset]
        image[offset : offset + len(piece)] = piece
        at = end
    return bytes(image)


def pack(image: bytes) -> bytes:
    packed = bytearray([min(-(-len(image) // _UNIT_BYTES), 255)])
    at = 0
    while at < len(image):
        if image[at] == 0:
            at += 1
            continue
        end = image.find(bytes(_SHORTEST_GAP_BYTES), at, at + _LONGEST_PIECE_BYTES)
        piece = image[at : end if end != -1 else at + _LONGEST_PIECE_BYTES]
        packed += at.to_bytes(_OFFSET_BYTES, "little") + bytes([len(piece)]) + piece
        at += len(piece)
    return bytes(packed)


def _verify(layout: Layout, image_bytes: int) -> None:
    assert layout.size_bytes <= image_bytes
    end = 0
    paths = set()
    for place in layout.files:
        assert place.offset >= end
        assert place.offset % layout.block_bytes == 0
        assert place.length % layout.block_bytes == 0
        assert place.length > 0
        assert abs(place.length - place.size) <= layout.block_bytes
        end = place.offset + place.length
        assert place.path.startswith("/")
        assert "\0" not in place.path
        assert ".." not in place.path.split("/")
        paths.add(place.path)
    assert end <= layout.size_bytes
    assert len(paths) == len(layout.files)
