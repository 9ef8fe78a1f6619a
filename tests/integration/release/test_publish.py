import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cebox.errors import CeboxError, Conflict, InvalidInput, NotFound, Untrusted
from cebox.release.manifest import full_way
from cebox.release.network.transport import FolderTransport
from cebox.release.publishing.publish import list_published, publish_release, refresh_metadata
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import TrustedRepository
from cebox.release.trust.verify import verify_repository
from tests.integration.release.conftest import Vendor
from tests.integration.release.samples import DECEMBER, NOVEMBER, OCTOBER, build


def publish(vendor: Vendor, folder: Path) -> bool:
    return publish_release(folder, vendor.repository, vendor.keyring, clock=vendor.clock)


def refuse(work: Callable[[], object]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    return refusal.value


def snapshot(vendor: Vendor) -> dict[str, bytes]:
    """Every file of the repository."""
    files = (path for path in vendor.repository.rglob("*") if path.is_file())
    return {str(path.relative_to(vendor.repository)): path.read_bytes() for path in files}


def open_repository(vendor: Vendor, state: Path) -> TrustedRepository:
    return TrustedRepository(FolderTransport(vendor.repository), state, vendor.keyring.load_anchor(), now=vendor.clock)


def test_publishing_the_very_same_again_changes_nothing(vendor: Vendor) -> None:
    before = snapshot(vendor)

    assert publish(vendor, vendor.release_folder(vendor.new)) is False
    assert snapshot(vendor) == before


def test_r1_the_same_version_with_other_bytes_is_refused(vendor: Vendor, tmp_path: Path) -> None:
    build(tmp_path, NOVEMBER, b"other content")
    before = snapshot(vendor)
    refusal = refuse(lambda: publish(vendor, tmp_path / str(NOVEMBER)))

    assert isinstance(refusal, Conflict)
    assert refusal.code == "release_differs"
    assert snapshot(vendor) == before


def test_publishing_needs_no_offline_key(vendor: Vendor, tmp_path: Path) -> None:
    (vendor.folder / "keyring/offline").rename(tmp_path / "safe")
    build(tmp_path, DECEMBER, b"small")

    assert publish(vendor, tmp_path / str(DECEMBER)) is True
    assert list_published(vendor.repository, vendor.keyring) == [OCTOBER, NOVEMBER, DECEMBER]


@pytest.mark.parametrize("fault", ["missing", "truncated", "bit_flipped"])
def test_an_incomplete_release_is_refused_before_anything_is_written(
    vendor: Vendor, tmp_path: Path, fault: str
) -> None:
    manifest = build(tmp_path, DECEMBER, b"small")
    blob = tmp_path / str(DECEMBER) / full_way(manifest.root).blob.path
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    if fault == "missing":
        blob.unlink()
    else:
        blob.write_bytes(content if fault == "bit_flipped" else content[:-1])
    before = snapshot(vendor)
    refusal = refuse(lambda: publish(vendor, tmp_path / str(DECEMBER)))

    assert isinstance(refusal, InvalidInput)
    assert refusal.code == "release_incomplete"
    assert snapshot(vendor) == before


def test_a_folder_without_manifest_is_no_release(vendor: Vendor, tmp_path: Path) -> None:
    assert refuse(lambda: publish(vendor, tmp_path)).code == "release_incomplete"


def test_a_folder_without_metadata_is_no_repository(vendor: Vendor, tmp_path: Path) -> None:
    keyring, clock = vendor.keyring, vendor.clock
    release = vendor.release_folder(vendor.new)
    refusal = refuse(lambda: publish_release(release, tmp_path / "elsewhere", keyring, clock=clock))

    assert isinstance(refusal, NotFound)
    assert refusal.code == "repository_missing"


@pytest.mark.parametrize("name", ["timestamp.json", "3.snapshot.json", "1.targets.json", "3.releases.json"])
def test_a_tampered_repository_is_not_made_good_by_the_next_signature(
    vendor: Vendor, tmp_path: Path, name: str
) -> None:
    path = vendor.repository / "metadata" / name
    document = json.loads(path.read_bytes())
    document["signed"]["expires"] = "2099-01-01T00:00:00Z"
    path.write_text(json.dumps(document))
    build(tmp_path, DECEMBER, b"small")
    before = snapshot(vendor)

    for work in (
        lambda: publish(vendor, tmp_path / str(DECEMBER)),
        lambda: refresh_metadata(vendor.repository, vendor.keyring, vendor.clock),
    ):
        refusal = refuse(work)
        assert isinstance(refusal, Untrusted)
        assert refusal.code == "repository_tampered"
    assert snapshot(vendor) == before


def test_a_damaged_blob_in_the_repository_is_replaced_by_publishing_a_release_that_shares_it(
    vendor: Vendor, tmp_path: Path
) -> None:
    first = build(tmp_path, DECEMBER, b"the same image")
    publish(vendor, tmp_path / str(DECEMBER))
    blob = vendor.repository / full_way(first.root).blob.path
    blob.write_bytes(b"damaged")
    (tmp_path / "next").mkdir()
    january = type(DECEMBER).parse("2027.1.1")
    build(tmp_path / "next", january, b"the same image")

    publish(vendor, tmp_path / "next" / str(january))

    assert verify_repository(vendor.repository, vendor.keyring.load_anchor(), now=vendor.clock).is_sound


def test_refreshing_keeps_the_repository_alive_for_years(vendor: Vendor, tmp_path: Path) -> None:
    state = tmp_path / "trust"
    for _ in range(24):
        vendor.clock.advance(days=60)
        refresh_metadata(vendor.repository, vendor.keyring, vendor.clock)
        assert open_repository(vendor, state).list_versions() == [OCTOBER, NOVEMBER]


def test_two_publications_at_once_do_not_mix(vendor: Vendor, tmp_path: Path) -> None:
    build(tmp_path, DECEMBER, b"small")
    with (vendor.folder / "keyring/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refusal = refuse(lambda: publish(vendor, tmp_path / str(DECEMBER)))

    assert refusal.code == "repository_busy"
    assert publish(vendor, tmp_path / str(DECEMBER)) is True


PUBLISH_AND_DIE = """
import os, signal, sys
from datetime import datetime, UTC
from pathlib import Path
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring

left = int(sys.argv[4])

def count(event, args):
    # Every file of the repository comes to its place by a rename.
    global left
    if event == "os.rename":
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
clock = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)
publish_release(Path(sys.argv[1]), Path(sys.argv[2]), Keyring.load(Path(sys.argv[3])), clock=clock)
"""


def test_a_kill_before_any_of_the_writes_leaves_the_repository_whole(vendor: Vendor, tmp_path: Path) -> None:
    """Killed before its first rename, before its second …, until it lives; after each death it is simply repeated."""
    build(tmp_path, DECEMBER, b"december")
    release, keyring = tmp_path / str(DECEMBER), vendor.keyring
    anchor = keyring.load_anchor()
    deaths = 0
    while True:
        repository = shutil.copytree(vendor.repository, tmp_path / f"repository {deaths}")
        places = [str(release), str(repository), str(keyring.folder)]
        command = [sys.executable, "-c", PUBLISH_AND_DIE, *places, str(deaths)]
        is_alive = subprocess.run(command).returncode == 0
        left = verify_repository(repository, anchor, now=vendor.clock)
        publish_release(release, repository, keyring, clock=vendor.clock)
        repeated = verify_repository(repository, anchor, now=vendor.clock)

        assert (left.problems, repeated.problems) == ((), ())
        assert repeated.versions == (OCTOBER, NOVEMBER, DECEMBER)
        if is_alive:
            break
        assert left.versions == (OCTOBER, NOVEMBER)
        deaths += 1

    assert deaths == 5  # the blob, the manifest, releases, snapshot and timestamp


def test_a_walk_over_a_sound_repository_finds_nothing(vendor: Vendor) -> None:
    report = verify_repository(vendor.repository, vendor.keyring.load_anchor(), now=vendor.clock)

    assert report.is_sound
    assert report.versions == (OCTOBER, NOVEMBER)
    assert report.checked_bytes > sum(way.blob.size for way in vendor.image.ways)


def test_a_walk_names_everything_that_is_wrong(vendor: Vendor) -> None:
    full, patch = vendor.image.ways
    (vendor.repository / patch.blob.path).unlink()
    path = vendor.repository / full.blob.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    manifest = vendor.repository / f"targets/releases/{OCTOBER}/manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"News", b"Lies"))

    report = verify_repository(vendor.repository, vendor.keyring.load_anchor(), now=vendor.clock)

    assert {(str(one.version), one.error.code) for one in report.problems} == {
        ("2026.10.1", "manifest_differs"),
        ("2026.11.1", "blob_differs"),
        ("2026.11.1", "blob_missing"),
    }


def test_a_walk_with_the_wrong_root_trusts_nothing(vendor: Vendor, tmp_path: Path) -> None:
    stranger = Keyring.init(tmp_path / "keys", tmp_path / "repository", clock=vendor.clock)
    report = verify_repository(vendor.repository, stranger.load_anchor(), now=vendor.clock)

    assert [one.error.code for one in report.problems] == ["metadata_invalid"]
