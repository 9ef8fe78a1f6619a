"""The lanes in which one way is followed: copies, payloads on their way here, decoders, and the disk behind them.

    caller      fetches payloads in the file's order, verifies each, and alone calls the caller's functions
    copies      one thread: copies and zeroes, in the list's order, read back as well
    decoders    threads: take payloads in order, read the dictionary, decode, write, read back
    write-behind  one thread: sends to the disk what the others wrote

No lane waits in a circle: each begins its segments in the list's order, and a segment waits only for earlier ones, for
what they produce or for the memory they hold. The earliest that is not done never waits, in whichever lane it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

from cebox.errors import Untrusted
from cebox.kit.crew import Crew
from cebox.kit.heap import give_back_freed_memory, read_resident_bytes
from cebox.release.applying.budget import Budget
from cebox.release.applying.ground import Ground
from cebox.release.applying.incoming import Incoming, PayloadStream, list_runs
from cebox.release.applying.maker import Maker
from cebox.release.applying.write_behind import WriteBehind
from cebox.release.manifest import Way
from cebox.release.network.transport import Transport
from cebox.release.patch import Extents, Index, Operation, Segment, needed_bytes
from cebox.release.slot import ImageFile

_MOST_LOST_SHARE = 8
"""Of the new image, before the patch is given up at once: one part in so many."""


class Lanes:
    """One way, followed once. `report` gets the bytes of the way's blob that are done, in the caller's thread only."""

    def __init__(
        self,
        crew: Crew,
        way: Way,
        index: Index,
        transport: Transport,
        source: ImageFile | None,
        target: ImageFile,
        budget: Budget,
        report: Callable[[int], None],
    ) -> None:
        self._crew = crew
        self._way = way
        self._index = index
        self._transport = transport
        self._budget = budget
        self._report = report
        self._ground = Ground(index)
        self._incoming = Incoming(crew, budget.memory_bytes, index.bounds, most_waiting=budget.decoders)
        self._disk = WriteBehind(crew, target)
        self._maker = Maker(
            index.bounds, source, target, verify_going=crew.verify_going, note_written=self._disk.note_written
        )
        self._resident_bytes = read_resident_bytes()
        self._skipped = 0
        self._damage: Untrusted | None = None

    def run(self, *, resume: bool) -> int:
        """Make every segment in the target; returns how many were there already.

        Raises what `report`, the crew's watch, `Transport.read` and `Maker` raise, and Untrusted (`patch_differs`);
        `old_slot_damaged` when everything else is made.
        """
        payloads = [one for one in self._index.segments if one.operation is Operation.PAYLOAD]
        others = [one for one in self._index.segments if one.operation is not Operation.PAYLOAD]
        self._crew.start("write-behind", self._disk.run)
        self._crew.start("copies", lambda: self._make_others(others, resume=resume))
        if resume:
            payloads = self._find_missing(payloads)
        for number in range(self._budget.decoders):
            self._crew.start(f"decoder {number}", self._decode_all)
        self._fetch_all(payloads)
        self._incoming.close()
        self._crew.wait_here(lambda: self._ground.is_all_settled)
        self._disk.close()
        self._crew.wait_for_all()
        if self._damage is not None:
            raise self._damage
        return self._skipped

    def _find_missing(self, segments: Sequence[Segment]) -> list[Segment]:
        """Those whose bytes are not in the target yet; looked for by as many threads as will decode."""
        found: dict[int, bool] = {}
        numbers = iter(range(len(segments)))

        def look() -> None:
            for number in numbers:
                found[number] = self._maker.is_there(segments[number])
                if found[number]:
                    self._finish(segments[number], is_skipped=True)

        for _ in range(self._budget.decoders):
            self._crew.start("look", look)
        self._crew.wait_here(lambda: len(found) == len(segments))
        return [segment for number, segment in enumerate(segments) if not found[number]]

    def _make_others(self, segments: Iterable[Segment], *, resume: bool) -> None:
        for segment in segments:
            is_there = resume and self._maker.is_there(segment)
            if is_there:
                self._finish(segment, is_skipped=True)
            elif segment.operation is Operation.ZERO:
                self._attempt(segment, self._maker.write_zeroes)
            else:
                self._attempt(segment, self._maker.copy)

    def _decode_all(self) -> None:
        while (segment := self._decode_next()) is not None:
            self._incoming.give_back(segment)

    def _decode_next(self) -> Segment | None:
        fetched = self._incoming.take()
        if fetched is None:
            return None
        grown_bytes = read_resident_bytes() - self._resident_bytes
        if grown_bytes + needed_bytes(fetched.segment, self._index.bounds) > self._budget.memory_bytes:
            # What earlier ones left behind may be in pieces that this one cannot use.
            give_back_freed_memory()
        self._attempt(fetched.segment, lambda segment: self._maker.decode(segment, fetched.payload))
        return fetched.segment

    def _attempt(self, segment: Segment, make: Callable[[Segment], None]) -> None:
        """Make the segment, or lose it to damage in the old image: the rest is made all the same, so that the full way
        has little left to fetch.
        """
        damage = None
        if self._wait_for(segment.new):
            try:
                make(segment)
            except Untrusted as error:
                if error.code != "old_slot_damaged":
                    raise
                # A new one: the traceback of this one keeps what the segment had in memory.
                damage = Untrusted(error.code, error.message, hint=error.hint)
        else:
            damage = self._damage
        if damage is None:
            self._finish(segment)
        else:
            self._lose(segment, damage)

    def _wait_for(self, extents: Extents) -> bool:
        """False when a part of them is lost."""
        if not extents:
            return True
        with self._crew.change_when(lambda: self._ground.is_settled(extents)):
            return not self._ground.is_lost(extents)

    def _finish(self, segment: Segment, *, is_skipped: bool = False) -> None:
        with self._crew.change():
            self._ground.settle(segment.target)
            self._skipped += is_skipped

    def _lose(self, segment: Segment, damage: Untrusted) -> None:
        with self._crew.change():
            self._ground.settle(segment.target, is_lost=True)
            self._damage = self._damage or damage
        if self._ground.lost_bytes > self._index.new_bytes // _MOST_LOST_SHARE:
            raise damage

    def _fetch_all(self, segments: Sequence[Segment]) -> None:
        done_bytes = self._way.blob.size - sum(one.payload_bytes for one in segments)
        self._report(done_bytes)
        for run in list_runs(segments):
            length = sum(one.payload_bytes for one in run)
            chunks = self._transport.read(self._way.blob.path, run[0].payload_offset, length)
            with closing(PayloadStream(self._show(chunks, done_bytes))) as stream:
                for segment in run:
                    self._incoming.make_room(segment)
                    self._incoming.put(segment, stream.take(segment))
            done_bytes += length

    def _show(self, chunks: Iterator[bytes], done_bytes: int) -> Iterator[bytes]:
        for chunk in chunks:
            self._crew.verify_going_here()
            done_bytes += len(chunk)
            self._report(done_bytes)
            yield chunk
