"""Results of other methods, kept beside the images: nobody waits an hour twice for the same figures."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError

from bench.command import Cost, OutOfTime
from bench.debian import get_cache
from bench.pairs import Pair, open_workspace
from bench.rivals.result import Result, Rival


@dataclass(frozen=True, slots=True)
class Measured:
    """`taken` is the day of the measurement when it was not taken now."""

    result: Result
    taken: str | None = None


def measure_once(rival: Rival, pair: Pair, *, is_fresh: bool, say: Callable[[str], None]) -> Measured:
    """From the cache, or measured now. A tool that fails or takes too long gives a result without figures, and one
    that takes too long is believed the next time too; a wrong result is raised.
    """
    path = _place(rival, pair)
    if path.exists() and not is_fresh:
        return _load(path)
    say(f"{pair.name}: {rival.name} ...")
    try:
        with open_workspace() as folder:
            result = rival.measure(pair, folder)
    except OutOfTime as reason:
        result = Result(note=f"not measured: {reason}")
    except CalledProcessError as reason:
        # Its words may name places of this machine: they are for the terminal.
        say(str(reason.stderr or "").strip().rpartition("\n")[2])
        return Measured(Result(note=f"not measured: {reason.cmd[0]} failed"))
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"taken": f"{datetime.now(UTC):%Y-%m-%d}", **asdict(result)}, indent=1) + "\n")
    return Measured(result)


def _place(rival: Rival, pair: Pair) -> Path:
    """A method that works on files gives the same from the same trees, however their images are laid out."""
    systems = [tree.name for tree in pair.get_trees()] if rival.needs_trees else [pair.old.sha256, pair.new.sha256]
    parts = (*systems, rival.name, rival.recipe, rival.read_version())
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return get_cache() / "rivals" / f"{pair.name}-{rival.name}-{key}.json"


def _load(path: Path) -> Measured:
    found = json.loads(path.read_text())
    make, apply = (Cost(**found[name]) if found[name] else None for name in ("make", "apply"))
    return Measured(Result(found["size_bytes"], make, apply, found["note"]), found["taken"])
