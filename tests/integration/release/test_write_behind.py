import os
import threading
from pathlib import Path

import pytest

from cebox.kit.crew import Crew
from cebox.release.applying.write_behind import PORTION_BYTES, WriteBehind
from cebox.release.slot import ImageFile
from tests.integration.release.samples import make_slot

WRITERS = 3


def write_much(disk: WriteBehind) -> None:
    for _ in range(8):
        disk.note_written(PORTION_BYTES // 2)


def test_writers_far_ahead_of_the_disk_all_come_through(tmp_path: Path) -> None:
    before = threading.active_count()
    with ImageFile(make_slot(tmp_path / "slot.img", 4096), is_writable=True) as target, Crew(lambda: None) as crew:
        disk = WriteBehind(crew, target)
        ended: list[int] = []

        def write(number: int) -> None:
            write_much(disk)
            with crew.change():
                ended.append(number)

        crew.start("disk", disk.run)
        for number in range(WRITERS):
            crew.start(f"writer {number}", lambda number=number: write(number))  # type: ignore[misc] # bound now
        crew.wait_here(lambda: len(ended) == WRITERS)
        disk.close()
        crew.wait_for_all()

    assert threading.active_count() == before


def test_a_disk_that_fails_stops_the_writers() -> None:
    # The kernel cannot sync it.
    with ImageFile(Path(os.devnull), is_writable=True) as target, pytest.raises(OSError, match="Invalid argument"):
        write_to(target)


def write_to(target: ImageFile) -> None:
    with Crew(lambda: None) as crew:
        disk = WriteBehind(crew, target)
        crew.start("disk", disk.run)
        crew.start("writer", lambda: write_much(disk))
        crew.wait_for_all()
