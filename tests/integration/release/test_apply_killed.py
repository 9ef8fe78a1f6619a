"""An apply that is killed with no warning, again and again, at random points."""

import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cebox.release.applying.apply import apply_image
from cebox.release.applying.budget import Budget
from cebox.release.network.transport import FolderTransport
from cebox.release.patch import most_payload_bytes
from tests.integration.release.handmade import Handmade, make_plain, make_tangled
from tests.integration.release.samples import make_slot, read_slot

DECODERS = 2
KILLS = 5

# Says on each line how far it is. Slow enough to be killed in the middle: what comes is cut small.
APPLY = """
import sys
from pathlib import Path
import msgspec
from cebox.release.applying.apply import apply_image
from cebox.release.applying.budget import Budget
from cebox.release.manifest import Image
from cebox.release.network.transport import FolderTransport

class SmallChunks(FolderTransport):
    def read(self, *place):
        for chunk in super().read(*place):
            for at in range(0, len(chunk), 2000):
                yield chunk[at : at + 2000]

folder, slot, image = Path(sys.argv[1]), Path(sys.argv[2]), msgspec.json.decode(sys.argv[3], type=Image)
apply_image(
    image.ways[0], image, SmallChunks(folder), slot=slot, old=folder / "running.img", resume=True,
    budget=Budget(memory_bytes=1 << 20, decoders=2), progress=lambda done, _: print(done, flush=True),
)
"""


def run_until(made: Handmade, slot: Path, kill_at_bytes: int) -> int | None:
    """Kill it when it has said so many bytes are done; returns the last it said, None when it came to its end."""
    command = [sys.executable, "-c", APPLY, str(made.folder), str(slot), msgspec.json.encode(made.image).decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= kill_at_bytes:
                process.kill()
                return int(line)
        assert process.wait() == 0
    return None


@pytest.mark.parametrize("seed", range(2))
def test_an_apply_killed_again_and_again_fetches_no_more_than_what_was_under_way_anew(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    made = make_plain(tmp_path / "repository", payloads=120)
    slot = make_slot(tmp_path / "slot.img", made.image.size)
    # Each decoder has one, for each one more may wait, and one is on its way.
    most_lost_bytes = (2 * DECODERS + 1) * most_payload_bytes(made.way.bounds.segment_bytes)
    done_bytes = 0
    for kill in range(KILLS):
        last = run_until(made, slot, chance.randint(done_bytes, done_bytes + made.way.blob.size // (KILLS + 2)))
        assert last is not None
        assert last >= done_bytes - most_lost_bytes, f"kill {kill} lost more than what was under way"
        done_bytes = max(done_bytes, last)

    transport = FolderTransport(made.folder)
    applied = apply_image(
        made.way, made.image, transport, slot=slot, old=made.running, resume=True, budget=Budget(decoders=DECODERS)
    )

    assert read_slot(slot, made.image) == made.new
    assert applied.received_bytes <= made.way.blob.size - done_bytes + most_lost_bytes + made.way.index_bytes


@pytest.mark.parametrize("seed", range(2))
def test_segments_that_read_one_another_survive_a_kill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    made = make_tangled(tmp_path / "repository", seed, segments=200)
    slot = make_slot(tmp_path / "slot.img", made.image.size)
    for _ in range(KILLS):
        run_until(made, slot, chance.randint(0, made.way.blob.size))

    apply_image(made.way, made.image, FolderTransport(made.folder), slot=slot, old=made.running, resume=True)

    assert read_slot(slot, made.image) == made.new
