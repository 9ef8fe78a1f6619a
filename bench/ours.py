"""Our own patch, made and applied each in a process of its own so that its memory can be told.

python -m bench.ours make OLD NEW FOLDER PROFILE     the patch, as a small repository in FOLDER
python -m bench.ours apply FOLDER OLD SLOT           follows it into SLOT and reads it back; prints what it took
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.command import Cost, run
from bench.pairs import Pair
from bench.weighing import copy_and_hash, read_peak_mib, read_resident_mib
from cebox.release.manifest import ROOT_IMAGE, Image
from cebox.release.slot import ImageFile

_LIMIT_SECONDS = 1800
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Ours:
    """`above_idle_mib`: the most memory applying held beyond what the agent holds when it has nothing to do."""

    size_bytes: int
    make: Cost
    apply: Cost
    above_idle_mib: float
    copy_seconds: float


def measure_ours(pair: Pair, folder: Path) -> Ours:
    """The best of three rounds, each an apply and a plain copy. Raises CalledProcessError for a wrong image."""
    size_bytes, make = make_ours(pair.old.image, pair.new.image, folder)
    slot, copy = folder / "slot", folder / "copy"
    applies, copies = [], []
    for _ in range(_ROUNDS):
        applies.append(apply_ours(folder, pair, slot))
        slot.unlink()
        os.sync()
        began = time.perf_counter()
        copy_and_hash(pair.new.image, copy)
        copies.append(time.perf_counter() - began)
        copy.unlink()
    peak_mib = max(cost.rss_mib for cost, _ in applies)
    seconds = min(cost.seconds for cost, _ in applies)
    return Ours(size_bytes, make, Cost(seconds, peak_mib), max(above for _, above in applies), min(copies))


def make_ours(old: Path, new: Path, folder: Path, profile: str = "smallest") -> tuple[int, Cost]:
    """The patch's bytes, and what making it cost; `apply_ours` finds it in `folder`."""
    words = ["make", str(old), str(new), str(folder), profile]
    cost = run([sys.executable, "-m", "bench.ours", *words], limit_seconds=_LIMIT_SECONDS)
    image = msgspec.json.decode((folder / "image.json").read_bytes(), type=Image)
    return image.ways[0].blob.size, cost


def apply_ours(folder: Path, pair: Pair, slot: Path) -> tuple[Cost, float]:
    """What applying and verifying cost, and the part of its memory that an idle agent does not hold."""
    os.sync()
    said = folder / "said.json"
    words = ["apply", str(folder), str(pair.old.image), str(slot)]
    run([sys.executable, "-m", "bench.ours", *words], limit_seconds=_LIMIT_SECONDS, output=said)
    found = json.loads(said.read_text())
    return Cost(found["seconds"], found["peak_mib"]), found["peak_mib"] - found["idle_mib"]


def _make(old_path: Path, new_path: Path, folder: Path, profile: str) -> None:
    from cebox.release.making.ways import Effort, WayMaker

    with ImageFile(old_path, is_writable=False) as old, ImageFile(new_path, is_writable=False) as new:
        effort = msgspec.convert({"profile": profile}, Effort)
        maker = WayMaker(new, folder, effort, lambda _done_bytes: None)
        way, path = maker.make(maker.plan_patch(old, maker.scan_old(old)))
        image = Image(ROOT_IMAGE, maker.scan.size_bytes, maker.scan.sha256, (way,))
    place = folder / way.blob.path
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
    (folder / "image.json").write_bytes(msgspec.json.encode(image))


def _apply(folder: Path, old: Path, slot: Path) -> None:
    import cebox.agent.main  # noqa: F401 - what an agent holds before it has anything to do
    from cebox.release.applying.apply import apply_image
    from cebox.release.network.transport import FolderTransport
    from cebox.release.trust.images import verify_image

    image = msgspec.json.decode((folder / "image.json").read_bytes(), type=Image)
    with slot.open("wb") as stream:
        stream.truncate(image.size)
    idle_mib = read_resident_mib(os.getpid())
    began = time.perf_counter()
    # Everything is read back meanwhile; a box does no more before it stages the release.
    apply_image(image.ways[0], image, FolderTransport(folder), slot=slot, old=old)
    seconds = time.perf_counter() - began
    found = {"seconds": seconds, "idle_mib": idle_mib, "peak_mib": read_peak_mib(os.getpid())}
    verify_image(image, slot)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", old, new, folder, profile]:
            _make(Path(old), Path(new), Path(folder), profile)
        case ["apply", folder, old, slot]:
            _apply(Path(folder), Path(old), Path(slot))
        case _:
            sys.exit(__doc__)
