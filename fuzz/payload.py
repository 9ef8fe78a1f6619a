"""What unpacks a payload: whatever its bytes are, it gives as many as were announced, or a refusal.

    input = codec (byte) | output bytes (uint16 LE) | payload
          | 255          | output bytes (uint16 LE) | a diff, to be packed: a change then reaches what applies it

A payload's hash is signed and checked before; this is the wall behind that one.
"""

from collections.abc import Iterator

from cebox.errors import Untrusted
from cebox.release.codecs import CODECS, HDIFF_LZMA, LZMA, get_codec

_PACKED_DIFF = 255
_HEAD_BYTES = 3
_WINDOW_BYTES = 1 << 18
_DIFF_LENGTH_BYTES = 4
_NAMES = tuple(CODECS)
_OLD = b"".join(b"%d bottles, %d left\n" % (number, number * number) for number in range(60))
_NEW = _OLD[:200] + b"something new\n" + _OLD[350:900] + _OLD[:100]


def check(content: bytes) -> None:
    """Whatever escapes is a finding."""
    if len(content) < _HEAD_BYTES:
        return
    number, payload = content[0], content[_HEAD_BYTES:]
    output_bytes = int.from_bytes(content[1:_HEAD_BYTES], "little")
    if number == _PACKED_DIFF:
        name = HDIFF_LZMA
        payload = len(payload).to_bytes(_DIFF_LENGTH_BYTES, "big") + get_codec(LZMA).encode(payload, b"", 0)
    else:
        name = _NAMES[number % len(_NAMES)]
    codec = get_codec(name)
    try:
        output = codec.decode(payload, _OLD if codec.needs_dictionary else b"", output_bytes, _WINDOW_BYTES)
    except Untrusted as refusal:
        if refusal.code != "payload_undecodable":
            raise
        return
    assert len(output) == output_bytes


def list_seeds() -> Iterator[tuple[str, bytes]]:
    """A sound payload in each codec, and a sound diff."""
    size = len(_NEW).to_bytes(_HEAD_BYTES - 1, "little")
    for number, name in enumerate(_NAMES):
        codec = CODECS[name]
        payload = codec.encode(_NEW, _OLD if codec.needs_dictionary else b"", 19)
        yield f"codec-{name}", bytes([number]) + size + payload
        if name == HDIFF_LZMA:
            yield "diff", bytes([_PACKED_DIFF]) + size + _unpack_diff(payload)


def _unpack_diff(payload: bytes) -> bytes:
    diff_bytes = int.from_bytes(payload[:_DIFF_LENGTH_BYTES], "big")
    return bytes(get_codec(LZMA).decode(payload[_DIFF_LENGTH_BYTES:], b"", diff_bytes, _WINDOW_BYTES))
