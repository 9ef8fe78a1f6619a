"""Which parts of the new image are made, block by block, while several threads make them."""

from collections.abc import Iterator

from cebox.release.patch import Extents, Index

_OPEN, _MADE, _LOST = 0, 1, 2


class Ground:
    """Every block is open, then settled: made, or lost to damage in the old image. Guarded by its user's lock."""

    def __init__(self, index: Index) -> None:
        self._block_bytes = index.block_bytes
        self._open_blocks = -(-index.new_bytes // index.block_bytes)
        self._blocks = bytearray(self._open_blocks)
        self._lost_blocks = 0

    @property
    def is_all_settled(self) -> bool:
        return self._open_blocks == 0

    @property
    def lost_bytes(self) -> int:
        return self._lost_blocks * self._block_bytes

    def settle(self, extents: Extents, *, is_lost: bool = False) -> None:
        """Once for each extent: no two segments make the same block."""
        for start, end in self._spans(extents):
            self._blocks[start:end] = bytes((_LOST if is_lost else _MADE,)) * (end - start)
            self._open_blocks -= end - start
            self._lost_blocks += is_lost * (end - start)

    def is_settled(self, extents: Extents) -> bool:
        return not self._holds(_OPEN, extents)

    def is_lost(self, extents: Extents) -> bool:
        """Whether any part of them is."""
        return self._holds(_LOST, extents)

    def _holds(self, state: int, extents: Extents) -> bool:
        return any(self._blocks.find(state, start, end) != -1 for start, end in self._spans(extents))

    def _spans(self, extents: Extents) -> Iterator[tuple[int, int]]:
        for offset, length in extents:
            yield offset // self._block_bytes, -(-(offset + length) // self._block_bytes)
