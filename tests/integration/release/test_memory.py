"""The bound that a small box depends on: memory while applying does not grow with the image."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cebox.release.build import build_release
from cebox.release.manifest import Manifest, Notes
from cebox.release.verify import verify_image
from tests.integration.release.samples import NOVEMBER, NOW, OCTOBER, make_slot
from tests.servers.range_server import RangeServer

MIB = 1 << 20
IMAGE_BYTES = 320 * MIB
BOUND_BYTES = 100 * 10**6

APPLY = """
import json, resource, sys
from pathlib import Path
from cebox.release.apply import apply_best
from cebox.release.fetch import TrustedRepository  # what a box has loaded besides
from cebox.release.manifest import decode_manifest
from cebox.release.transport import HttpTransport
from cebox.release.verify import verify_image

manifest, url, slot, old, running = sys.argv[1:6]
image = decode_manifest(Path(manifest).read_bytes()).root
at_rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
applied = apply_best(image, running or None, HttpTransport(url), slot=Path(slot), old=Path(old))
verify_image(image, Path(slot))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"way": applied.way, "at_rest": at_rest * 1024, "peak": peak * 1024}))
"""


def write_image(path: Path, seed: int) -> None:
    """Several times the bound, made quickly: zeroes, text and noise, a part of it anew for every seed."""
    chance = random.Random(1)
    block = chance.randbytes(MIB)
    with path.open("wb") as stream:
        for number in range(IMAGE_BYTES // MIB):
            if number % 8 == 0:
                stream.write(random.Random(seed * 1000 + number).randbytes(MIB))
            elif number % 8 == 1:
                stream.write(f"{seed} {number} ".encode() * (MIB // 16) + bytes(MIB))
            else:
                stream.write(number.to_bytes(4, "big") + block[4:])


def build(folder: Path, seed: int, previous: Sequence[tuple[Manifest, Path]] = ()) -> Manifest:
    version = OCTOBER if seed == 1 else NOVEMBER
    source = folder / "source.img"
    write_image(source, seed)
    return build_release(
        source=source,
        version=version,
        floor=OCTOBER,
        notes=Notes(),
        output=folder / str(version),
        previous=previous,
        created=NOW,
        level=1,
    )


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest, Manifest]:
    folder = tmp_path_factory.mktemp("large")
    old = build(folder, 1)
    return folder, old, build(folder, 2, [(old, folder / str(OCTOBER) / "root.img")])


@pytest.mark.parametrize("is_full", [True, False])
def test_applying_a_large_image_stays_under_100_mb(
    releases: tuple[Path, Manifest, Manifest], tmp_path: Path, is_full: bool
) -> None:
    folder, old, new = releases
    slot = make_slot(tmp_path / "slot", new.root.size)
    manifest = folder / str(NOVEMBER) / "manifest.json"
    running = folder / str(OCTOBER) / "root.img"
    with RangeServer(folder / str(NOVEMBER)) as server:
        arguments = [str(manifest), server.url, str(slot), str(running), "" if is_full else old.root.sha256]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        done = subprocess.run(
            [sys.executable, "-c", APPLY, *arguments], capture_output=True, text=True, check=True, env=environment
        )
    result = json.loads(done.stdout)

    assert result["way"] == ("full" if is_full else "patch from 2026.10.1")
    assert result["peak"] < BOUND_BYTES, result
    assert new.root.size > 3 * BOUND_BYTES
    verify_image(new.root, slot)
