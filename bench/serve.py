"""`make bench-serve`: what serving a release costs the machine that serves it, beside a bare `sendfile` loop.

1, 10 and 100 boxes on loopback read one blob in ranges, from the built-in WRS and from nginx with the site file of
`deploy/`. What counts is bytes per second of the server's CPU; the readers are other processes and are not counted.
The rounds alternate between the servers, so that what else the machine does hits all of them.
"""

import hashlib
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.measures import ROOT, Measures
from cebox.wrs.store import ReleaseStore
from tests.integration.wrs.site_server import SiteServer
from tests.servers.nginx import Nginx

BOXES = (1, 10, 100)
BLOB_BYTES = 64 << 20
RANGE_BYTES = 4 << 20
_CELL_BYTES = 1 << 30
_ROUNDS = 3
_READERS = 2
_VERSION = "2026.11.1"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_YARDSTICK = "sendfile"
_RATIO_GOALS = {"wrs/100": ">= 0.3"}
_PEAK_GOALS = {"wrs/100/peak_rss_mib": "<= 128"}


@dataclass(frozen=True)
class Server:
    """`pids` names all its processes at this moment."""

    name: str
    port: int
    path: str
    pids: Callable[[], Sequence[int]]

    def read_cpu_seconds(self) -> float:
        return sum(map(read_cpu_seconds, self.pids()))

    def read_peak_mib(self) -> float:
        return sum(map(_read_peak_mib, self.pids()))


@dataclass
class Tally:
    """What one server did with one number of boxes, over all rounds."""

    sent_bytes: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    @property
    def gb_per_cpu_second(self) -> float:
        return self.sent_bytes / 1e9 / self.cpu_seconds


