"""Chooses the codec of a payload: tries those worth it, keeps the smallest. Pure, and the same for the same bytes."""

import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import zstandard

from cebox.release.codecs import HDIFF_LZMA, HDIFF_ZSTD, LZMA, LZMA_X86, ZSTD, get_codec

Profile = Literal["smallest", "light"]
"""`smallest` for the fewest bytes; `light` for boxes with a slow processor: it unpacks several times faster."""

# A payload that keeps more than this part of its data may do better without its dictionary.
_USELESS_DICTIONARY = 0.2
# What exact repetition saves must be more than this for a dictionary to be worth a search for near repetition.
_LEAST_GAIN = 0.08
_SAMPLES = 8
_SAMPLE_BYTES = 128 << 10


@dataclass(frozen=True, slots=True)
class _Codecs:
    beside: str
    alone: str
    code: str


_PROFILES: Mapping[Profile, _Codecs] = {
    "smallest": _Codecs(beside=HDIFF_LZMA, alone=LZMA, code=LZMA_X86),
    "light": _Codecs(beside=HDIFF_ZSTD, alone=ZSTD, code=ZSTD),
}


def encode_best(data: bytes, dictionary: bytes, profile: Profile, level: int) -> tuple[str, bytes]:
    """The codec's id and the payload; proven to give `data` back."""
    codecs = _PROFILES[profile]
    if not dictionary:
        return _encode(_choose_alone(codecs, data), data, b"", level)
    best = _encode(codecs.beside, data, dictionary, level)
    if len(best[1]) > _USELESS_DICTIONARY * len(data):
        alone = _encode(_choose_alone(codecs, data), data, b"", level)
        best = min(best, alone, key=lambda one: len(one[1]))
    return best


def is_alike(data: bytes, dictionary: bytes) -> bool:
    """Whether `data` repeats enough of `dictionary` for a closer look."""
    with_it, without = (_weigh(data, beside) for beside in (dictionary, b""))
    return with_it < (1 - _LEAST_GAIN) * without


def _encode(codec_id: str, data: bytes, dictionary: bytes, level: int) -> tuple[str, bytes]:
    codec = get_codec(codec_id)
    payload = codec.encode(data, dictionary, level)
    if codec.decode(payload, dictionary, len(data), 1 << 27) != data:
        raise AssertionError(f"codec {codec_id} does not give back what it was given")
    return codec_id, payload


def _choose_alone(codecs: _Codecs, data: bytes) -> str:
    """The filter for machine code helps code and harms the rest: a few samples tell."""
    if codecs.code == codecs.alone:
        return codecs.alone
    step = max(_SAMPLE_BYTES, len(data) // _SAMPLES)
    sample = b"".join(data[at : at + _SAMPLE_BYTES] for at in range(0, len(data), step))
    quick = {"id": lzma.FILTER_LZMA2, "preset": 0}
    plain, filtered = (
        len(lzma.compress(sample, format=lzma.FORMAT_RAW, filters=filters))
        for filters in ([quick], [{"id": lzma.FILTER_X86}, quick])
    )
    return codecs.code if filtered < plain else codecs.alone


def _weigh(data: bytes, dictionary: bytes) -> int:
    beside = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if dictionary else None
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=26, hash_log=22, chain_log=22, enable_ldm=True
    )
    return len(zstandard.ZstdCompressor(compression_params=parameters, dict_data=beside).compress(data))
