"""A build that is cut off anywhere and asked for again; and what must not change its bytes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cebox.errors import CeboxError, Conflict, Exhausted
from cebox.release.making.build import has_begun
from cebox.release.manifest import Manifest
from tests.integration.release.conftest import Vendor
from tests.integration.release.erofs_trees import grow_tree
from tests.integration.release.samples import NOVEMBER, build, new_image

SHELF = ".building"

BUILD = """
import json, os, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.errors import CeboxError
from cebox.release.making.build import build_release
from cebox.release.manifest import Notes, decode_manifest
from cebox.release.making.plan import Limits
from cebox.release.making.ways import Effort

limits = Limits(segment_bytes=256 << 10, dictionary_bytes=512 << 10, copy_bytes=512 << 10)
source, output, earlier, words = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4])
if "cpu" in words:
    os.sched_setaffinity(0, {words["cpu"]})
if "umask" in words:
    os.umask(words["umask"])
if "file_bytes" in words:
    resource.setrlimit(resource.RLIMIT_FSIZE, (words["file_bytes"], words["file_bytes"]))
seen = {}

def watch(done, total):
    shelf = output / ".building"
    seen.update({entry.name: entry.stat().st_ino for entry in shelf.iterdir() if not entry.name.startswith(".")})
    if done > total * words.get("stop", 2):
        print("stopped", flush=True)
        signal.pause()

try:
    build_release(
        source=source,
        version=Version.parse("2026.11.1"),
        floor=Version.parse("2026.10.1"),
        notes=Notes(fr="Nouveaut\\u00e9s", en="News"),
        output=output,
        previous=[(decode_manifest((earlier / "manifest.json").read_bytes()), earlier / "root.img")],
        created=datetime(2026, 11, 22, 12, tzinfo=UTC),
        effort=Effort(level=3, limits=limits),
        progress=watch,
    )
except CeboxError as error:
    print(json.dumps([type(error).__name__, error.code]))
else:
    print(json.dumps(seen))
"""


class Builder:
    """Builds November from October's release, each time in a process of its own."""

    def __init__(self, source: Path, earlier: Path) -> None:
        self._source = source
        self._earlier = earlier

    def command(self, output: Path, **words: object) -> list[str]:
        return [sys.executable, "-c", BUILD, str(self._source), str(output), str(self._earlier), json.dumps(words)]

    def run(self, output: Path, *, environment: dict[str, str] | None = None, **words: object) -> dict[str, int]:
        """What lay on the shelf in the end: names and inodes."""
        done = subprocess.run(
            self.command(output, **words),
            capture_output=True,
            text=True,
            check=True,
            env=dict(os.environ) | (environment or {}),
        )
        found: dict[str, int] = json.loads(done.stdout)
        return found

    def kill(self, output: Path, part: float) -> None:
        """Start it and kill it when this part of the work is done."""
        with subprocess.Popen(self.command(output, stop=part), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "stopped\n"
            process.send_signal(signal.SIGKILL)


@pytest.fixture
def builder(vendor: Vendor, tmp_path: Path) -> Builder:
    source = tmp_path / "new.img"
    source.write_bytes(new_image())
    return Builder(source, vendor.release_folder(vendor.old))


def list_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def list_shelf(output: Path) -> dict[str, int]:
    return {one.name: one.stat().st_ino for one in (output / SHELF).iterdir() if not one.name.startswith(".")}


def refuse(work: Callable[[], Manifest]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    return refusal.value


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_a_killed_build_goes_on_where_it_was_and_ends_with_the_same_bytes(
    builder: Builder, vendor: Vendor, tmp_path: Path, part: float
) -> None:
    output = tmp_path / "out"
    builder.kill(output, part)
    kept = list_shelf(output)
    assert has_begun(output)
    assert kept

    seen = builder.run(output)

    assert list_files(output) == list_files(vendor.release_folder(vendor.new))
    assert kept.items() <= seen.items()  # the same files: nothing was encoded twice
    assert len(seen) > len(kept)


def test_a_build_that_is_killed_again_and_again_ends_too(builder: Builder, vendor: Vendor, tmp_path: Path) -> None:
    output = tmp_path / "out"
    for part in (0.1, 0.2, 0.5, 0.9):
        builder.kill(output, part)
    builder.run(output)

    assert list_files(output) == list_files(vendor.release_folder(vendor.new))


@pytest.mark.parametrize("damage", ["cut", "emptied", "changed", "of_another"])
def test_what_was_damaged_on_the_shelf_is_encoded_anew(
    builder: Builder, vendor: Vendor, tmp_path: Path, damage: str
) -> None:
    output = tmp_path / "out"
    builder.kill(output, 0.8)
    first, second = sorted((output / SHELF).iterdir(), key=lambda one: one.stat().st_size)[-2:]
    content = second.read_bytes()
    damaged = {"cut": content[:-10], "emptied": b"", "changed": content[:-1] + bytes([content[-1] ^ 1])}
    second.write_bytes(damaged.get(damage, first.read_bytes()))

    builder.run(output)

    assert list_files(output) == list_files(vendor.release_folder(vendor.new))


def test_a_full_disk_is_said_so_and_the_build_goes_on_when_there_is_room(
    builder: Builder, vendor: Vendor, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done = subprocess.run(
        builder.command(output, file_bytes=3_500_000 // 2), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [Exhausted.__name__, "disk_full"]

    builder.run(output)

    assert list_files(output) == list_files(vendor.release_folder(vendor.new))


def test_a_second_build_into_the_same_folder_is_refused_while_the_first_runs(
    builder: Builder, vendor: Vendor, tmp_path: Path
) -> None:
    output = tmp_path / str(NOVEMBER)
    with subprocess.Popen(builder.command(output, stop=0.5), stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "stopped\n"
            shelf = list_shelf(output)
            refusal = refuse(lambda: build(tmp_path, NOVEMBER, b"other"))
            assert shelf.items() <= list_shelf(output).items()
        finally:
            first.kill()

    assert isinstance(refusal, Conflict)
    assert refusal.code == "build_running"


def test_a_finished_release_is_never_built_over(vendor: Vendor, tmp_path: Path) -> None:
    output = tmp_path / str(NOVEMBER)
    build(tmp_path, NOVEMBER, b"first")
    before = list_files(output)
    (output / SHELF).mkdir()  # as a cut in the last moment leaves it
    refusal = refuse(lambda: build(tmp_path, NOVEMBER, b"second"))

    assert refusal.code == "output_exists"
    assert "whole release" in refusal.message
    assert list_files(output) == before
    assert not (output / SHELF).exists()


@pytest.mark.parametrize("kind", ["image", "tree"])
def test_the_machine_and_its_settings_do_not_show_in_the_bytes(vendor: Vendor, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    if kind == "image":
        source.write_bytes(new_image())
    else:
        source.mkdir()
        grow_tree(source, files=40)
    builder = Builder(source, vendor.release_folder(vendor.old))
    strange = {"LC_ALL": "C", "LANG": "C", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"}
    builder.run(tmp_path / "usual", environment={"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "1"})
    cpu = min(os.sched_getaffinity(0))
    builder.run(tmp_path / "strange", environment=strange, cpu=cpu, umask=0o077)

    assert list_files(tmp_path / "usual") == list_files(tmp_path / "strange")