def main() -> int:
    measures = Measures("bench-serve")
    folder = Path(tempfile.mkdtemp(prefix="cebox-serve-"))
    try:
        # nginx's workers are another user and pass through here.
        folder.chmod(0o755)
        with start_servers(folder) as servers:
            measure(measures, servers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measures.report()
    return 0


@contextmanager
def start_servers(folder: Path) -> Iterator[list[Server]]:
    """All three send the very same file: the blob in the folder that the WRS serves."""
    blob = make_mirror(folder / "wrs/mirror")
    mirrored = folder / "wrs/mirror/served" / blob
    changes = {
        "listen 8420;": "listen 127.0.0.1:{port};",
        "listen [::]:8420;": "listen [::1]:{port};",
        "/var/lib/cebox/wrs/mirror": str(folder / "wrs/mirror"),
    }
    with ExitStack() as stack:
        wrs = stack.enter_context(SiteServer(folder / "wrs", b""))
        nginx = stack.enter_context(Nginx("cebox-wrs.conf", changes))
        bare, port = stack.enter_context(start_bare(mirrored))
        path = f"/repository/{blob}"
        yield [
            Server(_YARDSTICK, port, path, lambda: [bare]),
            Server("nginx", nginx.port, path, lambda: nginx.pids),
            Server("wrs", int(wrs.url.rpartition(":")[2]), path, lambda: [wrs.pid]),
        ]


def make_mirror(folder: Path) -> str:
    """A mirror that serves one release of one blob; returns the blob's path in it."""
    content = random.Random(3).randbytes(BLOB_BYTES)  # noqa: S311 - noise, no secret
    sha256 = hashlib.sha256(content).hexdigest()
    store = ReleaseStore(folder)
    folder.parent.mkdir()
    store.create()
    store.pool.path(sha256).parent.mkdir()
    store.pool.path(sha256).write_bytes(content)
    store.link_blob(_VERSION, sha256)
    store.switch(_VERSION, datetime.now(UTC))
    return f"blobs/{sha256[:2]}/{sha256}"


@contextmanager
def start_bare(file: Path) -> Iterator[tuple[int, int]]:
    """Its pid and port."""
    command = [sys.executable, "-m", "bench.bare_sendfile", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def measure(measures: Measures, servers: Sequence[Server]) -> None:
    tallies: dict[tuple[str, int], Tally] = defaultdict(Tally)
    for server in servers:
        verify_content(server)
        measures.add(f"{server.name}/idle_rss_mib", server.read_peak_mib(), "MiB")
    for number in range(_ROUNDS):
        for boxes in BOXES:
            for server in servers:
                _say(f"round {number + 1} of {_ROUNDS}: {server.name}, {boxes} boxes")
                read_together(server, boxes, tallies[server.name, boxes])
    report(measures, servers, tallies)


def report(measures: Measures, servers: Sequence[Server], tallies: Mapping[tuple[str, int], Tally]) -> None:
    """A ratio compares like with like: the bare loop with the same number of boxes."""
    measures.add(f"{_YARDSTICK}/gb_per_cpu_s", _add_up([tallies[_YARDSTICK, boxes] for boxes in BOXES]), "GB/s")
    for server in servers:
        for boxes in BOXES:
            tally, bare = tallies[server.name, boxes], tallies[_YARDSTICK, boxes]
            cell = f"{server.name}/{boxes}"
            measures.add(f"{cell}/gb_per_cpu_s", tally.gb_per_cpu_second, "GB/s")
            measures.add(f"{cell}/gb_per_s", tally.sent_bytes / 1e9 / tally.wall_seconds, "GB/s")
            if server.name != _YARDSTICK:
                ratio = tally.gb_per_cpu_second / bare.gb_per_cpu_second
                measures.add(f"{cell}/ratio_to_sendfile", ratio, "", _RATIO_GOALS.get(cell))
        peak = f"{server.name}/{BOXES[-1]}/peak_rss_mib"
        measures.add(peak, server.read_peak_mib(), "MiB", _PEAK_GOALS.get(peak))


def verify_content(server: Server) -> None:
    """Fast and wrong would be no measurement. Brings the file into memory, too."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.path}")
    request.add_header("Range", f"bytes=0-{BLOB_BYTES - 1}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert hashlib.file_digest(answer, "sha256").hexdigest() == server.path.rpartition("/")[2]


def read_together(server: Server, boxes: int, tally: Tally) -> None:
    """Each box reads its share of the cell's bytes; every reading process has some of the boxes."""
    share_bytes = math.ceil(_CELL_BYTES / boxes / RANGE_BYTES) * RANGE_BYTES
    cpu_before, wall_before = server.read_cpu_seconds(), time.perf_counter()
    processes, first = [], 0
    for count in _split(boxes, _READERS):
        processes.append(start_readers(server, share_bytes, first, count))
        first += count
    for process in processes:
        if process.wait() != 0:
            raise RuntimeError(f"the readers of {server.name} failed")
    tally.cpu_seconds += server.read_cpu_seconds() - cpu_before
    tally.wall_seconds += time.perf_counter() - wall_before
    tally.sent_bytes += share_bytes * boxes


def start_readers(server: Server, share_bytes: int, first: int, count: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bench.readers", server.path]
    for name, value in (
        ("port", server.port),
        ("size", BLOB_BYTES),
        ("range-bytes", RANGE_BYTES),
        ("share-bytes", share_bytes),
        ("first", first),
        ("boxes", count),
    ):
        command += [f"--{name}", str(value)]
    return subprocess.Popen(command, cwd=ROOT)  # noqa: S603


def _split(total: int, parts: int) -> list[int]:
    return [share for share in (total // parts + (number < total % parts) for number in range(parts)) if share]


def _add_up(tallies: Sequence[Tally]) -> float:
    """Bytes per CPU second over all numbers of boxes."""
    sent_bytes, cpu_seconds = sum(one.sent_bytes for one in tallies), sum(one.cpu_seconds for one in tallies)
    return Tally(sent_bytes, cpu_seconds).gb_per_cpu_second


def read_cpu_seconds(pid: int) -> float:
    """User and system time of all its threads. The name, in brackets, may hold anything."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _read_peak_mib(pid: int) -> float:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found, "the kernel names no VmHWM"
    return int(found[1]) / 1024


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
