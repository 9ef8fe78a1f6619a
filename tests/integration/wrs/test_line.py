"""The site's line to the cloud: its hours, and an address that changes while a release is on its way."""

from datetime import UTC, datetime, timedelta

from cebox.protocol.site import MirrorPhase
from tests.integration.wrs.site_server import SiteServer
from tests.integration.wrs.vendor import Vendor
from tests.servers.range_server import RangeServer

NEW = "2026.11.1"


def closed_hours() -> str:
    opens = datetime.now(UTC) + timedelta(hours=3)
    return f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"


def test_outside_the_hours_nothing_comes_and_a_new_word_lets_it_go_on(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    vendor.publish(NEW)
    site.prepare(NEW, cloud.url, download_window=closed_hours())
    state = site.wait_until(lambda state: bool(state.waits_until))

    opens = datetime.fromisoformat(state.waits_until)
    assert timedelta(hours=2) < opens - datetime.now(UTC) < timedelta(hours=4)
    assert (state.phase, state.preparing) == (MirrorPhase.FETCHING, NEW)
    assert not any("blobs" in request.path for request in cloud.requests)

    site.prepare(NEW, cloud.url)
    state = site.wait_until(lambda state: state.prepared == NEW)
    assert state.waits_until == ""


def test_at_the_end_of_the_hours_a_preparation_pauses_and_loses_little(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    vendor.publish(NEW, full_bytes=20_000_000)
    cloud.faults.only_path = "blobs/"
    cloud.faults.hold_after_bytes = 1_000_000
    site.prepare(NEW, cloud.url)
    assert cloud.held.wait(20)
    site.prepare(NEW, cloud.url, download_window=closed_hours())
    cloud.let_go()
    state = site.wait_until(lambda state: bool(state.waits_until))
    assert 0 < state.done_bytes < 20_000_000

    site.prepare(NEW, cloud.url)
    state = site.wait_until(lambda state: state.prepared == NEW)
    assert state.wan_bytes <= 20_000_000 + 200_000


def test_a_cloud_that_moves_in_the_middle_is_followed(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    vendor.publish(NEW, full_bytes=20_000_000)
    cloud.faults.only_path = "blobs/"
    cloud.faults.hold_after_bytes = 1_000_000
    site.prepare(NEW, cloud.url)
    assert cloud.held.wait(20)
    with RangeServer(cloud.folder) as new_cloud:
        site.prepare(NEW, new_cloud.url)
        cloud.stop()
        state = site.wait_until(lambda state: state.prepared == NEW)

    assert 0 < new_cloud.sent_bytes < 20_000_000
    assert state.wan_bytes <= 20_000_000 + 200_000


def test_a_mirror_that_was_killed_while_it_waited_waits_on(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    vendor.publish(NEW)
    site.prepare(NEW, cloud.url, download_window=closed_hours())
    site.wait_until(lambda state: bool(state.waits_until))
    site.kill()
    site.start()

    site.wait_until(lambda state: bool(state.waits_until))
    assert not any("blobs" in request.path for request in cloud.requests)
