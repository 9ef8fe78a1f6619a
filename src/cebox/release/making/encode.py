"""Turns a plan into a patch file: encodes the payloads on all cores and proves each one before it is kept."""

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import msgspec

from cebox.release.codecs import get_codec, window_log
from cebox.release.making.choice import Profile, encode_best, get_recipe, is_alike
from cebox.release.making.plan import Limits, Plan
from cebox.release.making.scan import Scan
from cebox.release.making.shelf import Shelf
from cebox.release.manifest import Blob, Bounds, Way
from cebox.release.patch import Extents, Index, Operation, Segment, encode_index, needed_bytes, total_bytes
from cebox.release.slot import ImageFile

# One encoder holds some 300 MB with the largest windows: more of them would pass the builder's bound of 1 GB.
_MOST_ENCODERS = 3


@dataclass(frozen=True, slots=True)
class _Encoded:
    segment: Segment
    payload: bytes


class PatchEncoder:
    """Encodes plans for one new image; `old` is None for the patch from nothing. `shelf` keeps what is done already."""

    def __init__(
        self,
        new: ImageFile,
        old: ImageFile | None,
        *,
        limits: Limits,
        profile: Profile,
        level: int,
        shelf: Shelf | None = None,
    ) -> None:
        self._new = new
        self._old = old
        self._limits = limits
        self._profile: Profile = profile
        self._level = level
        self._shelf = shelf

    def is_alike(self, target: Extents, old: Extents) -> bool:
        """What `plan_patch` asks. Raises OSError."""
        return is_alike(self._read(self._new, target), self._read(self._old, old))

    def write(
        self,
        plans: Sequence[Plan],
        new_scan: Scan,
        old_scan: Scan | None,
        folder: Path,
        progress: Callable[[int], None],
    ) -> tuple[Way, Path]:
        """Write the patch file into `folder` and return the way without `from_version`, and the file.

        `progress` gets the `Plan.work_bytes` done since the last call. Raises OSError.
        """
        with tempfile.TemporaryFile(dir=folder) as payloads:
            segments = []
            for plan, encoded in zip(plans, self._encode_all(plans), strict=True):
                payloads.write(encoded.payload)
                segments.append(encoded.segment)
                progress(plan.work_bytes)
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
        workers = min(len(os.sched_getaffinity(0)), _MOST_ENCODERS)
        with ThreadPoolExecutor(workers) as pool:
            ahead: deque[Future[_Encoded]] = deque()
            try:
                for plan in plans:
                    ahead.append(pool.submit(self._encode, plan))
                    if len(ahead) > 2 * workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for one in ahead:
                    one.cancel()

    def _encode(self, plan: Plan) -> _Encoded:
        segment = Segment(plan.operation, plan.target, old=plan.old, new=plan.new)
        if plan.operation is Operation.ZERO:
            return _Encoded(segment, b"")
        if plan.operation is Operation.COPY:
            return _Encoded(replace(segment, sha256=self._new.hash_extents(plan.target)), b"")
        return self._encode_payload(plan, segment)

    def _encode_payload(self, plan: Plan, segment: Segment) -> _Encoded:
        data = self._read(self._new, plan.target)
        dictionary = self._read(self._old, plan.old)
        codec, payload = self._encode_once(data, dictionary)
        if not get_codec(codec).needs_dictionary:
            segment = replace(segment, old=())
        segment = replace(
            segment,
            sha256=hashlib.sha256(data).digest(),
            codec=codec,
            payload_bytes=len(payload),
            payload_sha256=hashlib.sha256(payload).digest(),
        )
        return _Encoded(segment, payload)

    def _encode_once(self, data: bytes, dictionary: bytes) -> tuple[str, bytes]:
        if self._shelf is None:
            return encode_best(data, dictionary, self._profile, self._level)
        key = self._shelf.key(get_recipe(self._profile, self._level), data, dictionary)
        found = self._shelf.find(key)
        if found is None:
            found = encode_best(data, dictionary, self._profile, self._level)
            self._shelf.put(key, *found)
        return found

    def _read(self, image: ImageFile | None, extents: Extents) -> bytes:
        return b"".join(image.read_chunks(extents)) if image is not None else b""

    def _index(self, segments: tuple[Segment, ...], new: Scan, old: Scan | None) -> Index:
        payloads = [one for one in segments if one.operation is Operation.PAYLOAD]
        sizes = Bounds(
            segment_bytes=max((one.target_bytes for one in payloads), default=1),
            dictionary_bytes=max((total_bytes(one.old) for one in payloads), default=0),
            window_bytes=max((1 << window_log(one.target_bytes + total_bytes(one.old)) for one in payloads), default=0),
            memory_bytes=0,
        )
        return Index(
            new_bytes=new.size_bytes,
            new_sha256=new.sha256,
            old_bytes=old.size_bytes if old else 0,
            old_sha256=old.sha256 if old else None,
            block_bytes=self._limits.block_bytes,
            bounds=msgspec.structs.replace(
                sizes, memory_bytes=max((needed_bytes(one, sizes) for one in payloads), default=0)
            ),
            segments=segments,
        )


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
