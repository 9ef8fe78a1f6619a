"""Running another program under a limit, and what it cost: time, and the most memory it held at once."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
_LOOK_SECONDS = 0.1


class OutOfTime(Exception):
    """The program was still at work at its limit, and was ended."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What steps done one after the other cost together: `a + b`. `cpu_seconds` are the same on a busy machine."""

    seconds: float = 0
    rss_mib: float = 0
    cpu_seconds: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.seconds + other.seconds,
            max(self.rss_mib, other.rss_mib),
            self.cpu_seconds + other.cpu_seconds,
        )


def run(
    command: Sequence[str | Path], *, limit_seconds: float, folder: Path | None = None, output: Path | None = None
) -> Cost:
    """Raises OutOfTime, CalledProcessError (with what the program said) and FileNotFoundError (no such program).

    `/usr/bin/time` stands between: a child of this process would begin with the memory of this process as its peak.
    """
    with tempfile.NamedTemporaryFile("r") as report, tempfile.TemporaryFile() as words:
        with open(output or os.devnull, "wb") as sink:  # noqa: PTH123 - a name of the operating system's
            process = subprocess.Popen(  # noqa: S603 - the benches' own command lines
                ["/usr/bin/time", "-q", "-f", "%e %U %S %M", "-o", report.name, *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=words,
                start_new_session=True,
            )
        together_mib = _watch(process, limit_seconds)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, list(command), stderr=_read_end(words))
        seconds, user_seconds, system_seconds, peak_kib = report.read().split()
    return Cost(
        seconds=float(seconds),
        rss_mib=max(int(peak_kib) / 1024, together_mib),
        cpu_seconds=float(user_seconds) + float(system_seconds),
    )


def _watch(process: subprocess.Popen[bytes], limit_seconds: float) -> float:
    """Wait for the end; returns the most that all processes of the program held together when it was looked at."""
    ends_at = time.monotonic() + limit_seconds
    peak_mib = 0.0
    while True:
        try:
            process.wait(_LOOK_SECONDS)
            return peak_mib
        except subprocess.TimeoutExpired:
            peak_mib = max(peak_mib, sum(_read_resident_mib(pid) for pid in _list_children(process.pid)))
        if time.monotonic() > ends_at:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise OutOfTime(f"did not end within {limit_seconds:.0f} s")


def _list_children(pid: int) -> list[int]:
    with suppress(OSError):
        found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return found + [below for child in found for below in _list_children(child)]
    return []


def _read_resident_mib(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MIB
    return 0


def _read_end(words: IO[bytes]) -> str:
    words.seek(0)
    return words.read().decode(errors="replace")[-2000:]
