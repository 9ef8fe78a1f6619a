"""LZMA2 without a container, after the filter for x86 machine code or not."""

import lzma
from collections.abc import Iterator
from typing import Any

from cebox.release.codecs.payload import Content, undecodable

_PRESET = 6
RECIPE = f"lzma2 1 preset {_PRESET}"
_LARGEST_OUTPUT_BYTES = 1 << 27
_SMALLEST_WINDOW_BYTES = 1 << 18
_PIECE_BYTES = 1 << 20
# Measured beside the window.
_UNPACKING_BYTES = 6 << 20


def encode(data: Content, *, is_x86: bool = False) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_RAW, filters=_list_filters(len(data), is_x86=is_x86))


def decode(payload: Content, output_bytes: int, *, is_x86: bool = False) -> bytearray:
    if output_bytes > _LARGEST_OUTPUT_BYTES:
        raise undecodable("it declares another size")
    output = bytearray(output_bytes)
    filled = 0
    for piece in decode_pieces(payload, output_bytes, is_x86=is_x86):
        output[filled : filled + len(piece)] = piece
        filled += len(piece)
    return output


def decode_pieces(payload: Content, output_bytes: int, *, is_x86: bool = False) -> Iterator[bytes]:
    """`output_bytes` in all, or Untrusted (`payload_undecodable`) before one more is given."""
    if output_bytes > _LARGEST_OUTPUT_BYTES:
        raise undecodable("it declares another size")
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_list_filters(output_bytes, is_x86=is_x86))
    left = output_bytes
    rest: Content = payload
    while not decompressor.eof:
        try:
            # One byte more than is left shows output that was not announced, and lets the end be read.
            piece = decompressor.decompress(rest, max_length=min(left + 1, _PIECE_BYTES))
        except lzma.LZMAError as error:
            raise undecodable(str(error)) from error
        rest = b""
        if len(piece) > left or not (piece or decompressor.eof):
            raise undecodable("it gives another size")
        left -= len(piece)
        if piece:
            yield piece
    if left or decompressor.unused_data:
        raise undecodable("it gives another size")


def _list_filters(output_bytes: int, *, is_x86: bool) -> list[dict[str, Any]]:
    """The window reaches over everything; raw LZMA2 does not carry its size, so both sides compute it."""
    last = {"id": lzma.FILTER_LZMA2, "preset": _PRESET, "dict_size": max(output_bytes, _SMALLEST_WINDOW_BYTES)}
    return [{"id": lzma.FILTER_X86}, last] if is_x86 else [last]


def work_bytes(_dictionary_bytes: int, output_bytes: int, _window_bytes: int) -> int:
    return max(output_bytes, _SMALLEST_WINDOW_BYTES) + _UNPACKING_BYTES
