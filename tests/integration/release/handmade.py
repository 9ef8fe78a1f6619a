"""Patches made by hand, segment by segment: for what no generator does, or does not yet. Seeded."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cebox.release.codecs import get_codec
from cebox.release.manifest import Blob, Bounds, Image, Way
from cebox.release.patch import Extent, Extents, Index, Operation, Segment, encode_index, needed_bytes, total_bytes

BLOCK = 4096
_WINDOW_BYTES = 1 << 24


@dataclass(frozen=True)
class Handmade:
    """`folder` is a repository with this one blob; `old` and `new` are what the images hold."""

    folder: Path
    old: bytes
    new: bytes
    image: Image
    way: Way
    segments: tuple[Segment, ...]

    @property
    def running(self) -> Path:
        return self.folder / "running.img"


@dataclass
class PatchMaker:
    """Takes segments in the order they stand in the file; blocks are numbers in their image."""

    old: bytes
    new: bytearray = field(default_factory=bytearray)
    segments: list[Segment] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)

    def zero(self, target: list[int]) -> None:
        self._add(Segment(Operation.ZERO, extents(target)), bytes(BLOCK * len(target)))

    def copy(self, target: list[int], *, old: list[int] = (), new: list[int] = ()) -> None:  # type: ignore[assignment]
        content = self._read(self.old, old) + self._read(self.new, new)
        self._add(Segment(Operation.COPY, extents(target), old=extents(old), new=extents(new)), content)

    def payload(
        self,
        target: list[int],
        content: bytes,
        codec: str = "zstd",
        *,
        old: list[int] = (),  # type: ignore[assignment]
        new: list[int] = (),  # type: ignore[assignment]
    ) -> None:
        dictionary = self._read(self.old, old) + self._read(self.new, new)
        packed = get_codec(codec).encode(content, dictionary, 1)
        segment = Segment(
            Operation.PAYLOAD,
            extents(target),
            old=extents(old),
            new=extents(new),
            codec=codec,
            payload_bytes=len(packed),
            payload_sha256=hashlib.sha256(packed).digest(),
        )
        self._add(segment, content)
        self.payloads.append(packed)

    def write(self, folder: Path, change: Callable[[int, Segment], Segment] = lambda number, one: one) -> Handmade:
        """Sign it, with `change` made to each segment: what then does not fit is the vendor's own fault."""
        folder.mkdir(parents=True)
        segments = tuple(change(number, one) for number, one in enumerate(self.segments))
        index = Index(
            new_bytes=len(self.new),
            new_sha256=hashlib.sha256(self.new).hexdigest(),
            old_bytes=len(self.old),
            old_sha256=hashlib.sha256(self.old).hexdigest() if self.old else None,
            block_bytes=BLOCK,
            bounds=_bound(segments),
            segments=segments,
        )
        head = encode_index(index)
        blob = head + b"".join(self.payloads)
        way = Way(
            from_version="2026.10.1" if self.old else None,
            from_sha256=index.old_sha256,
            blob=Blob(sha256=hashlib.sha256(blob).hexdigest(), size=len(blob)),
            index_bytes=len(head),
            index_sha256=hashlib.sha256(head).hexdigest(),
            bounds=index.bounds,
        )
        path = folder / way.blob.path
        path.parent.mkdir(parents=True)
        path.write_bytes(blob)
        image = Image(name="root", size=index.new_bytes, sha256=index.new_sha256, ways=(way,))
        made = Handmade(folder, self.old, bytes(self.new), image, way, segments)
        made.running.write_bytes(self.old)
        return made

    def _add(self, segment: Segment, content: bytes) -> None:
        end = max(extent.offset + extent.length for extent in segment.target)
        self.new.extend(bytes(max(0, end - len(self.new))))
        at = 0
        for offset, length in segment.target:
            self.new[offset : offset + length] = content[at : at + length]
            at += length
        sha256 = b"" if segment.operation is Operation.ZERO else hashlib.sha256(content).digest()
        self.segments.append(replace(segment, sha256=sha256))

    def _read(self, image: bytes | bytearray, blocks: list[int]) -> bytes:
        return b"".join(image[offset : offset + length] for offset, length in extents(blocks))


def make_tangled(folder: Path, seed: int, *, segments: int = 60, blocks: int = 12) -> Handmade:
    """Segments of every kind in a random order, scattered over the image, most of which read what others make."""
    chance = random.Random(seed)
    old = chance.randbytes(200 * BLOCK)
    maker = PatchMaker(old)
    places = list(range(segments * blocks))
    chance.shuffle(places)
    made: list[int] = []
    for number in range(segments):
        target = sorted(places[number * blocks : (number + 1) * blocks])
        sources = sorted(chance.sample(made, min(len(made), blocks)))
        _add_random(maker, chance, target, sorted(chance.sample(range(200), blocks)), sources)
        made += target
    return maker.write(folder)


def make_plain(folder: Path, *, payloads: int = 40, copies: int = 40, blocks: int = 16) -> Handmade:
    """Copies, then payloads that are half noise and half what their dictionary begins with, one behind the other."""
    chance = random.Random(3)
    maker = PatchMaker(chance.randbytes((copies + payloads) * blocks * BLOCK))
    for number in range(copies):
        own = list(range(number * blocks, (number + 1) * blocks))
        maker.copy(own, old=own)
    for number in range(copies, copies + payloads):
        own = list(range(number * blocks, (number + 1) * blocks))
        kept = maker.old[own[0] * BLOCK : own[blocks // 2] * BLOCK]
        maker.payload(own, kept + chance.randbytes(blocks * BLOCK - len(kept)), "zstd-dict", old=own)
    return maker.write(folder)


def extents(blocks: list[int]) -> Extents:
    """Neighbours become one extent."""
    found: list[Extent] = []
    for block in blocks:
        if found and found[-1].offset + found[-1].length == block * BLOCK:
            found[-1] = Extent(found[-1].offset, found[-1].length + BLOCK)
        else:
            found.append(Extent(block * BLOCK, BLOCK))
    return tuple(found)


def _add_random(maker: PatchMaker, chance: random.Random, target: list[int], old: list[int], new: list[int]) -> None:
    size = len(target) * BLOCK
    kinds = ["zero", "copy old", "payload", "old dictionary"] + (["copy new", "new dictionary"] * 3 if new else [])
    match chance.choice(kinds):
        case "zero":
            maker.zero(target)
        case "copy old":
            maker.copy(target, old=old)
        case "copy new":
            maker.copy(target, new=new)
        case "payload":
            maker.payload(target, chance.randbytes(size))
        case "old dictionary":
            maker.payload(target, maker.old[-size:], "zstd-dict", old=old)
        case _:
            content = bytes(maker.new[: size // 2]).ljust(size // 2, b"?") + chance.randbytes(size - size // 2)
            maker.payload(target, content, "zstd-dict", old=old[:3], new=new)


def _bound(segments: tuple[Segment, ...]) -> Bounds:
    payloads = [one for one in segments if one.operation is Operation.PAYLOAD]
    bounds = Bounds(
        segment_bytes=max((one.target_bytes for one in payloads), default=1),
        dictionary_bytes=max((total_bytes(one.old) + total_bytes(one.new) for one in payloads), default=0),
        window_bytes=_WINDOW_BYTES,
        memory_bytes=0,
    )
    needed = max((needed_bytes(one, bounds) for one in payloads), default=0)
    return Bounds(bounds.segment_bytes, bounds.dictionary_bytes, bounds.window_bytes, needed)
