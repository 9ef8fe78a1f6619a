"""Decides where in an erofs image every inode and every file's blocks lie. Pure.

The inodes come first, with room to grow, then the blocks. What has not changed since the image before keeps its place:
then neither its inode nor the folders that name it change, and a patch need not say where it went.
"""

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cebox.errors import InvalidInput
from cebox.release.image.erofs import FilePlace
from cebox.release.image.gaps import Gaps
from cebox.release.image.pairing import pair_files

# Inodes are found by counting in these.
UNIT_BYTES = 32
# Behind the superblock, of 128 bytes at 1024.
FIRST_UNIT = 36

# The superblock has 16 bits for it.
_LAST_ROOT_UNIT = (1 << 16) - 1
_LARGEST_INODE_BYTES = 64
_SPARE_FRACTION = 4
_FOLDER_SPARE_FRACTION = 8
# An image may grow this much over the one laid out anew, in percent, before it is laid out anew.
_MOST_PERCENT = 115
_ENDLESS = 1 << 32


@dataclass(frozen=True, slots=True)
class Piece:
    """An inode's record, `tail_bytes` of content behind it, and `blocks` of content elsewhere.

    `record_bytes` counts its extended attributes; it is 0 for blocks that belong to no inode. `kind` is its type as in
    its mode; `size` is the content's.
    """

    path: str
    kind: int
    size: int
    record_bytes: int
    tail_bytes: int
    blocks: int

    @property
    def outside_bytes(self) -> int:
        return self.size - self.tail_bytes

    @property
    def units(self) -> int:
        return -(-(self.record_bytes + self.tail_bytes) // UNIT_BYTES)


class Place(NamedTuple):
    """Of the record, in units, and of the blocks, from the start of the image; 0 where the piece has none."""

    unit: int
    block: int


@dataclass(frozen=True, slots=True)
class Placement:
    """`blocks`: of the whole image. `is_anew`: nothing was kept in its place."""

    places: Mapping[Piece, Place]
    blocks: int
    is_anew: bool


Like = Mapping[Piece, Place]


def plan_placement(pieces: Sequence[Piece], block_bytes: int, like: Like | None = None) -> Placement:
    """`pieces` begin with the root; no two have one path. `like`: those of the image before.

    Raises InvalidInput (`erofs_malformed`) for a record that no place would fit.
    """
    rule = _Rule(block_bytes)
    anew = _plan_anew(pieces, rule)
    if like:
        kept = _plan_like(pieces, rule, like)
        if kept is not None and kept.blocks * 100 <= anew.blocks * _MOST_PERCENT:
            return kept
    return anew


class _Rule:
    """Where a record may start: its tail lies within one block, and the whole of it too where it is small enough."""

    def __init__(self, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self.units = block_bytes // UNIT_BYTES

    def is_large(self, piece: Piece) -> bool:
        return piece.units > self.units

    def first_start(self, piece: Piece, unit: int) -> int:
        """The first place for it that is not before `unit`."""
        if self.is_large(piece):
            return unit + (self._start_within_block(piece) - unit) % self.units
        room = self.units - unit % self.units
        return unit if piece.units <= room else unit + room

    def is_start(self, piece: Piece, unit: int) -> bool:
        return self.first_start(piece, unit) == unit

    def _start_within_block(self, piece: Piece) -> int:
        for unit in range(self.units):
            at = unit * UNIT_BYTES
            tail_at = (at + piece.record_bytes) % self._block_bytes
            if max(at + _LARGEST_INODE_BYTES, tail_at + piece.tail_bytes) <= self._block_bytes:
                return unit
        raise InvalidInput("erofs_malformed", f"the inode of {piece.path!r} fits nowhere in the erofs image")


def _plan_anew(pieces: Sequence[Piece], rule: _Rule) -> Placement:
    units = {}
    unit = FIRST_UNIT
    for piece in pieces:
        units[piece] = unit = rule.first_start(piece, unit)
        unit += piece.units
        if piece.kind == stat.S_IFDIR:
            # For a few names more: a folder that moves changes the one it is in, and all that are in it.
            unit += 1 + piece.units // _FOLDER_SPARE_FRACTION
        if piece is pieces[0]:
            # It must not lie far behind: it grows where it is.
            unit = -(-unit // rule.units) * rule.units
    block = -(-unit // rule.units)
    block += max(1, block // _SPARE_FRACTION)
    blocks = {}
    for piece in pieces:
        blocks[piece] = block
        block += piece.blocks
    return _put_together(pieces, units, blocks, block, is_anew=True)


def _plan_like(pieces: Sequence[Piece], rule: _Rule, like: Like) -> Placement | None:
    """None when the inodes do not lie before the blocks, or have no more room there."""
    start = min((place.block for piece, place in like.items() if piece.blocks), default=_ENDLESS)
    end = max(place.unit + piece.units for piece, place in like.items())
    if start == _ENDLESS:
        start = -(-end // rule.units)
    if end > start * rule.units:
        return None
    twins = _find_twins(pieces, like)
    units = _place_records(
        pieces, rule, {piece: _Wish(like[twin].unit, twin.units) for piece, twin in twins.items()}, start
    )
    if units is None or units[pieces[0]] > _LAST_ROOT_UNIT:
        return None
    blocks = _place_blocks(
        pieces, {piece: _Wish(like[twin].block, twin.blocks) for piece, twin in twins.items()}, start
    )
    behind = max((at + piece.blocks for piece, at in blocks.items()), default=start)
    return _put_together(pieces, units, blocks, behind, is_anew=False)


def _put_together(
    pieces: Sequence[Piece], units: Mapping[Piece, int], blocks: Mapping[Piece, int], behind: int, *, is_anew: bool
) -> Placement:
    places = {
        piece: Place(units[piece] if piece.units else 0, blocks[piece] if piece.blocks else 0) for piece in pieces
    }
    return Placement(places, behind, is_anew)


def _find_twins(pieces: Sequence[Piece], like: Like) -> dict[Piece, Piece]:
    """What each was in the image before: that of its path, else the one most like it that has gone."""
    before = {piece.path: piece for piece in like}
    paths = {piece.path for piece in pieces}
    twins = {piece: before[piece.path] for piece in pieces if piece.path in before}
    gone = [piece for piece in like if piece.path not in paths]
    come = [piece for piece in pieces if piece not in twins]
    for kind in sorted({piece.kind for piece in come}):
        twins |= dict(_pair_once([one for one in gone if one.kind == kind], [one for one in come if one.kind == kind]))
    return twins


def _pair_once(gone: Sequence[Piece], come: Sequence[Piece]) -> Iterator[tuple[Piece, Piece]]:
    """The first that wants an old piece has it."""
    left = {piece.path: piece for piece in gone}
    pairs = pair_files(_describe(gone), _describe(come))
    for piece, described in zip(come, _describe(come), strict=True):
        if described in pairs and (twin := left.pop(pairs[described].path, None)):
            yield piece, twin


def _describe(pieces: Sequence[Piece]) -> list[FilePlace]:
    return [FilePlace(piece.path, number, 0, piece.size) for number, piece in enumerate(pieces)]


class _Wish(NamedTuple):
    """Where a piece's twin began, and how much of it there was."""

    start: int
    taken: int


def _place_records(
    pieces: Sequence[Piece], rule: _Rule, wishes: Mapping[Piece, _Wish], end: int
) -> dict[Piece, int] | None:
    """None when there is not room for all before the block `end`."""
    counts = {piece: piece.units for piece in pieces if piece.units}
    gaps = Gaps(FIRST_UNIT, end * rule.units)
    possible = {piece: wish for piece, wish in wishes.items() if rule.is_start(piece, wish.start)}
    placed = _keep(counts, possible, gaps)
    left = [piece for piece in counts if piece not in placed]
    for piece in filter(rule.is_large, left):
        if (unit := _take_large(piece, rule, gaps)) is None:
            return None
        placed[piece] = unit
    gaps.cut(rule.units)
    for piece in left:
        if piece not in placed:
            if (unit := gaps.take_smallest(piece.units)) is None:
                return None
            placed[piece] = unit
    return placed


def _take_large(piece: Piece, rule: _Rule, gaps: Gaps) -> int | None:
    return next((at for start, _ in gaps if gaps.take(at := rule.first_start(piece, start), piece.units)), None)


def _place_blocks(pieces: Sequence[Piece], wishes: Mapping[Piece, _Wish], start: int) -> dict[Piece, int]:
    counts = {piece: piece.blocks for piece in pieces if piece.blocks}
    gaps = Gaps(start, _ENDLESS)
    placed = _keep(counts, wishes, gaps)
    for piece, count in counts.items():
        if piece not in placed:
            block = gaps.take_smallest(count)
            assert block is not None
            placed[piece] = block
    return placed


def _keep(counts: Mapping[Piece, int], wishes: Mapping[Piece, _Wish], gaps: Gaps) -> dict[Piece, int]:
    """Those that can start where their twin did: who took as much or more before comes before who has grown."""
    placed = {}
    for has_grown in (False, True):
        for piece, count in counts.items():
            wish = wishes.get(piece)
            if wish and wish.taken and (count > wish.taken) == has_grown and gaps.take(wish.start, count):
                placed[piece] = wish.start
    return placed
