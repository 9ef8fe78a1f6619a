import random

import pytest
import zstandard

from cebox.errors import Untrusted
from cebox.release.codecs import CODECS, get_codec

WINDOW_BYTES = 1 << 24


@pytest.mark.parametrize("codec_id", CODECS)
@pytest.mark.parametrize("size", [1, 4096, 300_000])
def test_every_codec_gives_back_what_it_was_given(codec_id: str, size: int) -> None:
    chance = random.Random(size)
    codec = get_codec(codec_id)
    dictionary = chance.randbytes(100_000) if codec.needs_dictionary else b""
    data = (dictionary[500:] + chance.randbytes(size))[:size]

    payload = codec.encode(data, dictionary, 3)

    assert codec.decode(payload, dictionary, size, WINDOW_BYTES) == data


def test_a_large_dictionary_is_used_from_its_first_byte() -> None:
    """With zstd's own table sizes only the tail of a large dictionary is loaded."""
    chance = random.Random(1)
    dictionary = chance.randbytes(8 << 20)
    codec = get_codec("zstd-dict")

    assert len(codec.encode(dictionary[: 1 << 20], dictionary, 19)) < 10_000


@pytest.mark.parametrize("codec_id", CODECS)
@pytest.mark.parametrize("wrong_size", [0, 999, 1001, 1 << 40])
def test_a_payload_of_another_size_is_refused_before_it_is_allocated(codec_id: str, wrong_size: int) -> None:
    codec = get_codec(codec_id)
    dictionary = b"like this " * 50 if codec.needs_dictionary else b""
    payload = codec.encode(bytes(1000), dictionary, 3)
    with pytest.raises(Untrusted) as refusal:
        codec.decode(payload, dictionary, wrong_size, WINDOW_BYTES)

    assert refusal.value.code == "payload_undecodable"


HOSTILE = {
    "empty": b"",
    "noise": random.Random(3).randbytes(1000),
    "no_size_declared": zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000)),
    "declares_an_exabyte": bytes.fromhex("28b52ffde0") + (1 << 60).to_bytes(8, "little") + bytes(9),
    "two_frames": zstandard.ZstdCompressor().compress(bytes(1000)) * 2,
    "truncated": zstandard.ZstdCompressor().compress(random.Random(4).randbytes(1000))[:-5],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zstd_payload_is_refused(name: str) -> None:
    with pytest.raises(Untrusted) as refusal:
        get_codec("zstd").decode(HOSTILE[name], b"", 1000, WINDOW_BYTES)

    assert refusal.value.code == "payload_undecodable"


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(Untrusted) as refusal:
        get_codec("lzma-of-tomorrow")

    assert refusal.value.code == "patch_codec_unknown"
