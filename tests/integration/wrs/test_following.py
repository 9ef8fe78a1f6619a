"""The patches of the served release follow the site: a box that comes later finds its own, one that is gone takes none.

A cut, a dead cloud or a newer order in the middle cost nothing but time, and the full image is there all along.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.protocol.site import MirrorPhase
from cebox.release.manifest import Blob, full_way
from tests.integration.wrs.site_server import SiteServer
from tests.integration.wrs.vendor import Vendor
from tests.servers.range_server import Faults, RangeServer

PAST, OLD, NEW, NEXT = "2026.9.1", "2026.10.1", "2026.11.1", "2026.12.1"
PATCH_BYTES = 300_000
CHUNK_BYTES = 64 << 10


@dataclass(frozen=True)
class Served:
    """NEW is served with OLD's patch and without PAST's."""

    site: SiteServer
    full: Blob
    patches: dict[str, Blob]

    def path(self, blob: Blob) -> Path:
        return self.site.mirror / "served" / blob.path

    def list_patches(self) -> set[str]:
        return {version for version, blob in self.patches.items() if self.path(blob).exists()}

    def wait_for_patches(self, *versions: str) -> None:
        self.site.wait_until(lambda _: self.list_patches() == set(versions))


@pytest.fixture
def served(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> Iterator[Served]:
    """However the test goes, the full image is served in the end, and nothing failed."""
    manifest = vendor.publish(NEW, patches={PAST: PATCH_BYTES, OLD: PATCH_BYTES})
    site.bring_into_service(NEW, cloud.url, box_versions=(OLD,))
    patches = {way.from_version: way.blob for way in manifest.root.ways if way.from_version is not None}
    served = Served(site, full_way(manifest.root).blob, patches)
    assert served.list_patches() == {OLD}
    cloud.requests.clear()
    yield served
    assert site.get(f"/repository/{served.full.path}").content == vendor.blob(served.full).read_bytes()
    assert site.control.get_state().error is None
    assert not [line for line in site.lines if line.get("level") in ("error", "critical")]


def list_ranges(cloud: RangeServer, blob: Blob) -> list[str | None]:
    return [request.range for request in cloud.requests if request.path.endswith(blob.sha256)]


def test_the_patch_of_a_box_that_comes_later_is_fetched_alone(
    vendor: Vendor, cloud: RangeServer, served: Served
) -> None:
    state = served.site.follow(NEW, cloud.url, OLD, PAST)
    assert (state.phase, state.served) == (MirrorPhase.IDLE, NEW)
    served.wait_for_patches(OLD, PAST)
    blob = served.patches[PAST]
    assert served.site.get(f"/repository/{blob.path}").content == vendor.blob(blob).read_bytes()
    assert [request.path for request in cloud.requests if "/blobs/" in request.path] == [f"/{blob.path}"]


def test_the_patch_that_no_box_needs_any_more_gives_its_room_back(cloud: RangeServer, served: Served) -> None:
    pooled = served.site.mirror / served.patches[OLD].path
    served.site.follow(NEW, cloud.url, NEW)
    served.wait_for_patches()
    served.site.wait_until(lambda _: not pooled.exists())
    assert not [request for request in cloud.requests if "/blobs/" in request.path]


def test_a_version_the_release_has_no_patch_for_changes_nothing(cloud: RangeServer, served: Served) -> None:
    served.site.follow(NEW, cloud.url, OLD, "2020.1.1")
    served.site.follow(NEW, cloud.url, PAST)
    served.wait_for_patches(PAST)


def test_killed_in_the_middle_of_a_patch_it_goes_on_by_itself(
    vendor: Vendor, cloud: RangeServer, served: Served
) -> None:
    site, blob = served.site, served.patches[PAST]
    part = site.mirror / f"{blob.path}.part"
    cloud.faults = Faults(only_path=blob.sha256, hold_after_bytes=CHUNK_BYTES)
    site.follow(NEW, cloud.url, OLD, PAST)
    site.wait_until(lambda _: part.exists() and part.stat().st_size == CHUNK_BYTES)
    site.kill()
    cloud.let_go()
    site.start()
    served.wait_for_patches(OLD, PAST)
    assert served.path(blob).read_bytes() == vendor.blob(blob).read_bytes()
    assert list_ranges(cloud, blob) == [f"bytes={start}-{blob.size - 1}" for start in (0, CHUNK_BYTES)]


def test_a_cloud_that_is_away_is_asked_again_at_the_next_reminder(
    vendor: Vendor, cloud: RangeServer, tmp_path: Path
) -> None:
    manifest = vendor.publish(NEW, patches={OLD: PATCH_BYTES})
    patch = next(way.blob for way in manifest.root.ways if way.from_version == OLD)
    with SiteServer(tmp_path / "hasty", vendor.root, settings={"give_up_after_seconds": 0.2}) as site:
        site.bring_into_service(NEW, cloud.url)
        cloud.faults = Faults(only_path=patch.sha256, fail_first_n=10_000)
        site.follow(NEW, cloud.url, OLD)
        site.wait_until(lambda _: "site_not_followed" in [line["event"] for line in site.lines])
        assert site.control.get_state().phase is MirrorPhase.IDLE
        cloud.faults = Faults()
        site.follow(NEW, cloud.url, OLD)
        site.wait_until(lambda _: (site.mirror / "served" / patch.path).exists())


def test_the_same_reminder_again_asks_the_cloud_for_nothing(cloud: RangeServer, served: Served) -> None:
    served.site.follow(NEW, cloud.url, PAST)
    served.wait_for_patches(PAST)
    served.site.wait_until(lambda _: served.site.lines[-1]["event"] == "metadata_refreshed")
    before = len(cloud.requests)
    for _ in range(3):
        served.site.follow(NEW, cloud.url, PAST)
    served.site.follow(NEW, cloud.url, NEW)
    served.wait_for_patches()
    assert not [request for request in cloud.requests[before:] if "/blobs/" in request.path]


def test_a_damaged_patch_is_not_served_and_the_rest_stays(vendor: Vendor, cloud: RangeServer, served: Served) -> None:
    path = vendor.blob(served.patches[PAST])
    path.write_bytes(bytes(reversed(path.read_bytes())))
    served.site.follow(NEW, cloud.url, OLD, PAST)
    served.site.wait_until(lambda _: "blob_damaged" in [line.get("code") for line in served.site.lines])
    assert served.list_patches() == {OLD}


def test_a_new_release_does_not_wait_for_a_patch_of_the_old(vendor: Vendor, cloud: RangeServer, served: Served) -> None:
    vendor.publish(NEXT)
    cloud.faults = Faults(only_path=served.patches[PAST].sha256, hold_after_bytes=CHUNK_BYTES)
    cloud.held.clear()
    served.site.follow(NEW, cloud.url, OLD, PAST)
    assert cloud.held.wait(20)
    served.site.prepare(NEXT, cloud.url)
    cloud.let_go()
    state = served.site.wait_until(lambda state: state.phase is MirrorPhase.PREPARED)
    assert (state.served, state.prepared) == (NEW, NEXT)
    assert served.list_patches() == {OLD}


def test_beside_a_prepared_release_the_served_ones_patches_still_follow(
    vendor: Vendor, cloud: RangeServer, served: Served
) -> None:
    vendor.publish(NEXT)
    served.site.prepare_and_wait(NEXT, cloud.url)
    served.site.follow(NEW, cloud.url, PAST)
    served.wait_for_patches(PAST)
    state = served.site.control.get_state()
    assert (state.phase, state.served, state.prepared) == (MirrorPhase.PREPARED, NEW, NEXT)
    served.site.serve(NEXT)
    served.site.serve(NEXT)
    served.site.wait_until(lambda _: not (served.site.mirror / "releases" / NEW).exists())
    assert served.site.prepare_and_wait(NEW, cloud.url).prepared == NEW
    served.site.serve(NEW)


def test_a_release_that_is_not_here_is_not_followed(cloud: RangeServer, served: Served) -> None:
    served.site.follow(NEXT, cloud.url, OLD, PAST)
    served.site.follow(NEW, cloud.url, PAST)
    served.wait_for_patches(PAST)
    assert not (served.site.mirror / "releases" / NEXT).exists()


def test_a_malformed_wish_is_refused(site: SiteServer) -> None:
    with pytest.raises(InvalidInput) as raised:
        site.follow(NEW, "ftp://127.0.0.1", OLD)
    assert raised.value.code == "repository_url_invalid"
