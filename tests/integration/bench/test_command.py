import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.command import OutOfTime, run

pytestmark = pytest.mark.skipif(not Path("/usr/bin/time").exists(), reason="the Debian package `time` is not installed")

_HELD_MIB = 96
_HOLD = f"held = bytearray({_HELD_MIB} << 20)"


def test_the_peak_memory_of_a_program_is_its_own() -> None:
    small = run([sys.executable, "-c", "pass"], limit_seconds=60)
    large = run([sys.executable, "-c", _HOLD], limit_seconds=60)

    assert _HELD_MIB <= large.rss_mib - small.rss_mib + 8 < _HELD_MIB + 16


def test_a_program_that_does_not_end_is_ended_with_all_its_children(tmp_path: Path) -> None:
    began = time.monotonic()
    child = tmp_path / "child"

    with pytest.raises(OutOfTime):
        run(["sh", "-c", f"sleep 600 & echo $! > {child}; wait"], limit_seconds=0.5)

    assert time.monotonic() - began < 60
    place = Path(f"/proc/{child.read_text().strip()}/exe")
    # It has its signal; a busy machine takes its time to carry it out.
    while place.exists():
        assert time.monotonic() - began < 60
        time.sleep(0.01)


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run(["sh", "-c", "echo no such luck >&2; exit 3"], limit_seconds=60)

    assert failure.value.returncode == 3
    assert "no such luck" in failure.value.stderr


def test_what_a_program_writes_goes_where_it_is_wanted(tmp_path: Path) -> None:
    run(["echo", "here"], limit_seconds=60, output=tmp_path / "output")

    assert (tmp_path / "output").read_text() == "here\n"
