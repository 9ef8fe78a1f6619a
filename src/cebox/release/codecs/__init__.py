"""The codecs a payload may be in: pure functions from bytes to bytes, one entry each.

A codec is added by one entry; its id is written in patches and never reused. Decoders trust nothing: the size of the
output is known before, and one that would give more is refused before it is allocated.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cebox.errors import Untrusted
from cebox.release.codecs import hdiff, lzma2, zstd
from cebox.release.codecs.payload import Content
from cebox.release.codecs.zstd import window_log

__all__ = [
    "CODECS",
    "HDIFF_LZMA",
    "HDIFF_ZSTD",
    "LZMA",
    "LZMA_X86",
    "ZSTD",
    "ZSTD_DICT",
    "Codec",
    "Content",
    "get_codec",
    "window_log",
]

ZSTD = "zstd"
ZSTD_DICT = "zstd-dict"
LZMA = "lzma"
LZMA_X86 = "lzma-x86"
HDIFF_LZMA = "hdiff-lzma"
HDIFF_ZSTD = "hdiff-zstd"


@dataclass(frozen=True, slots=True)
class Codec:
    """`pack(content, dictionary, level)`; `decode(payload, dictionary, output_bytes, window_bytes)` gives exactly
    `output_bytes` or raises Untrusted (`payload_undecodable`). `needs_dictionary`: its segments name one.

    `level` is zstd's and means nothing to the others. `work_bytes(dictionary_bytes, output_bytes, window_bytes)`: the
    most memory decoding takes beside payload, dictionary and output.

    `decode_pieces`, where a codec has it, gives the same in parts, so that the output need not be held whole.

    `compare(data, dictionary)`, where a codec has it, makes the content that is packed in the data's stead. `recipe`
    is another with every change of what either makes. `is_slow`: a box unpacks it several times slower than the others.
    """

    id: str
    needs_dictionary: bool
    pack: Callable[[Content, Content, int], bytes]
    decode: Callable[[Content, bytes, int, int], bytes | bytearray]
    work_bytes: Callable[[int, int, int], int]
    recipe: str
    is_slow: bool = False
    decode_pieces: Callable[[Content, int], Iterator[Content]] | None = None
    compare: Callable[[bytes, bytes], bytes] | None = None

    def encode(self, data: bytes, dictionary: bytes, level: int) -> bytes:
        content = data if self.compare is None else self.compare(data, dictionary)
        return self.pack(content, dictionary, level)


def get_codec(codec_id: str) -> Codec:
    """Raises Untrusted (`patch_codec_unknown`)."""
    codec = CODECS.get(codec_id)
    if codec is None:
        raise Untrusted(
            "patch_codec_unknown",
            f"the patch uses a codec {codec_id[:32]!r} that this program does not know",
            hint="Update this machine to an earlier release first.",
        )
    return codec


def _lzma_codec(codec_id: str, *, is_x86: bool) -> Codec:
    return Codec(
        codec_id,
        needs_dictionary=False,
        pack=lambda data, _dictionary, _level: lzma2.encode(data, is_x86=is_x86),
        decode=lambda payload, _dictionary, size, _window: lzma2.decode(payload, size, is_x86=is_x86),
        work_bytes=lzma2.work_bytes,
        recipe=lzma2.RECIPE,
        is_slow=True,
        decode_pieces=lambda payload, size: lzma2.decode_pieces(payload, size, is_x86=is_x86),
    )


def _zstd_codec(codec_id: str, *, needs_dictionary: bool) -> Codec:
    return Codec(codec_id, needs_dictionary, zstd.encode, zstd.decode, zstd.work_bytes, zstd.RECIPE)


def _hdiff_codec(codec_id: str, packing: Codec) -> Codec:
    return Codec(
        codec_id,
        needs_dictionary=True,
        pack=lambda diff, _dictionary, level: hdiff.pack(diff, packing.pack(diff, b"", level)),
        decode=lambda payload, dictionary, size, window: hdiff.decode(
            payload, dictionary, size, lambda packed, diff_bytes: packing.decode(packed, b"", diff_bytes, window)
        ),
        work_bytes=hdiff.work_bytes,
        recipe=f"{hdiff.RECIPE} {packing.recipe}",
        is_slow=packing.is_slow,
        compare=hdiff.compare,
    )


_ZSTD = _zstd_codec(ZSTD, needs_dictionary=False)
_LZMA = _lzma_codec(LZMA, is_x86=False)

CODECS: Mapping[str, Codec] = {
    codec.id: codec
    for codec in (
        _ZSTD,
        _zstd_codec(ZSTD_DICT, needs_dictionary=True),
        _LZMA,
        _lzma_codec(LZMA_X86, is_x86=True),
        _hdiff_codec(HDIFF_LZMA, _LZMA),
        _hdiff_codec(HDIFF_ZSTD, _ZSTD),
    )
}
