"""What is known of one method on one pair, and what a method must be able to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.command import Cost
from bench.pairs import Pair

MAKE_LIMIT_SECONDS = 1800
APPLY_LIMIT_SECONDS = 600


class WrongResult(Exception):
    """What came out is not the new system: the row would be a lie."""


@dataclass(frozen=True, slots=True)
class Result:
    """`size_bytes` is what a machine that has the old system downloads. None: not measured, and `note` says why."""

    size_bytes: int | None = None
    make: Cost | None = None
    apply: Cost | None = None
    note: str = ""

    @property
    def figures(self) -> tuple[float | None, float | None, float | None, float | None]:
        """Seconds and MiB to make, seconds and MiB to apply."""
        make_s, make_mib = (self.make.seconds, self.make.rss_mib) if self.make else (None, None)
        apply_s, apply_mib = (self.apply.seconds, self.apply.rss_mib) if self.apply else (None, None)
        return make_s, make_mib, apply_s, apply_mib


class Rival(Protocol):
    """A way to bring a machine from the old system to the new one. `needs_trees`: it works on files, not on images.

    `recipe` names everything that decides the result beside the pair and the tool's version.
    """

    @property
    def name(self) -> str: ...

    @property
    def recipe(self) -> str: ...

    @property
    def needs_trees(self) -> bool: ...

    def read_version(self) -> str: ...

    def measure(self, pair: Pair, folder: Path) -> Result:
        """Make, apply and verify, in an empty folder. Raises WrongResult, CalledProcessError, OutOfTime."""
        ...
