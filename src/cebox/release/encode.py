"""Turns a plan into a patch file: encodes the payloads on all cores and proves each one before it is kept."""

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from cebox.release.codecs import ZSTD, ZSTD_DICT, get_codec, window_log
from cebox.release.manifest import Blob, Bounds, Way
from cebox.release.patch import Extents, Index, Operation, Segment, encode_index
from cebox.release.plan import Limits, Plan, Scan
from cebox.release.slot import ImageFile

# One encoder holds about 150 MB with the largest tables: more of them would pass the builder's bound of 1 GB.
_MOST_ENCODERS = 6
_USELESS_DICTIONARY = 0.4
"""A payload that keeps more than this part of its data may do better without its dictionary."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    segment: Segment
    payload: bytes


class PatchEncoder:
    """Encodes plans for one new image; `old` is None for the patch from nothing."""

    def __init__(self, new: ImageFile, old: ImageFile | None, *, limits: Limits, level: int) -> None:
        self._new = new
        self._old = old
        self._limits = limits
        self._level = level

    def write(
        self,
        plans: list[Plan],
        new_scan: Scan,
        old_scan: Scan | None,
        folder: Path,
        progress: Callable[[int], None],
    ) -> tuple[Way, Path]:
        """Write the patch file into `folder` and return the way without `from_version`, and the file.

        `progress` gets the bytes of the new image done since the last call. Raises OSError.
        """
        with tempfile.TemporaryFile(dir=folder) as payloads:
            segments = []
            for encoded in self._encode_all(plans):
                payloads.write(encoded.payload)
                segments.append(encoded.segment)
                progress(encoded.segment.target_bytes)
            index = self._index(tuple(segments), new_scan, old_scan)
            head = encode_index(index)
            payloads.seek(0)
            blob, path = _write_blob(head, payloads, folder)
        way = Way(
            from_version=None,
            from_sha256=index.old_sha256,
            blob=blob,
            index_bytes=len(head),
            index_sha256=hashlib.sha256(head).hexdigest(),
            bounds=index.bounds,
        )
        return way, path

    def _encode_all(self, plans: Iterable[Plan]) -> Iterator[_Encoded]:
        """In the plans' order; only a few segments are in memory at any time."""
        workers = min(os.cpu_count() or 1, _MOST_ENCODERS)
        with ThreadPoolExecutor(workers) as pool:
            ahead: deque[Future[_Encoded]] = deque()
            for plan in plans:
                ahead.append(pool.submit(self._encode, plan))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _encode(self, plan: Plan) -> _Encoded:
        segment = Segment(plan.operation, plan.target, old=plan.old, new=plan.new)
        if plan.operation is Operation.ZERO:
            return _Encoded(segment, b"")
        if plan.operation is Operation.COPY:
            return _Encoded(replace(segment, sha256=self._new.hash_extents(plan.target)), b"")
        return self._encode_payload(plan, segment)

    def _encode_payload(self, plan: Plan, segment: Segment) -> _Encoded:
        data = b"".join(self._new.read_chunks(plan.target))
        dictionary = self._read_dictionary(plan.old, plan.new)
        codec, payload = self._choose(data, dictionary)
        if codec == ZSTD:
            segment = replace(segment, old=(), new=())
        segment = replace(
            segment,
            sha256=hashlib.sha256(data).digest(),
            codec=codec,
            payload_bytes=len(payload),
            payload_sha256=hashlib.sha256(payload).digest(),
        )
        return _Encoded(segment, payload)

    def _read_dictionary(self, old: Extents, new: Extents) -> bytes:
        from_old = self._old.read_chunks(old) if self._old is not None else ()
        return b"".join((*from_old, *self._new.read_chunks(new)))

    def _choose(self, data: bytes, dictionary: bytes) -> tuple[str, bytes]:
        """The smallest of the codecs that give the data back."""
        if not dictionary:
            return ZSTD, self._prove(ZSTD, data, b"")
        best = ZSTD_DICT, self._prove(ZSTD_DICT, data, dictionary)
        if len(best[1]) > _USELESS_DICTIONARY * len(data):
            plain = self._prove(ZSTD, data, b"")
            if len(plain) <= len(best[1]):
                return ZSTD, plain
        return best

    def _prove(self, codec_id: str, data: bytes, dictionary: bytes) -> bytes:
        codec = get_codec(codec_id)
        payload = codec.encode(data, dictionary, self._level)
        if codec.decode(payload, dictionary, len(data), self._window_bytes()) != data:
            raise AssertionError(f"codec {codec_id} does not give back what it was given")
        return payload

    def _window_bytes(self) -> int:
        return 1 << window_log(self._limits.segment_bytes + self._limits.dictionary_bytes)

    def _index(self, segments: tuple[Segment, ...], new: Scan, old: Scan | None) -> Index:
        payloads = [one for one in segments if one.operation is Operation.PAYLOAD]
        bounds = Bounds(
            segment_bytes=max((one.target_bytes for one in payloads), default=1),
            dictionary_bytes=max((_dictionary_bytes(one) for one in payloads), default=0),
            window_bytes=self._window_bytes() if payloads else 0,
        )
        return Index(
            new_bytes=new.size_bytes,
            new_sha256=new.sha256,
            old_bytes=old.size_bytes if old else 0,
            old_sha256=old.sha256 if old else None,
            block_bytes=self._limits.block_bytes,
            bounds=bounds,
            segments=segments,
        )


def _dictionary_bytes(segment: Segment) -> int:
    return sum(extent.length for extent in (*segment.old, *segment.new))


def _write_blob(head: bytes, payloads: IO[bytes], folder: Path) -> tuple[Blob, Path]:
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
        part = Path(out.name)
        for chunk in _chain(head, payloads):
            digest.update(chunk)
            out.write(chunk)
        size = out.tell()
    blob = Blob(sha256=digest.hexdigest(), size=size)
    path = folder / blob.sha256
    part.chmod(0o644)
    part.replace(path)
    return blob, path


def _chain(head: bytes, payloads: IO[bytes]) -> Iterator[bytes]:
    yield head
    while chunk := payloads.read(1 << 20):
        yield chunk
