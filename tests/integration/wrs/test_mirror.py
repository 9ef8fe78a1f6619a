"""A release through the mirror: prepared beside the served one, switched, and never half."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput
from cebox.protocol.site import MirrorPhase
from cebox.release.manifest import full_way
from cebox.release.trust.repository import FolderTransport, HttpTransport, TrustedRepository
from tests.integration.wrs.site_server import SiteServer, list_files
from tests.integration.wrs.vendor import Vendor
from tests.servers.range_server import RangeServer

OLD, NEW = "2026.10.1", "2026.11.1"


def test_a_prepared_and_served_release_is_bit_identical(
    vendor: Vendor, cloud: RangeServer, site: SiteServer, tmp_path: Path
) -> None:
    manifest = vendor.publish(NEW, patches={OLD: 30_000})
    site.bring_into_service(NEW, cloud.url, box_versions=(OLD,))

    upstream = list_files(vendor.repository)
    mirrored = list_files(site.mirror / "served")
    assert mirrored == {path: content for path, content in upstream.items() if path in mirrored}
    assert {way.blob.path for way in manifest.root.ways} <= mirrored.keys()

    box = TrustedRepository(
        HttpTransport(site.url + "/repository"), tmp_path / "box", vendor.root, now=lambda: datetime.now(UTC)
    )
    assert box.get_manifest(Version.parse(NEW)) == manifest
    blob = full_way(manifest.root).blob
    assert site.get(f"/repository/{blob.path}").content == vendor.blob(blob).read_bytes()


def test_only_patches_from_versions_on_the_site_are_mirrored(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    manifest = vendor.publish(NEW, full_bytes=200_000, patches={OLD: 30_000, "2026.9.1": 40_000})
    state = site.prepare_and_wait(NEW, cloud.url, box_versions=(OLD, "2026.8.1"))
    assert (state.done_bytes, state.total_bytes) == (230_000, 230_000)
    served = {path.name for path in (site.mirror / "releases" / NEW / "blobs").rglob("*") if path.is_file()}
    assert served == {way.blob.sha256 for way in manifest.root.ways if way.from_version in (None, OLD)}


def test_the_wan_carries_a_release_once(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    vendor.publish(NEW, full_bytes=900_000)
    state = site.prepare_and_wait(NEW, cloud.url)
    assert state.wan_bytes == cloud.sent_bytes
    assert 900_000 <= state.wan_bytes < 900_000 + 20_000


def test_until_the_switch_the_lan_gets_the_old_release(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    vendor.publish(OLD)
    new = vendor.publish(NEW)
    site.bring_into_service(OLD, cloud.url)
    state = site.prepare_and_wait(NEW, cloud.url)
    path = full_way(new.root).blob.path

    assert (state.served, state.prepared) == (OLD, NEW)
    assert site.get(f"/repository/{path}").status_code == 404
    assert site.get(f"/prepared/{NEW}/{path}").status_code == 404
    assert site.get_prepared(f"/{NEW}/{path}").content == vendor.repository.joinpath(path).read_bytes()

    assert site.serve(NEW).served == NEW
    assert site.get(f"/repository/{path}").status_code == 200


def test_a_release_that_is_being_fetched_cannot_be_served(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    vendor.publish(OLD)
    new = vendor.publish(NEW)
    site.bring_into_service(OLD, cloud.url)
    cloud.faults.only_path, cloud.faults.hold_after_bytes = full_way(new.root).blob.sha256, 100_000
    site.prepare(NEW, cloud.url)
    state = site.wait_until(lambda state: state.done_bytes > 0)
    assert (state.phase, state.preparing, state.prepared) == (MirrorPhase.FETCHING, NEW, None)

    with pytest.raises(Conflict) as raised:
        site.serve(NEW)
    assert raised.value.code == "not_prepared"
    assert site.get_prepared(f"/{NEW}/metadata/timestamp.json").status_code == 404
    assert site.control.get_state().served == OLD
    assert site.serve(OLD).phase is MirrorPhase.FETCHING

    cloud.let_go()
    site.wait_until(lambda state: state.phase is MirrorPhase.PREPARED)


def test_after_a_switch_the_old_release_is_gone_from_the_disk(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    old = vendor.publish(OLD)
    vendor.publish(NEW)
    site.bring_into_service(OLD, cloud.url)
    site.bring_into_service(NEW, cloud.url)
    pool = site.mirror / "blobs" / old.root.ways[0].blob.path.removeprefix("blobs/")
    site.wait_until(lambda _: not pool.exists())
    assert [path.name for path in (site.mirror / "releases").iterdir()] == [NEW]


def test_asking_and_switching_again_changes_nothing(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    vendor.publish(NEW)
    first = site.prepare_and_wait(NEW, cloud.url)
    assert site.prepare(NEW, cloud.url) == first
    assert site.serve(NEW).phase is MirrorPhase.IDLE
    assert site.serve(NEW).served == NEW


def test_a_served_release_is_prepared_again_without_its_blobs_crossing_the_wan(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    vendor.publish(NEW, full_bytes=500_000)
    site.bring_into_service(NEW, cloud.url)
    state = site.prepare_and_wait(NEW, cloud.url)
    assert (state.phase, state.served, state.prepared) == (MirrorPhase.PREPARED, NEW, NEW)
    assert state.wan_bytes < 20_000


def test_a_newer_order_overtakes_one_that_is_under_way(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    old = vendor.publish(OLD)
    vendor.publish(NEW)
    cloud.faults.only_path, cloud.faults.hold_after_bytes = full_way(old.root).blob.sha256, 100_000
    site.prepare(OLD, cloud.url)
    site.wait_until(lambda state: state.done_bytes > 0)
    assert site.prepare(NEW, cloud.url).preparing == NEW
    cloud.let_go()
    state = site.wait_until(lambda state: state.phase is not MirrorPhase.FETCHING)
    assert (state.phase, state.prepared) == (MirrorPhase.PREPARED, NEW)
    assert [path.name for path in (site.mirror / "releases").iterdir()] == [NEW]


def test_a_rate_limit_is_honoured(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    vendor.publish(NEW, full_bytes=600_000)
    begun = datetime.now(UTC)
    site.prepare_and_wait(NEW, cloud.url, download_bytes_per_second=600_000)
    assert datetime.now(UTC) - begun > timedelta(seconds=0.7)


def test_a_malformed_order_is_refused_at_once(site: SiteServer) -> None:
    with pytest.raises(InvalidInput) as raised:
        site.prepare("../2026.11.1", "http://127.0.0.1:9")
    assert raised.value.code == "version_malformed"
    assert site.control.get_state().phase is MirrorPhase.IDLE


def test_metadata_is_renewed_from_the_cloud_while_the_release_stays(
    vendor: Vendor, cloud: RangeServer, tmp_path: Path
) -> None:
    with SiteServer(tmp_path / "short", vendor.root, settings={"refresh_metadata_seconds": 0.1}) as site:
        vendor.publish(NEW)
        site.bring_into_service(NEW, cloud.url)
        served, published = (folder / "metadata" for folder in (site.mirror / "served", vendor.repository))
        for _ in range(3):
            vendor.sign()
            site.wait_until(lambda _: _read_timestamp(served) == _read_timestamp(published))
        site.stop()
    reader = TrustedRepository(
        FolderTransport(site.mirror / "served"), tmp_path / "box", vendor.root, now=lambda: datetime.now(UTC)
    )
    assert reader.get_manifest(Version.parse(NEW)).version == Version.parse(NEW)
    assert len(list(served.glob("*.snapshot.json"))) == 2


def _read_timestamp(metadata: Path) -> bytes:
    return (metadata / "timestamp.json").read_bytes()
