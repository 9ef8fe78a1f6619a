"""The figures of `make real`: memory of a process, time of an apply beside that of a copy, time from click to start."""

import hashlib
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import ENDED, Hands, wait_for
from cebox.lab.vendor import BuiltRelease
from cebox.protocol.admin import Device
from cebox.release.apply import apply_image
from cebox.release.transport import FolderTransport
from cebox.release.verify import verify_image

_CHUNK_BYTES = 1 << 20
_APPLIES = 3
_CLICKS = 20


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


def measure_apply_ratio(built: Sequence[BuiltRelease], folder: Path) -> float:
    """Patching and reading back, over copying with fsync and sha256 of the same image, in turn; the median."""
    old, new = built
    root = new.manifest.root
    patch = next(way for way in root.ways if not way.is_full)
    slot, copy = folder / "slot.img", folder / "copy.img"
    transport = FolderTransport(new.folder)

    def apply() -> None:
        with slot.open("wb") as stream:
            stream.truncate(root.size)
        apply_image(patch, root, transport, slot=slot, old=old.image)
        verify_image(root, slot)

    ratios = [_time(apply) / _time(lambda: copy_and_hash(new.image, copy)) for _ in range(_APPLIES)]
    slot.unlink()
    copy.unlink()
    return statistics.median(ratios)


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
