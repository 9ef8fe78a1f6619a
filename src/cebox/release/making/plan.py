"""Decides how a new image is made from an old one: which blocks are zero, copied or sent, and with what beside them.

The box knows nothing of this; another plan needs no other box. Pure, but for the probe it is given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cebox.release.making.places import REPEATED, ZERO, Measure, Places, list_spans
from cebox.release.making.scan import Scan
from cebox.release.making.sorting import IsAlike, Sorter
from cebox.release.making.windows import Run, choose_windows, cut, pack
from cebox.release.patch import Extents, Operation, total_bytes

# How many bytes are hashed for a copy, or searched in a dictionary, in the time that packing one takes.
_COPIED_AT_ONCE = 64
_SEARCHED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """The generator's bounds: memory on the box, and how fine the list is.

    `wide_bytes`: of a segment without a dictionary; the more it holds, the better it packs itself.
    """

    block_bytes: int = 4096
    segment_bytes: int = 4 << 20
    dictionary_bytes: int = 16 << 20
    wide_bytes: int = 16 << 20
    copy_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """A segment before it is encoded. `old` and `new`: the copy's source, or the dictionary."""

    operation: Operation
    target: Extents
    old: Extents = ()
    new: Extents = ()

    @property
    def work_bytes(self) -> int:
        """A measure of the time that encoding takes: searching a dictionary is several times quicker than packing."""
        if self.operation is not Operation.PAYLOAD:
            return total_bytes(self.target) // _COPIED_AT_ONCE
        return total_bytes(self.target) + total_bytes(self.old) // _SEARCHED_AT_ONCE


def plan_full(new: Scan, limits: Limits) -> list[Plan]:
    """The plan from nothing."""
    places = Places.find(None, new)
    measure = Measure(limits.block_bytes, new.size_bytes)
    runs = [Run(start, end - start) for start, end, is_missing in list_spans(places.sources) if is_missing]
    most = limits.segment_bytes // limits.block_bytes
    groups = pack(cut(runs, most), most, room=0)
    payloads = [Plan(Operation.PAYLOAD, measure.extents(run.span for run in group)) for group in groups]
    return [*_plan_zeroes(places, measure), *payloads, *_plan_repeats(places, measure, limits)]


def plan_patch(old: Scan, new: Scan, limits: Limits, is_alike: IsAlike = lambda _new, _old: True) -> list[Plan]:
    """The plan from `old`: copies, zeroes, and payloads with the old blocks most like them as dictionary."""
    places = Places.find(old, new)
    measure, old_measure = (Measure(limits.block_bytes, scan.size_bytes) for scan in (new, old))
    close, alone = Sorter(old, new, limits.block_bytes, is_alike).sort(places)
    most, wide, room = (
        count // limits.block_bytes for count in (limits.segment_bytes, limits.wide_bytes, limits.dictionary_bytes)
    )
    # The largest first: at the end all decoders then have work until the last moment.
    payloads = []
    for group in pack(cut(alone, wide), wide, room=room):
        payloads.append(Plan(Operation.PAYLOAD, measure.extents(run.span for run in group)))
    for group in pack(cut(close, most), most, room):
        dictionary = old_measure.extents(choose_windows(group, room))
        payloads.append(Plan(Operation.PAYLOAD, measure.extents(run.span for run in group), old=dictionary))
    return [
        *_plan_zeroes(places, measure),
        *_plan_copies(places, measure, old_measure, limits),
        *payloads,
        *_plan_repeats(places, measure, limits),
    ]


def _plan_zeroes(places: Places, measure: Measure) -> list[Plan]:
    target = measure.extents((block, 1) for block, source in enumerate(places.sources) if source == ZERO)
    return [Plan(Operation.ZERO, target)] if target else []


def _plan_copies(places: Places, new: Measure, old: Measure, limits: Limits) -> list[Plan]:
    copied = [(block, source) for block, source in enumerate(places.sources) if source >= 0]
    return [
        Plan(Operation.COPY, new.extents((block, 1) for block, _ in part), old=old.extents((at, 1) for _, at in part))
        for part in _parts(copied, limits)
    ]


def _plan_repeats(places: Places, new: Measure, limits: Limits) -> list[Plan]:
    """Last of all: they copy what the payloads made."""
    copied = [(block, at) for block, at in places.repeated.items() if places.sources[block] == REPEATED]
    return [
        Plan(Operation.COPY, new.extents((block, 1) for block, _ in part), new=new.extents((at, 1) for _, at in part))
        for part in _parts(copied, limits)
    ]


def _parts(copied: Sequence[tuple[int, int]], limits: Limits) -> Iterator[Sequence[tuple[int, int]]]:
    most = limits.copy_bytes // limits.block_bytes
    for at in range(0, len(copied), most):
        yield copied[at : at + most]
