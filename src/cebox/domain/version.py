"""Version: the ordered name of a release, such as `2026.11.1` or, before it, `2026.11.1-rc.2`."""

import re
from dataclasses import dataclass
from functools import total_ordering

from cebox.errors import InvalidInput

_FORM = re.compile(
    r"(?P<year>[1-9]\d{3})\.(?P<month>0|[1-9]\d?)\.(?P<patch>0|[1-9]\d{0,5})"
    r"(?:-(?P<stage>alpha|beta|rc)\.(?P<number>0|[1-9]\d{0,3}))?",
    re.ASCII,
)
# Sorts after every pre-release stage: alpha < beta < rc < the release itself.
_FINAL = ("~", 0)
# The digits of a rank: year, month, patch, stage, number.
_RANK_STAGES = {1: "alpha", 2: "beta", 3: "rc", 9: None}


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """Compare with `<`; build with `Version.parse`; print with `str`."""

    year: int
    month: int
    patch: int
    stage: str | None = None
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `YYYY.M.P` with an optional `-alpha.N`, `-beta.N` or `-rc.N`.

        Raises InvalidInput (`version_malformed`).
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise InvalidInput(
                "version_malformed",
                f"{text!r} is not a version",
                hint="Write it as 2026.11.1, or 2026.11.1-rc.1 for a pre-release.",
            )
        return cls(
            year=int(match["year"]),
            month=int(match["month"]),
            patch=int(match["patch"]),
            stage=match["stage"],
            number=int(match["number"] or 0),
        )

    @property
    def rank(self) -> int:
        """Orders versions as they do, where only numbers compare; below 2**63, and never 0."""
        stage = next(digit for digit, name in _RANK_STAGES.items() if name == self.stage)
        return (((self.year * 100 + self.month) * 10**6 + self.patch) * 10 + stage) * 10**4 + self.number

    @classmethod
    def from_rank(cls, rank: int) -> "Version":
        """The version with this `rank`."""
        rest, number = divmod(rank, 10**4)
        rest, stage = divmod(rest, 10)
        rest, patch = divmod(rest, 10**6)
        year, month = divmod(rest, 100)
        return cls(year, month, patch, _RANK_STAGES[stage], number)

    @property
    def _order(self) -> tuple[int, int, int, tuple[str, int]]:
        return (self.year, self.month, self.patch, (self.stage, self.number) if self.stage else _FINAL)

    def __lt__(self, other: "Version") -> bool:
        return self._order < other._order

    def __str__(self) -> str:
        final = f"{self.year}.{self.month}.{self.patch}"
        return f"{final}-{self.stage}.{self.number}" if self.stage else final
