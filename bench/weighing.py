"""The figures of `make real`: memory of a process, time of an apply beside that of a copy, time from click to start.

python -m bench.weighing RELEASE OLD SLOT DECODERS     one apply, for `measure_apply`
"""

import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import ENDED, Hands, wait_for
from cebox.lab.vendor import BuiltRelease
from cebox.protocol.admin import Device
from cebox.release.network.transport import FolderTransport

_CHUNK_BYTES = 1 << 20
_APPLIES = 3
_CLICKS = 20


@dataclass(frozen=True, slots=True)
class ApplyWeight:
    """`time_ratio`: over a copy of the image, fsync and sha256. `above_idle_mib`: beyond what an idle agent holds."""

    time_ratio: float
    above_idle_mib: float


def read_resident_mib(pid: int) -> float:
    """What the process holds in memory now."""
    return _read_status(pid, "VmRSS")


def read_peak_mib(pid: int) -> float:
    """The most the process ever held in memory."""
    return _read_status(pid, "VmHWM")


def _read_status(pid: int, field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found, f"the kernel names no {field}"
    return int(found[1]) / 1024


def measure_apply(built: Sequence[BuiltRelease], folder: Path, *, decoders: int) -> ApplyWeight:
    """Patching and reading back, in a process of its own, and copying the same image, in turn."""
    old, new = built
    slot, copy = folder / "slot.img", folder / "copy.img"
    command = [sys.executable, "-m", "bench.weighing", *map(str, (new.folder, old.image, slot, decoders))]
    ratios, above_mib = [], []
    for _ in range(_APPLIES):
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
        found = json.loads(said)
        ratios.append(found["seconds"] / _time(lambda: copy_and_hash(new.image, copy)))
        above_mib.append(found["peak_mib"] - found["idle_mib"])
    slot.unlink()
    copy.unlink()
    return ApplyWeight(statistics.median(ratios), max(above_mib))


def apply_once(release: Path, old: Path, slot: Path, decoders: int) -> dict[str, float]:
    """Follow the release's patch; what this process held before and at most, and how long it took."""
    import cebox.agent.main  # noqa: F401 - what an agent holds before it has anything to do
    from cebox.release.applying.apply import apply_image
    from cebox.release.applying.budget import Budget
    from cebox.release.trust.images import verify_image

    root = BuiltRelease.load(release).manifest.root
    patch = next(way for way in root.ways if not way.is_full)
    with slot.open("wb") as stream:
        stream.truncate(root.size)
    idle_mib = read_resident_mib(os.getpid())

    def apply() -> None:
        apply_image(patch, root, FolderTransport(release), slot=slot, old=old, budget=Budget(decoders=decoders))

    seconds = _time(apply)
    found = {"seconds": seconds, "idle_mib": idle_mib, "peak_mib": read_peak_mib(os.getpid())}
    verify_image(root, slot)
    return found


def copy_and_hash(source: Path, target: Path) -> str:
    """What no update can do without: write the image, force it to the disk, know its hash."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_clicks(hands: Hands, name: str) -> float:
    """Seconds from the request to the box's word that it has begun, 95th percentile; each update is cancelled again."""
    seconds = [_click(hands, name) for _ in range(_CLICKS)]
    return statistics.quantiles(seconds, n=20)[-1]


def _click(hands: Hands, name: str) -> float:
    console = hands.console
    device_id = hands.get_id(name)
    began = time.perf_counter()
    action = console.create_action(device_id, "update", tag=plan.TEST_TAG)
    while console.get_action(action.id).state in (ActionState.WAITING, ActionState.SENT):
        if time.perf_counter() - began > 60:
            break
        time.sleep(0.01)
    taken = time.perf_counter() - began
    if console.get_action(action.id).state not in ENDED:
        console.cancel_action(action.id)
    wait_for(f"{name} to be at rest", lambda: _is_at_rest(console.get_device(device_id)))
    return taken


def _is_at_rest(device: Device) -> bool:
    return device.phase == "idle" and not device.open_actions and device.staged is None


if __name__ == "__main__":
    release, old, slot, decoders = sys.argv[1:]
    sys.stdout.write(json.dumps(apply_once(Path(release), Path(old), Path(slot), int(decoders))))
