import random

import msgspec
import pytest

from cebox.errors import Untrusted
from cebox.release.manifest import Bounds
from cebox.release.patch import (
    PREFIX_BYTES,
    Extent,
    Index,
    Operation,
    Segment,
    decode_index,
    describe_head,
    encode_index,
    needed_bytes,
    read_head_bytes,
    total_bytes,
)
from tests.unit.release import hostile_patches as hostile


def test_a_sound_head_is_read() -> None:
    index = decode_index(*hostile.sign(hostile.pack(hostile.sound_index())))

    assert [one.operation for one in index.segments] == [Operation.ZERO, Operation.COPY, Operation.PAYLOAD]
    assert index.segments[0].target == (Extent(0, 4096),)
    assert index.segments[1].target == (Extent(4096, 8192),)
    assert index.segments[1].old == (Extent(3 * 4096, 8192),)
    assert index.segments[2].old == (Extent(0, 4096),)
    assert index.segments[2].payload_offset == len(hostile.pack(hostile.sound_index()))


@pytest.mark.parametrize("name", hostile.MALFORMED)
def test_a_malformed_head_is_refused_even_when_signed(name: str) -> None:
    with pytest.raises(Untrusted) as refusal:
        decode_index(*hostile.sign(hostile.MALFORMED[name]()))

    assert refusal.value.code == "patch_malformed"


@pytest.mark.parametrize("name", hostile.BEYOND_BOUNDS)
def test_a_segment_that_needs_more_memory_than_declared_is_refused(name: str) -> None:
    payload_bytes = (1 << 20) if name == "payload_too_large" else 100
    with pytest.raises(Untrusted) as refusal:
        decode_index(*hostile.sign(hostile.BEYOND_BOUNDS[name](), payload_bytes))

    assert refusal.value.code == "patch_bounds_exceeded"


@pytest.mark.parametrize("missing_bytes", [0, 1])
def test_the_memory_that_is_declared_covers_payload_dictionary_and_output(missing_bytes: int) -> None:
    """Both the head and the manifest say the same too little: the box would believe them.

    What a decoder takes besides is no part of it: a program that reckons with more must not refuse what is published.
    """
    (segment,) = (
        one
        for one in decode_index(*hostile.sign(hostile.pack(hostile.sound_index()))).segments
        if one.operation is Operation.PAYLOAD
    )
    needed = segment.payload_bytes + total_bytes(segment.old) + total_bytes(segment.new) + segment.target_bytes
    bounds = msgspec.structs.replace(hostile.BOUNDS, memory_bytes=needed - missing_bytes)
    head, way, image = hostile.sign(hostile.pack(hostile.sound_index() | {"bounds": msgspec.to_builtins(bounds)}))
    way = msgspec.structs.replace(way, bounds=bounds)

    assert 0 < needed < needed_bytes(segment, hostile.BOUNDS)
    if missing_bytes:
        with pytest.raises(Untrusted, match="patch_bounds_exceeded"):
            decode_index(head, way, image)
    else:
        assert decode_index(head, way, image).bounds == bounds


def test_a_head_tells_what_a_manifest_would_say_of_it() -> None:
    head, way, image = hostile.sign(hostile.pack(hostile.sound_index()))
    said_way, said_image = describe_head(head, way.blob)

    assert read_head_bytes(head[:PREFIX_BYTES]) == len(head)
    assert said_way == msgspec.structs.replace(way, from_version=None)
    assert (said_image.size, said_image.sha256) == (image.size, image.sha256)
    assert decode_index(head, said_way, said_image) == decode_index(head, way, image)


@pytest.mark.parametrize("prefix", [b"", b"ceboxpatch", b"PK\3\4" + bytes(20)])
def test_the_start_of_another_file_is_no_head(prefix: bytes) -> None:
    with pytest.raises(Untrusted, match="patch_malformed"):
        read_head_bytes(prefix)


