"""What is dear to make and only read afterwards, such as built releases: made once for all workers of a run."""

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeOnce = Callable[[str, Callable[[Path], Any]], Any]
"""Of a name of its own, and what fills an empty folder; the others get what that returned, pickled."""


def find_common_room(factory: pytest.TempPathFactory) -> Path:
    """The folder of this run: each worker has one of its own in it."""
    own = factory.getbasetemp()
    room = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-once"
    room.mkdir(exist_ok=True)
    return room


def make_once(room: Path, name: str, make: Callable[[Path], Any]) -> Any:
    made = room / f"{name}.pickle"
    with (room / f"{name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder = room / name
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
            folder.mkdir()
            half = made.with_suffix(".half")
            half.write_bytes(pickle.dumps(make(folder)))
            half.rename(made)
        return pickle.loads(made.read_bytes())
