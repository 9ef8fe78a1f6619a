"""The codecs a payload may be in: pure functions from bytes to bytes, one entry each.

A codec is added by one entry; its id is written in patches and never reused. Decoders trust nothing: the size of the
output is known before, and one that would give more is refused before it is allocated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import zstandard

from cebox.errors import Untrusted

Content = bytes | bytearray | memoryview

ZSTD = "zstd"
ZSTD_DICT = "zstd-dict"
_LARGEST_WINDOW_LOG = 27


@dataclass(frozen=True, slots=True)
class Codec:
    """`encode(data, dictionary, level)`; `decode(payload, dictionary, output_bytes, window_bytes)` gives exactly
    `output_bytes` or raises Untrusted (`payload_undecodable`). `needs_dictionary`: its segments name one.
    """

    id: str
    needs_dictionary: bool
    encode: Callable[[Content, Content, int], bytes]
    decode: Callable[[Content, Content, int, int], bytes]


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


def window_log(reach_bytes: int) -> int:
    """The smallest zstd window, as a power of two, that reaches over `reach_bytes`."""
    return max(18, min(_LARGEST_WINDOW_LOG, (max(reach_bytes, 1) - 1).bit_length()))


def _encode_zstd(data: Content, dictionary: Content, level: int) -> bytes:
    reach_bytes = memoryview(data).nbytes + memoryview(dictionary).nbytes
    wide = window_log(reach_bytes)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level,
        window_log=wide,
        # The defaults are meant for the data alone: a large dictionary would be loaded only by its tail.
        hash_log=max(17, wide - 1),
        chain_log=max(17, min(wide, 24)),
        enable_ldm=level < 16 and reach_bytes > 1 << 20,
        write_content_size=True,
        write_checksum=False,
        write_dict_id=False,
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters, dict_data=_load_dictionary(dictionary))
    return compressor.compress(data)


def _decode_zstd(payload: Content, dictionary: Content, output_bytes: int, window_bytes: int) -> bytes:
    try:
        frame = zstandard.get_frame_parameters(payload)
        if frame.content_size != output_bytes or frame.window_size > max(window_bytes, output_bytes):
            raise _undecodable("it declares another size")
        decompressor = zstandard.ZstdDecompressor(
            dict_data=_load_dictionary(dictionary), max_window_size=1 << _LARGEST_WINDOW_LOG
        )
        output = decompressor.decompress(payload, max_output_size=output_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise _undecodable(str(error)) from error
    if len(output) != output_bytes:
        raise _undecodable("it gives another size")
    return output


def _load_dictionary(content: Content) -> zstandard.ZstdCompressionDict | None:
    if memoryview(content).nbytes == 0:
        return None
    return zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _undecodable(why: str) -> Untrusted:
    return Untrusted("payload_undecodable", f"a part of the patch cannot be decoded: {why}")


CODECS: Mapping[str, Codec] = {
    codec.id: codec
    for codec in (
        Codec(ZSTD, needs_dictionary=False, encode=_encode_zstd, decode=_decode_zstd),
        Codec(ZSTD_DICT, needs_dictionary=True, encode=_encode_zstd, decode=_decode_zstd),
    )
}
