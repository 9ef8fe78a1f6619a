"""A mirror that is killed, cut off, out of room or lied to: it goes on or says why, and serves what it served."""

import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from cebox.errors import CeboxError
from cebox.kit.clock import format_utc
from cebox.protocol.site import MirrorPhase, MirrorState
from cebox.release.manifest import Blob, Manifest, full_way
from tests.integration.wrs.site_server import SiteServer, list_files
from tests.integration.wrs.vendor import Vendor
from tests.servers.range_server import Faults, RangeServer

OLD, NEW = "2026.10.1", "2026.11.1"
CHUNK_BYTES = 64 << 10
METADATA_BYTES = 20_000


def full_blob(manifest: Manifest) -> Blob:
    return full_way(manifest.root).blob


@pytest.fixture
def serving(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> Iterator[SiteServer]:
    """The site serves OLD, whole; and still does, byte by byte, when the test is over."""
    vendor.publish(OLD, full_bytes=100_000)
    site.bring_into_service(OLD, cloud.url)
    before = list_files(site.mirror / "releases" / OLD / "blobs")
    yield site
    assert site.control.get_state().served == OLD
    assert list_files(site.mirror / "served" / "blobs") == before


def test_killed_again_and_again_it_goes_on_and_the_wan_carries_the_release_once(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer
) -> None:
    blob = full_blob(vendor.publish(NEW, full_bytes=400_000))
    kills = 4
    cloud.sent_bytes = 0
    cloud.faults = Faults(only_path=blob.sha256, hold_after_bytes=CHUNK_BYTES)
    serving.prepare(NEW, cloud.url)
    for number in range(1, kills + 1):
        serving.wait_until(partial(_has_done, number * CHUNK_BYTES))
        serving.kill()
        serving.start()
    serving.wait_until(partial(_has_done, (kills + 1) * CHUNK_BYTES))
    before_the_last = cloud.sent_bytes
    cloud.let_go()
    state = serving.wait_until(lambda state: state.phase is not MirrorPhase.FETCHING)

    assert (state.phase, state.prepared) == (MirrorPhase.PREPARED, NEW)
    assert (serving.mirror / "prepared" / blob.path).read_bytes() == vendor.blob(blob).read_bytes()
    # Each answer began where the one before was cut, so no byte of the blob was asked for twice.
    asked = [request.range for request in cloud.requests if request.path.endswith(blob.path)]
    assert asked == [f"bytes={number * CHUNK_BYTES}-{blob.size - 1}" for number in range(kills + 1)]
    assert before_the_last <= (kills + 1) * (CHUNK_BYTES + METADATA_BYTES)
    assert blob.size <= state.wan_bytes <= blob.size + (kills + 1) * METADATA_BYTES


@pytest.mark.parametrize("path", ["metadata/timestamp.json", "snapshot.json", "manifest.json"])
def test_killed_while_it_reads_what_is_signed_it_goes_on(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer, path: str
) -> None:
    vendor.publish(NEW)
    cloud.faults = Faults(only_path=path, hold_after_bytes=10)
    cloud.held.clear()
    serving.prepare(NEW, cloud.url)
    assert cloud.held.wait(20)
    serving.kill()
    cloud.let_go()
    serving.start()
    assert serving.wait_until(lambda state: state.phase is not MirrorPhase.FETCHING).prepared == NEW


@pytest.mark.parametrize("delay_seconds", [0.0, 0.002, 0.01])
def test_killed_during_the_switch_it_serves_the_one_or_the_other_whole(
    vendor: Vendor, cloud: RangeServer, site: SiteServer, delay_seconds: float
) -> None:
    manifests = {version: vendor.publish(version) for version in (OLD, NEW)}
    site.bring_into_service(OLD, cloud.url)
    site.prepare_and_wait(NEW, cloud.url)
    switch = threading.Thread(target=_try_to_serve, args=(site, NEW))
    switch.start()
    switch.join(delay_seconds)
    site.kill()
    switch.join()
    site.start()

    state = site.control.get_state()
    assert state.served in (OLD, NEW)
    blob = full_blob(manifests[state.served])
    assert site.get(f"/repository/{blob.path}").content == vendor.blob(blob).read_bytes()
    assert site.serve(NEW).served == NEW


def test_a_box_whose_transfer_dies_with_the_server_takes_the_rest_elsewhere(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    blob = full_blob(vendor.publish(NEW, full_bytes=30_000_000))
    site.bring_into_service(NEW, cloud.url)
    received = bytearray()
    with httpx.stream("GET", f"{site.url}/repository/{blob.path}", trust_env=False) as answer:
        chunks = answer.iter_raw(CHUNK_BYTES)
        received += next(chunks)
        site.kill()
        with pytest.raises(httpx.TransportError):
            received.extend(itertools.chain.from_iterable(chunks))
    assert 0 < len(received) < blob.size
    rest = httpx.get(f"{cloud.url}/{blob.path}", headers={"range": f"bytes={len(received)}-"}, trust_env=False)
    assert received + rest.content == vendor.blob(blob).read_bytes()


def test_a_cloud_that_is_away_for_a_while_is_waited_for(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer
) -> None:
    vendor.publish(NEW)
    cloud.faults = Faults(fail_first_n=3)
    assert serving.prepare_and_wait(NEW, cloud.url).prepared == NEW


def test_a_cloud_that_stays_away_is_named_and_a_new_order_goes_on(
    vendor: Vendor, cloud: RangeServer, tmp_path: Path
) -> None:
    new = vendor.publish(NEW)
    with SiteServer(tmp_path / "hasty", vendor.root, settings={"give_up_after_seconds": 0.5}) as site:
        cloud.faults = Faults(only_path=full_blob(new).sha256, fail_first_n=10_000)
        state = site.prepare_and_wait(NEW, cloud.url)
        assert state.error is not None
        assert (state.error.code, bool(state.error.hint)) == ("repository_unreachable", True)
        cloud.faults = Faults()
        assert site.prepare_and_wait(NEW, cloud.url).prepared == NEW


def test_an_unknown_version_is_named(cloud: RangeServer, serving: SiteServer) -> None:
    state = serving.prepare_and_wait("2030.1.1", cloud.url)
    assert state.error is not None
    assert (state.phase, state.error.code) == (MirrorPhase.FAILED, "release_unknown")


def test_a_failure_is_still_known_after_a_restart(cloud: RangeServer, serving: SiteServer) -> None:
    failed = serving.prepare_and_wait("2030.1.1", cloud.url)
    serving.kill()
    serving.start()
    assert serving.control.get_state().error == failed.error


def _flip_byte(vendor: Vendor, new: Manifest) -> None:
    path = vendor.blob(full_blob(new))
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


def _cut_blob(vendor: Vendor, new: Manifest) -> None:
    path = vendor.blob(full_blob(new))
    path.write_bytes(path.read_bytes()[:1000])


def _remove_blob(vendor: Vendor, new: Manifest) -> None:
    vendor.blob(full_blob(new)).unlink()


def _change_manifest(vendor: Vendor, new: Manifest) -> None:
    path = vendor.repository / "targets/releases" / NEW / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"root"', b'"boot"'))


def _sign_with_other_keys(vendor: Vendor, new: Manifest) -> None:
    other = Vendor(vendor.repository.with_name("other"))
    for number in range(5):
        other.publish(f"2026.11.{number}")
    shutil.copytree(other.repository, vendor.repository, dirs_exist_ok=True)


def _roll_back(vendor: Vendor, new: Manifest) -> None:
    newest = vendor.repository / "metadata"
    number = max(int(path.name.split(".")[0]) for path in newest.glob("*.snapshot.json"))
    shutil.copy(newest.with_name("timestamp-1.json"), newest / "timestamp.json")
    (newest / f"{number}.snapshot.json").unlink()


def _let_expire(vendor: Vendor, new: Manifest) -> None:
    vendor.sign(timestamp_lives_for=timedelta(days=-1))


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (_flip_byte, "blob_damaged"),
        (_cut_blob, "blob_truncated"),
        (_remove_blob, "blob_missing"),
        (_change_manifest, "manifest_differs"),
        (_sign_with_other_keys, "metadata_invalid"),
        (_roll_back, "metadata_rolled_back"),
        (_let_expire, "metadata_expired"),
    ],
)
def test_a_harmed_repository_is_refused_with_its_reason(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer, harm: Callable[[Vendor, Manifest], None], code: str
) -> None:
    shutil.copy(vendor.repository / "metadata/timestamp.json", vendor.repository / "timestamp-1.json")
    new = vendor.publish(NEW)
    serving.prepare_and_wait("2030.1.1", cloud.url)  # the mirror has seen the newest state
    harm(vendor, new)
    state = serving.prepare_and_wait(NEW, cloud.url)
    assert state.error is not None
    assert (state.phase, state.error.code) == (MirrorPhase.FAILED, code)
    assert state.prepared is None


