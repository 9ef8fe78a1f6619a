"""zstd, alone or with old content as its dictionary."""

import zstandard

from cebox.release.codecs.payload import Content, undecodable

RECIPE = "zstd 1"
_LARGEST_WINDOW_LOG = 27
_TABLES_BYTES = 1 << 20


def window_log(reach_bytes: int) -> int:
    """The smallest zstd window, as a power of two, that reaches over `reach_bytes`."""
    return max(18, min(_LARGEST_WINDOW_LOG, (max(reach_bytes, 1) - 1).bit_length()))


def encode(data: Content, dictionary: Content, level: int) -> bytes:
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


def decode(payload: Content, dictionary: Content, output_bytes: int, window_bytes: int) -> bytes:
    try:
        frame = zstandard.get_frame_parameters(payload)
        if frame.content_size != output_bytes or frame.window_size > max(window_bytes, output_bytes):
            raise undecodable("it declares another size")
        decompressor = zstandard.ZstdDecompressor(
            dict_data=_load_dictionary(dictionary), max_window_size=1 << _LARGEST_WINDOW_LOG
        )
        output = decompressor.decompress(payload, max_output_size=output_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise undecodable(str(error)) from error
    if len(output) != output_bytes:
        raise undecodable("it gives another size")
    return output


def _load_dictionary(content: Content) -> zstandard.ZstdCompressionDict | None:
    if memoryview(content).nbytes == 0:
        return None
    return zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def work_bytes(dictionary_bytes: int, _output_bytes: int, window_bytes: int) -> int:
    return max(dictionary_bytes, window_bytes) + _TABLES_BYTES
