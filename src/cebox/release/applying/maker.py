"""Makes single segments of an image, and reads each back: what stands in the target must have the hash that was signed.

A segment is written before it is known to be right. Until then it is nobody's source, and the slot starts nothing.
"""

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import TypeVar

from cebox.errors import Untrusted
from cebox.release.codecs import Content, get_codec
from cebox.release.manifest import Bounds
from cebox.release.patch import Extents, Operation, Segment, total_bytes
from cebox.release.slot import ImageFile, cut_extents

_Item = TypeVar("_Item")


class Maker:
    """Any number of threads may make segments at once. `verify_going` is called between any two chunks and may raise;
    `note_written` learns how many bytes went into the target since the last call.

    Every method raises OSError for the target, and Untrusted (`old_slot_damaged`, `patch_malformed`).
    """

    def __init__(
        self,
        bounds: Bounds,
        source: ImageFile | None,
        target: ImageFile,
        *,
        verify_going: Callable[[], None],
        note_written: Callable[[int], None],
    ) -> None:
        self._bounds = bounds
        self._source = source
        self._target = target
        self._verify_going = verify_going
        self._note_written = note_written

    def is_there(self, segment: Segment) -> bool:
        """Whether the target holds what this segment would make."""
        if segment.operation is Operation.ZERO:
            return all(self._watch(self._target.is_zero((extent,)) for extent in cut_extents(segment.target)))
        return self._hash(self._target.read_chunks(segment.target)) == segment.sha256

    def write_zeroes(self, segment: Segment) -> None:
        for written_bytes in self._watch(self._target.write_zeroes((one,)) for one in cut_extents(segment.target)):
            self._note_written(written_bytes)
        if not self.is_there(segment):
            raise _forgotten()

    def copy(self, segment: Segment) -> None:
        self._write(segment, lambda: self._read_sources(segment))

    def decode(self, segment: Segment, payload: bytearray) -> None:
        """`payload` has the hash that the segment says."""
        decode_pieces = get_codec(segment.codec).decode_pieces
        if decode_pieces is None:
            content = self._decode(segment, payload)
            self._write(segment, lambda: (content,))
            return
        try:
            self._write(segment, lambda: decode_pieces(payload, segment.target_bytes))
        except Untrusted as error:
            raise _wrong_result(segment) from error

    def _write(self, segment: Segment, make: Callable[[], Iterable[Content]]) -> None:
        """Whose fault it is that something else stands there then is found by making it again, to be hashed alone."""
        self._target.write_chunks(segment.target, self._count(make()))
        if not self.is_there(segment):
            raise _forgotten() if self._hash(make()) == segment.sha256 else _wrong_result(segment)

    def _decode(self, segment: Segment, payload: bytearray) -> bytes | bytearray:
        dictionary = self._read_dictionary(segment)
        self._verify_going()
        codec = get_codec(segment.codec)
        try:
            return codec.decode(payload, dictionary, segment.target_bytes, self._bounds.window_bytes)
        except Untrusted as error:
            # The payload is what the vendor made: with another dictionary it is not decodable.
            raise _wrong_result(segment) from error

    def _read_dictionary(self, segment: Segment) -> bytes:
        """With zeroes where the source ends early: what is decoded with it will not hash right."""
        old_bytes, new_bytes = total_bytes(segment.old), total_bytes(segment.new)
        if old_bytes + new_bytes == 0:
            return b""
        with BytesIO() as dictionary:
            # Filled in place and given away as it is: large enough not to be held twice.
            dictionary.seek(old_bytes + new_bytes - 1)
            dictionary.write(b"\0")
            with dictionary.getbuffer() as room:
                self._read_old(segment.old, room[:old_bytes])
                self._target.read_into(segment.new, room[old_bytes:])
            return dictionary.getvalue()

    def _read_old(self, extents: Extents, room: memoryview) -> None:
        if self._source is None:
            return
        try:
            self._source.read_into(extents, room)
        except OSError as error:
            raise damaged_source(str(error)) from error

    def _read_sources(self, segment: Segment) -> Iterator[bytes]:
        if segment.old and self._source is not None:
            try:
                yield from self._source.read_chunks(segment.old)
            except OSError as error:
                raise damaged_source(str(error)) from error
        yield from self._target.read_chunks(segment.new)

    def _hash(self, chunks: Iterable[Content]) -> bytes:
        digest = hashlib.sha256()
        for chunk in self._watch(chunks):
            digest.update(chunk)
        return digest.digest()

    def _count(self, chunks: Iterable[Content]) -> Iterator[Content]:
        """To be written one by one: the next is asked for when the one before is in the target."""
        for chunk in self._watch(chunks):
            yield chunk
            self._note_written(len(chunk))

    def _watch(self, items: Iterable[_Item]) -> Iterator[_Item]:
        for item in items:
            self._verify_going()
            yield item


def damaged_source(why: str) -> Untrusted:
    """The error that leads to the full way."""
    return Untrusted(
        "old_slot_damaged",
        f"the running image cannot be used: {why}",
        hint="The full image is taken instead; check this machine's disk.",
    )


def _forgotten() -> OSError:
    return OSError(errno.EIO, "what was written to it does not stand there")


def _wrong_result(segment: Segment) -> Untrusted:
    if segment.old:
        return damaged_source("it is not the one the patch was made from")
    return Untrusted(
        "patch_malformed",
        "the patch makes other bytes than it says",
        hint="The publisher must publish the release again under a new version.",
    )
