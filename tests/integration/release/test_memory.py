"""The bound that a small box depends on: memory while applying does not grow with the image."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from cebox.release.making.build import build_release
from cebox.release.making.ways import Effort
from cebox.release.manifest import Image, Manifest, Notes
from cebox.release.trust.images import hash_image
from tests.integration.release.samples import NOVEMBER, NOW, OCTOBER, make_slot
from tests.made_once import MakeOnce
from tests.servers.range_server import RangeServer

MIB = 1 << 20
IMAGE_BYTES = 256 * MIB
ABOVE_REST_BYTES = 96 * MIB

APPLY = """
import json, sys
from pathlib import Path
from cebox.release.applying.apply import apply_best
from cebox.release.trust.repository import TrustedRepository  # what a box has loaded besides
from cebox.release.manifest import decode_manifest
from cebox.release.network.transport import HttpTransport
from cebox.release.trust.images import verify_image

def peak_kib():
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

manifest, url, slot, old, running = sys.argv[1:6]
image = decode_manifest(Path(manifest).read_bytes()).root
at_rest = peak_kib()
applied = apply_best(image, running or None, HttpTransport(url), slot=Path(slot), old=Path(old))
verify_image(image, Path(slot))
print(json.dumps({"way": applied.way, "at_rest": at_rest * 1024, "peak": peak_kib() * 1024}))
"""


def write_image(path: Path, seed: int) -> None:
    """Several times the bound, and made quickly: text and noise, a part of it anew for every seed."""
    chance = random.Random(1)
    block = chance.randbytes(MIB)
    with path.open("wb") as stream:
        for number in range(IMAGE_BYTES // MIB):
            if number % 8 == 0:
                stream.write(random.Random(seed * 1000 + number).randbytes(MIB))
            elif number % 8 == 1:
                stream.write((f"{seed} {number} ".encode() * (MIB // 4))[:MIB])
            else:
                stream.write(number.to_bytes(4, "big") + block[4:])


@pytest.fixture(scope="module")
def release(make_once: MakeOnce) -> tuple[Path, Manifest]:
    """A release folder, and beside it the running image `old.img` that its patch starts from."""
    made: tuple[Path, Manifest] = make_once("large-release", _make_release)
    return made


def _make_release(folder: Path) -> tuple[Path, Manifest]:
    write_image(folder / "old.img", 1)
    write_image(folder / "new.img", 2)
    running = Image("root", IMAGE_BYTES, hash_image(folder / "old.img", IMAGE_BYTES), ())
    old = Manifest(version=OCTOBER, floor=OCTOBER, created=NOW, images=(running,))
    new = build_release(
        source=folder / "new.img",
        version=NOVEMBER,
        floor=OCTOBER,
        notes=Notes(),
        output=folder / "release",
        previous=[(old, folder / "old.img")],
        created=NOW,
        effort=Effort(level=1),
    )
    (folder / "new.img").unlink()
    return folder, new


@pytest.mark.parametrize("is_full", [True, False])
def test_applying_a_large_image_takes_96_mib_at_most(
    release: tuple[Path, Manifest], tmp_path: Path, is_full: bool
) -> None:
    folder, manifest = release
    slot = make_slot(tmp_path / "slot", manifest.root.size)
    running = "" if is_full else manifest.root.ways[1].from_sha256 or ""
    with RangeServer(folder / "release") as server:
        places = [str(folder / "release/manifest.json"), server.url, str(slot), str(folder / "old.img"), running]
        done = subprocess.run([sys.executable, "-c", APPLY, *places], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)

    assert result["way"] == ("full" if is_full else "patch from 2026.10.1")
    assert result["peak"] - result["at_rest"] <= ABOVE_REST_BYTES, result
    assert manifest.root.size > 2.5 * ABOVE_REST_BYTES
