"""Chooses the codec of a payload: tries those worth it, and weighs their bytes against the time a box takes to unpack
them. Pure, and the same for the same bytes.
"""

import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import zstandard

from cebox.release.codecs import HDIFF_LZMA, HDIFF_ZSTD, LZMA, LZMA_X86, ZSTD, ZSTD_DICT, get_codec

Profile = Literal["smallest", "light", "quick"]
"""`smallest` for the fewest bytes; `light` for boxes with a slow processor; `quick` is made and unpacked quickest."""

# A payload that keeps more than this part of its data may do better with its dictionary in another way, or without.
_USELESS_DICTIONARY = 0.2
# What exact repetition saves must be more than this for a dictionary to be worth a search for near repetition.
_LEAST_GAIN = 0.08
_SAMPLES = 8
_SAMPLE_BYTES = 128 << 10


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is tried for a payload with a dictionary and for one without. A codec that is slow to unpack is taken only
    if it saves more than the part `least_saving` of the bytes: ADR 10 has the curve.
    """

    beside: tuple[str, ...]
    alone: tuple[str, ...]
    least_saving: float


_TRIALS: Mapping[Profile, _Trial] = {
    # Alone, LZMA saves more nearly always: trying zstd as well would take a quarter of the build's time for nothing.
    "smallest": _Trial(beside=(HDIFF_ZSTD, HDIFF_LZMA), alone=(LZMA,), least_saving=0.05),
    "light": _Trial(beside=(HDIFF_ZSTD, HDIFF_LZMA), alone=(ZSTD, LZMA), least_saving=0.12),
    "quick": _Trial(beside=(HDIFF_ZSTD,), alone=(ZSTD,), least_saving=0),
}


def encode_best(data: bytes, dictionary: bytes, profile: Profile, level: int) -> tuple[str, bytes]:
    """The codec's id and the payload; proven to give `data` back."""
    trial = _TRIALS[profile]
    if dictionary:
        made = _encode(trial.beside, data, dictionary, level)
        if min(map(len, made.values())) > _USELESS_DICTIONARY * len(data):
            made |= _encode((ZSTD, *_list_alone(trial, data), ZSTD_DICT), data, dictionary, level)
    else:
        made = _encode(_list_alone(trial, data), data, b"", level)
    chosen = _choose(made, trial.least_saving)
    _verify_payload(chosen, made[chosen], data, dictionary)
    return chosen, made[chosen]


def get_recipe(profile: Profile, level: int) -> str:
    """Names everything but its arguments that the answer of `encode_best` depends on."""
    trial = _TRIALS[profile]
    codecs = (get_codec(codec_id) for codec_id in (*trial.beside, ZSTD_DICT, *trial.alone, LZMA_X86))
    libraries = (f"{name} {version(name)}" for name in ("hdiffpatch", "zstandard"))
    return "; ".join((f"{profile} {level} {trial}", *(codec.recipe for codec in codecs), *libraries))


def is_alike(data: bytes, dictionary: bytes) -> bool:
    """Whether `data` repeats enough of `dictionary` for a closer look."""
    with_it, without = (_weigh(data, beside) for beside in (dictionary, b""))
    return with_it < (1 - _LEAST_GAIN) * without


def _encode(codec_ids: Iterable[str], data: bytes, dictionary: bytes, level: int) -> dict[str, bytes]:
    """Codecs that pack the same difference share it: finding it takes longer than packing it."""
    compared: dict[object, bytes] = {}
    payloads = {}
    for codec in map(get_codec, codec_ids):
        beside = dictionary if codec.needs_dictionary else b""
        if codec.compare is None:
            payloads[codec.id] = codec.pack(data, beside, level)
            continue
        if codec.compare not in compared:
            compared[codec.compare] = codec.compare(data, beside)
        payloads[codec.id] = codec.pack(compared[codec.compare], beside, level)
    return payloads


def _choose(payloads: Mapping[str, bytes], least_saving: float) -> str:
    def weigh(codec_id: str) -> float:
        return len(payloads[codec_id]) * (1 if get_codec(codec_id).is_slow else 1 - least_saving)

    return min(payloads, key=weigh)


def _verify_payload(codec_id: str, payload: bytes, data: bytes, dictionary: bytes) -> None:
    codec = get_codec(codec_id)
    if codec.decode(payload, dictionary if codec.needs_dictionary else b"", len(data), 1 << 27) != data:
        raise AssertionError(f"codec {codec_id} does not give back what it was given")


def _list_alone(trial: _Trial, data: bytes) -> Iterator[str]:
    """The filter for machine code helps code and harms the rest."""
    is_code = LZMA in trial.alone and _is_code(data)
    return (LZMA_X86 if codec_id == LZMA and is_code else codec_id for codec_id in trial.alone)


def _is_code(data: bytes) -> bool:
    """A few samples tell."""
    step = max(_SAMPLE_BYTES, len(data) // _SAMPLES)
    sample = b"".join(data[at : at + _SAMPLE_BYTES] for at in range(0, len(data), step))
    quick = {"id": lzma.FILTER_LZMA2, "preset": 0}
    plain, filtered = (
        len(lzma.compress(sample, format=lzma.FORMAT_RAW, filters=filters))
        for filters in ([quick], [{"id": lzma.FILTER_X86}, quick])
    )
    return filtered < plain


def _weigh(data: bytes, dictionary: bytes) -> int:
    beside = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if dictionary else None
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=26, hash_log=22, chain_log=22, enable_ldm=True
    )
    return len(zstandard.ZstdCompressor(compression_params=parameters, dict_data=beside).compress(data))
