"""How far a long proof has come: every step with its rows, in a file that the next run goes on from."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from bench.measures import Row
from cebox.kit.files import replace_file

_SUMMED = {"cuts/count": ">= 25", "cuts/bad_states": "== 0"}


class Step(msgspec.Struct, frozen=True):
    """`broken`: how many things were not as they have to be."""

    rows: tuple[Row, ...]
    broken: int
    seconds: float


class Progress(msgspec.Struct):
    """`subject` is what is being proved; of another nothing is known yet."""

    subject: str
    steps: dict[str, Step] = msgspec.field(default_factory=dict)

    def list_left(self, names: Iterable[str]) -> list[str]:
        """Those not done, or broken the last time."""
        return [name for name in names if name not in self.steps or self.steps[name].broken]


def load_progress(path: Path, subject: str) -> Progress:
    """From the beginning where there is none, or one that nobody can read. Raises OSError."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return Progress(subject)
    return found if found.subject == subject else Progress(subject)


def save_progress(path: Path, progress: Progress) -> None:
    """Raises OSError."""
    replace_file(path, msgspec.json.encode(progress))


def tabulate(steps: Mapping[str, Step], count: int) -> list[Row]:
    """Of `count` steps in all: what several have measured together as one row."""
    rows = [row for step in steps.values() for row in step.rows]
    sums = [
        Row(name, sum(row.value or 0 for row in rows if row.name == name), "", goal) for name, goal in _SUMMED.items()
    ]
    minutes = sum(step.seconds for step in steps.values()) / 60
    note = f"{len(steps)} of {count} steps, {minutes:.0f} minutes of machines"
    broken = Row("rules/broken", sum(step.broken for step in steps.values()), "", "== 0", note)
    own = sorted((row for row in rows if row.name not in _SUMMED), key=lambda row: row.name)
    return [*own, *sums, broken]
