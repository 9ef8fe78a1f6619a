"""Follows a patch's list into the inactive slot: streaming, in bounded memory, every byte hashed before it is written.

Resuming needs no notes: a segment whose bytes stand in the slot already is skipped. Whether the whole slot is the image
that was promised is for `verify.verify_image` to say, afterwards.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from cebox.errors import Conflict, InvalidInput, NotFound, Untrusted
from cebox.release.codecs import get_codec
from cebox.release.manifest import Image, Way, find_way, full_way
from cebox.release.patch import Index, Operation, Segment, decode_index, total_bytes
from cebox.release.slot import ImageFile, open_slot
from cebox.release.transport import Transport

Progress = Callable[[int, int], None]
"""Called with the bytes of the blob that are done (fetched now, or not needed any more) and the blob's size."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a box can spare for applying, beyond the program itself."""

    memory_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Applied:
    """`way` is `full` or `patch from <version>`; `fell_back` is the error's code when a patch was tried first."""

    way: str
    received_bytes: int
    segments: int
    skipped_segments: int
    fell_back: str | None = None


def apply_best(
    image: Image,
    running_sha256: str | None,
    transport: Transport,
    *,
    slot: Path,
    old: Path | None,
    budget: Budget | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Applied:
    """Make `image` in `slot` the cheapest way: the patch from the running image if there is one this box can afford,
    else the full way. A patch that fails for want of a sound source or file is given up for the full way.

    `running_sha256` is the hash of the image in `old`, the running slot. Raises what `apply_image` raises.
    """
    received_before = transport.received_bytes
    patch = _find_patch(image, running_sha256 if old else None, budget or Budget())
    fell_back = None
    if patch is not None:
        try:
            return apply_image(
                patch, image, transport, slot=slot, old=old, resume=resume, progress=progress, should_stop=should_stop
            )
        except (Untrusted, NotFound) as error:
            fell_back = error.code
    full = full_way(image)
    applied = apply_image(
        full,
        image,
        transport,
        slot=slot,
        old=None,
        # What the patch made before it failed is good, and is not fetched again.
        resume=resume or fell_back is not None,
        progress=progress,
        should_stop=should_stop,
    )
    return replace(applied, fell_back=fell_back, received_bytes=transport.received_bytes - received_before)


def apply_image(
    way: Way,
    image: Image,
    transport: Transport,
    *,
    slot: Path,
    old: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Applied:
    """Make `image` in `slot` by this one way; returns when everything is on the disk.

    Raises Exhausted (`slot_too_small`, `disk_full`), Untrusted (`patch_*`, `old_slot_damaged`), NotFound
    (`blob_missing`), Unavailable (`repository_unreachable`, `slot_unusable`), Conflict (`update_cancelled`) and
    InvalidInput (`slot_missing`, `slot_is_running`). After any of them `resume` picks up the work.
    """
    received_before = transport.received_bytes
    with ExitStack() as stack:
        source = None if way.is_full else stack.enter_context(_open_source(old, slot))
        target = stack.enter_context(open_slot(slot, image.size))
        index = _fetch_index(way, image, transport)
        work = _Work(way, index, transport, target, source, progress, should_stop)
        skipped = work.run(resume=resume)
        target.sync()
    return Applied(
        way="full" if way.is_full else f"patch from {way.from_version}",
        received_bytes=transport.received_bytes - received_before,
        segments=len(index.segments),
        skipped_segments=skipped,
    )


def _find_patch(image: Image, running_sha256: str | None, budget: Budget) -> Way | None:
    patch = find_way(image, running_sha256)
    is_fit = patch is not None and patch.bounds.memory_bytes <= budget.memory_bytes
    return patch if is_fit else None


def _open_source(old: Path | None, slot: Path) -> ImageFile:
    if old is None:
        raise _damaged_source("it is not given")
    try:
        if slot.exists() and slot.samefile(old):
            raise InvalidInput("slot_is_running", f"{slot} is the running slot; it is never written")
        return ImageFile(old, is_writable=False)
    except OSError as error:
        raise _damaged_source(str(error)) from error


def _fetch_index(way: Way, image: Image, transport: Transport) -> Index:
    head = b"".join(transport.read(way.blob.path, 0, way.index_bytes))
    return decode_index(head, way, image)


class _Work:
    """One pass over the segments."""

    def __init__(
        self,
        way: Way,
        index: Index,
        transport: Transport,
        target: ImageFile,
        source: ImageFile | None,
        progress: Progress | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self._way = way
        self._index = index
        self._transport = transport
        self._target = target
        self._source = source
        self._progress = progress
        self._should_stop = should_stop

    def run(self, *, resume: bool) -> int:
        """Returns how many segments were there already."""
        segments = self._index.segments
        missing = [one for one in segments if not (resume and self._is_there(one))]
        done_bytes = self._way.blob.size - sum(one.payload_bytes for one in missing)
        self._report(done_bytes)
        for run in _list_runs(missing):
            with closing(self._open_stream(run, done_bytes)) as stream:
                for segment in run:
                    self._check_stop()
                    self._make(segment, stream)
                    done_bytes += segment.payload_bytes
        return len(segments) - len(missing)

    def _is_there(self, segment: Segment) -> bool:
        self._check_stop()
        if segment.operation is Operation.ZERO:
            return self._target.is_zero(segment.target)
        return self._target.hash_extents(segment.target) == segment.sha256

    def _open_stream(self, run: list[Segment], done_bytes: int) -> "_Stream":
        """One request for all payloads of the run; none when it has none."""
        length = sum(one.payload_bytes for one in run)
        start = next((one.payload_offset for one in run if one.payload_bytes), 0)
        chunks = self._transport.read(self._way.blob.path, start, length) if length else iter(())
        return _Stream(self._watch(chunks, done_bytes))

    def _watch(self, chunks: Iterator[bytes], done_bytes: int) -> Iterator[bytes]:
        for chunk in chunks:
            self._check_stop()
            done_bytes += len(chunk)
            self._report(done_bytes)
            yield chunk

    def _make(self, segment: Segment, stream: "_Stream") -> None:
        match segment.operation:
            case Operation.ZERO:
                self._target.write_zeroes(segment.target)
            case Operation.COPY:
                self._copy(segment)
            case Operation.PAYLOAD:
                content = self._decode(segment, stream.take(segment.payload_bytes))
                self._target.write_chunks(segment.target, (content,))

    def _copy(self, segment: Segment) -> None:
        """A copy may be larger than memory: its source is hashed in a first pass and written in a second."""
        digest = hashlib.sha256()
        for chunk in self._read_sources(segment):
            digest.update(chunk)
        if digest.digest() != segment.sha256:
            raise _wrong_result(segment)
        self._target.write_chunks(segment.target, self._read_sources(segment))

    def _decode(self, segment: Segment, payload: bytearray) -> bytes:
        if hashlib.sha256(payload).digest() != segment.payload_sha256:
            raise Untrusted(
                "patch_differs",
                "a part of the patch is not the one that was signed",
                hint="The repository or the way to it damages files; check it with `cebox release verify`.",
            )
        codec = get_codec(segment.codec)
        dictionary = _join(self._read_sources(segment), total_bytes(segment.old) + total_bytes(segment.new))
        try:
            content = codec.decode(payload, dictionary, segment.target_bytes, self._index.bounds.window_bytes)
        except Untrusted as error:
            # The payload is what the vendor made: with another dictionary it is not decodable.
            raise _wrong_result(segment) from error
        if hashlib.sha256(content).digest() != segment.sha256:
            raise _wrong_result(segment)
        return content

    def _read_sources(self, segment: Segment) -> Iterator[bytes]:
        if segment.old and self._source is not None:
            try:
                yield from self._source.read_chunks(segment.old)
            except OSError as error:
                raise _damaged_source(str(error)) from error
        yield from self._target.read_chunks(segment.new)

    def _check_stop(self) -> None:
        if self._should_stop is not None and self._should_stop():
            raise Conflict("update_cancelled", "the update was cancelled")

    def _report(self, done_bytes: int) -> None:
        if self._progress is not None:
            self._progress(done_bytes, self._way.blob.size)


class _Stream:
    """Takes exact amounts out of chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def take(self, count: int) -> bytearray:
        taken = bytearray(count)
        filled = 0
        while filled < count:
            if not self._rest:
                self._rest = memoryview(next(self._chunks, b""))
            if not self._rest:
                raise Untrusted("blob_truncated", "the patch ends early")
            part = self._rest[: count - filled]
            taken[filled : filled + len(part)] = part
            filled += len(part)
            self._rest = self._rest[len(part) :]
        return taken

    def close(self) -> None:
        closer = getattr(self._chunks, "close", None)
        if closer is not None:
            closer()


def _list_runs(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Groups whose payloads lie one behind the other in the file."""
    runs: list[list[Segment]] = []
    end: int | None = None
    for segment in segments:
        if runs and (not segment.payload_bytes or end in (None, segment.payload_offset)):
            runs[-1].append(segment)
        else:
            runs.append([segment])
        if segment.payload_bytes:
            end = segment.payload_offset + segment.payload_bytes
    return runs


def _join(chunks: Iterator[bytes], size_bytes: int) -> bytearray:
    """Shorter than `size_bytes` when the source ends early: what is decoded with it will not hash right."""
    joined = bytearray(size_bytes)
    filled = 0
    for chunk in chunks:
        joined[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return joined


def _wrong_result(segment: Segment) -> Untrusted:
    if segment.old:
        return _damaged_source("it is not the one the patch was made from")
    return Untrusted(
        "patch_malformed",
        "the patch makes other bytes than it says",
        hint="The publisher must publish the release again under a new version.",
    )


def _damaged_source(why: str) -> Untrusted:
    return Untrusted(
        "old_slot_damaged",
        f"the running image cannot be used: {why}",
        hint="The full image is taken instead; check this machine's disk.",
    )
