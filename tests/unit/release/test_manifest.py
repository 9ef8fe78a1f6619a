from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cebox.domain.version import Version
from cebox.errors import NotFound, Untrusted
from cebox.release.manifest import (
    MOST_MANIFEST_BYTES,
    Blob,
    Bounds,
    Component,
    Image,
    Manifest,
    Notes,
    Way,
    decode_manifest,
    encode_manifest,
    find_way,
    full_way,
    get_image,
)

A, B, C, D = (letter * 64 for letter in "abcd")
BOUNDS = Bounds(segment_bytes=4 << 20, dictionary_bytes=8 << 20, window_bytes=1 << 24, memory_bytes=1 << 25)
FULL = Way(None, None, Blob(A, 1000), 100, A, BOUNDS)
PATCH = Way("2026.10.1", B, Blob(C, 300), 50, C, BOUNDS)
MANIFEST = Manifest(
    version=Version.parse("2026.11.1"),
    floor=Version.parse("2026.9.1"),
    created=datetime(2026, 11, 1, 12, tzinfo=UTC),
    components=(Component("linux", "6.1.192"),),
    notes=Notes(fr="Nouveautés", en="News"),
    images=(Image("root", 5000, D, (FULL, PATCH)),),
)


def wire() -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(encode_manifest(MANIFEST))
    return document


def test_what_is_encoded_is_decoded_the_same() -> None:
    assert decode_manifest(encode_manifest(MANIFEST)) == MANIFEST


def test_equal_manifests_have_equal_bytes() -> None:
    again = decode_manifest(encode_manifest(MANIFEST))

    assert encode_manifest(again) == encode_manifest(MANIFEST)


def test_unknown_fields_are_ignored() -> None:
    document = wire() | {"later": 1}
    document["images"][0]["verity"] = "x"
    document["images"][0]["ways"][0]["later"] = {"a": [1]}

    assert decode_manifest(msgspec.json.encode(document)) == MANIFEST


def test_an_unknown_format_is_refused_as_such_whatever_else_it_holds() -> None:
    with pytest.raises(Untrusted) as refusal:
        decode_manifest(b'{"format": 2, "images": "quite different"}')

    assert refusal.value.code == "manifest_format_unknown"


def _with(**changes: Any) -> Callable[[], bytes]:
    return lambda: msgspec.json.encode(wire() | changes)


def _with_image(**changes: Any) -> Callable[[], bytes]:
    return lambda: msgspec.json.encode(wire() | {"images": [wire()["images"][0] | changes]})


def _with_way(number: int, **changes: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        document = wire()
        document["images"][0]["ways"][number] |= changes
        return msgspec.json.encode(document)

    return make


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "truncated": lambda: encode_manifest(MANIFEST)[:-20],
    "no_json": lambda: b"\xff\xfe\x00",
    "no_object": lambda: b"[]",
    "deep": lambda: b'{"format":1,"later":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "too_large": lambda: b'{"format": 1}' + b" " * MOST_MANIFEST_BYTES,
    "format_text": _with(format="1"),
    "version_malformed": _with(version="latest"),
    "version_missing": lambda: msgspec.json.encode({k: v for k, v in wire().items() if k != "version"}),
    "floor_above_version": _with(floor="2026.12.1"),
    "created_without_zone": _with(created="2026-11-01T12:00:00"),
    "no_images": _with(images=[]),
    "no_root_image": _with_image(name="boot"),
    "image_twice": lambda: msgspec.json.encode(wire() | {"images": wire()["images"] * 2}),
    "image_name_is_a_path": _with_image(name="../root"),
    "image_size_zero": _with_image(size=0),
    "image_size_huge": _with_image(size=1 << 60),
    "image_hash_no_hex": _with_image(sha256="../../etc/passwd"),
    "image_hash_upper_case": _with_image(sha256="A" * 64),
    "image_hash_with_newline": _with_image(sha256="a" * 64 + "\n"),
    "image_without_ways": _with_image(ways=[]),
    "image_without_full_way": lambda: _with_image(ways=[wire()["images"][0]["ways"][1]])(),
    "two_full_ways": lambda: _with_image(ways=[wire()["images"][0]["ways"][0]] * 2)(),
    "two_ways_from_one_version": lambda: _with_image(
        ways=wire()["images"][0]["ways"] + wire()["images"][0]["ways"][1:]
    )(),
    "blob_is_a_path": _with_way(0, blob={"sha256": "../../../../etc/shadow", "size": 1}),
    "index_larger_than_blob": _with_way(0, index_bytes=2000),
    "index_huge": _with_way(0, index_bytes=1 << 30),
    "source_hash_without_version": _with_way(1, from_version=None),
    "source_version_without_hash": _with_way(0, from_version="2026.10.1"),
    "source_version_malformed": _with_way(1, from_version="old"),
    "bounds_negative": _with_way(0, bounds={"segment_bytes": -1, "dictionary_bytes": 0, "window_bytes": 0}),
    "bounds_huge": _with_way(0, bounds={"segment_bytes": 1 << 40, "dictionary_bytes": 0, "window_bytes": 0}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_manifest_is_refused(name: str) -> None:
    with pytest.raises(Untrusted) as refusal:
        decode_manifest(HOSTILE[name]())

    assert refusal.value.code == "manifest_malformed"


def test_the_way_is_found_by_the_running_images_hash() -> None:
    assert find_way(MANIFEST.root, B) == PATCH
    assert find_way(MANIFEST.root, A) is None
    assert find_way(MANIFEST.root, None) is None
    assert full_way(MANIFEST.root) == FULL


def test_an_image_the_release_does_not_have_is_not_found() -> None:
    with pytest.raises(NotFound) as refusal:
        get_image(MANIFEST, "boot")

    assert refusal.value.code == "image_unknown"


def test_the_rules_see_the_release_as_downloads_by_version() -> None:
    release = MANIFEST.to_domain(is_withdrawn=True)

    assert release.is_withdrawn
    assert release.image_bytes == 5000
    assert release.download_bytes(Version.parse("2026.10.1")) == 300
    assert release.download_bytes(None) == 1000
    assert release.floor == Version.parse("2026.9.1")