def test_time_is_the_consoles_not_the_machines(vendor: Vendor, cloud: RangeServer, serving: SiteServer) -> None:
    vendor.publish(NEW)
    later = format_utc(datetime.now(UTC) + timedelta(days=100))
    state = serving.prepare_and_wait(NEW, cloud.url, reference_time=later)
    assert state.error is not None
    assert state.error.code == "metadata_expired"
    now = format_utc(datetime.now(UTC))
    assert serving.prepare_and_wait(NEW, cloud.url, reference_time=now).prepared == NEW


def test_a_disk_that_fills_up_fails_the_preparation_and_gets_its_room_back(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer
) -> None:
    vendor.publish(NEW, full_bytes=400_000)
    serving.limit_file_size(200_000)
    state = serving.prepare_and_wait(NEW, cloud.url)
    assert state.error is not None
    assert (state.phase, state.error.code) == (MirrorPhase.FAILED, "disk_full")
    assert not list((serving.mirror / "blobs").rglob("*.part"))
    serving.limit_file_size(1 << 30)
    assert serving.prepare_and_wait(NEW, cloud.url).prepared == NEW


def test_a_release_larger_than_the_disk_is_refused_before_it_is_fetched(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer
) -> None:
    vendor.publish(NEW, claimed_bytes=1 << 40)
    state = serving.prepare_and_wait(NEW, cloud.url)
    assert state.error is not None
    assert state.error.code == "disk_full"
    assert state.wan_bytes < METADATA_BYTES


def test_a_damaged_record_loses_the_order_and_nothing_else(
    vendor: Vendor, cloud: RangeServer, serving: SiteServer
) -> None:
    vendor.publish(NEW)
    serving.prepare_and_wait(NEW, cloud.url)
    serving.kill()
    (serving.mirror / "mirror.json").write_bytes(b"\x00" * 40)
    serving.start()
    assert serving.control.get_state().prepared == NEW


def _has_done(least_bytes: int, state: MirrorState) -> bool:
    return state.done_bytes >= least_bytes


def _try_to_serve(site: SiteServer, version: str) -> None:
    try:
        site.serve(version)
    except CeboxError:
        """The process died under the question, which is the test."""