def test_an_unknown_codec_is_refused_by_name() -> None:
    index = hostile.sound_index()
    index["segments"][2][5] = "brotli-9000"
    with pytest.raises(Untrusted) as refusal:
        decode_index(*hostile.sign(hostile.pack(index)))

    assert refusal.value.code == "patch_codec_unknown"
    assert "brotli-9000" in refusal.value.message


def test_a_later_file_format_is_refused_as_such() -> None:
    with pytest.raises(Untrusted) as refusal:
        decode_index(*hostile.sign(hostile.pack(hostile.sound_index(), version=2)))

    assert refusal.value.code == "patch_format_unknown"


def test_later_fields_and_elements_are_ignored() -> None:
    index = hostile.sound_index() | {"later": "field"}
    index["segments"][2].append("later element")

    assert len(decode_index(*hostile.sign(hostile.pack(index))).segments) == 3


@pytest.mark.parametrize("fault", ["truncated", "bit_flipped"])
def test_a_head_that_is_not_the_signed_one_is_not_even_parsed(fault: str) -> None:
    head, way, image = hostile.sign(hostile.pack(hostile.sound_index()))
    broken = head[:-1] if fault == "truncated" else head[:-1] + bytes([head[-1] ^ 1])
    with pytest.raises(Untrusted) as refusal:
        decode_index(broken, way, image)

    assert refusal.value.code == "patch_differs"


def test_no_mutation_of_a_sound_head_does_more_than_be_refused() -> None:
    chance = random.Random(7)
    codes = set()
    sound = hostile.pack(hostile.sound_index())
    for _ in range(3000):
        head = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            head[chance.randrange(len(head))] = chance.randrange(256)
        try:
            decode_index(*hostile.sign(bytes(head)))
        except Untrusted as refusal:
            codes.add(refusal.code)

    assert codes <= {"patch_malformed", "patch_format_unknown", "patch_codec_unknown", "patch_bounds_exceeded"}


def test_what_is_encoded_is_decoded_the_same() -> None:
    """The images end within a block, and extents jump back and forth."""
    bounds = Bounds(segment_bytes=4096 * 3, dictionary_bytes=4096 * 4, window_bytes=1 << 18, memory_bytes=4 << 20)
    new_bytes, old_bytes = 4096 * 7 + 11, 4096 * 5 + 3
    segments = (
        Segment(Operation.ZERO, (Extent(4096 * 6, 4096),)),
        Segment(Operation.COPY, (Extent(0, 4096),), hostile.HASH, old=(Extent(4096 * 3, 4096),)),
        Segment(Operation.COPY, (Extent(4096 * 5, 4096),), hostile.HASH, new=(Extent(0, 4096),)),
        Segment(
            Operation.PAYLOAD,
            (Extent(4096 * 7, 11), Extent(4096, 4096 * 2)),
            hostile.HASH,
            old=(Extent(4096 * 4, 4096 + 3), Extent(0, 4096)),
            new=(Extent(4096 * 5, 4096),),
            codec="zstd-dict",
            payload_bytes=50,
            payload_sha256=hostile.HASH,
        ),
        Segment(
            Operation.PAYLOAD,
            (Extent(4096 * 3, 4096 * 2),),
            hostile.HASH,
            codec="zstd",
            payload_bytes=50,
            payload_sha256=hostile.HASH,
        ),
    )
    made = Index(new_bytes, hostile.HASH.hex(), old_bytes, hostile.HASH.hex(), 4096, bounds, segments)
    head, way, image = hostile.sign(encode_index(made))
    way = type(way)(way.from_version, way.from_sha256, way.blob, way.index_bytes, way.index_sha256, bounds)
    image = type(image)(image.name, new_bytes, image.sha256, (way,))

    read = decode_index(head, way, image)

    assert [(one.target, one.old, one.new) for one in read.segments] == [
        (one.target, one.old, one.new) for one in segments
    ]
    assert [one.payload_offset for one in read.segments[3:]] == [len(head), len(head) + 50]
    assert encode_index(read) == head
