"""What an update does on the lines it comes by: new addresses, hours and rates, proxies and pages in between."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from cebox.agent.machine import PowerKind
from cebox.domain.device import Place
from cebox.protocol.device import Order, Progress, ReportedEvent, Settings, SiteInfo
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.vendor import FIRST, LARGE, SECOND, Vendor
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.bad_proxy import BadProxy
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer

HELD_BYTES = 500_000
IN_FLIGHT_BYTES = 4 << 20
"""What a held connection may have in the kernel's hands."""


def closed_hours() -> str:
    """An hour that is neither now nor soon."""
    opens = datetime.now(UTC) + timedelta(hours=3)
    return f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"


def close_window(console: DeviceConsole) -> None:
    console.tell(settings=replace(console.settings, download_window=closed_hours()))


def open_window(console: DeviceConsole) -> None:
    console.tell(settings=replace(console.settings, download_window=""))


def count_blob_requests(repository: RangeServer) -> int:
    return sum("blobs" in one.path for one in repository.requests)


def hold_blobs(repository: RangeServer) -> None:
    repository.faults.only_path = "blobs/"
    repository.faults.hold_after_bytes = HELD_BYTES


def is_waiting(console: DeviceConsole) -> Callable[[], bool]:
    return lambda: bool(console.device.progress) and bool(console.device.progress[-1].waits_until)


@pytest.fixture
def site_box(new_box: MakeBox, console: DeviceConsole) -> Iterator[VirtualBox]:
    """On a site without a WRS: its line to the cloud is the site's."""
    console.site = SiteInfo(id="lyon", name="Lyon")
    box = new_box("site-box", place=Place.SITE)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    yield box
    box.stop()


def test_a_repository_that_moves_in_the_middle_is_followed(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer, vendor: Vendor
) -> None:
    box = new_box(slot_bytes=40 << 20)
    box.power_on()
    hold_blobs(repository)
    console.wait_for(lambda: bool(console.devices))
    console.give_order(Order(id="u1", kind="update", version=LARGE))
    assert repository.held.wait(20)
    with RangeServer(repository.folder) as new_repository:
        console.tell(repository_url=new_repository.url)
        console.wait_for(lambda: box.read_journal()["facts"]["repository_url"] == new_repository.url)  # type: ignore[index]
        repository.stop()
        staged = console.wait_for_result("u1", ReportedEvent.STAGE)

        assert new_repository.sent_bytes > 0

    assert staged.taken is not None
    patch_bytes = vendor.manifests[LARGE].root.ways[-1].blob.size
    assert staged.taken.lan_bytes == 0
    assert patch_bytes <= staged.taken.wan_bytes <= patch_bytes + 200_000
    assert "update_troubled" not in box.read_log()


def test_outside_the_hours_a_download_waits_and_says_until_when(
    site_box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    close_window(console)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(is_waiting(console))
    opens = datetime.fromisoformat(console.device.progress[-1].waits_until)

    assert timedelta(hours=2) < opens - datetime.now(UTC) < timedelta(hours=4)
    assert count_blob_requests(repository) == 0
    assert console.list_events("u1") == ["download"]

    open_window(console)
    console.wait_for_result("u1", ReportedEvent.STAGE)


def test_at_the_end_of_the_hours_a_download_pauses_and_goes_on_later_without_loss(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer, vendor: Vendor
) -> None:
    console.site = SiteInfo(id="lyon", name="Lyon")
    box = new_box(place=Place.SITE, slot_bytes=40 << 20)
    box.power_on()
    console.wait_for(lambda: bool(console.devices))
    hold_blobs(repository)
    console.give_order(Order(id="u1", kind="update", version=LARGE))
    assert repository.held.wait(20)
    close_window(console)
    repository.let_go()
    console.wait_for(is_waiting(console))
    done_bytes = console.device.progress[-1].done_bytes
    requests = count_blob_requests(repository)

    open_window(console)
    staged = console.wait_for_result("u1", ReportedEvent.STAGE)

    patch_bytes = vendor.manifests[LARGE].root.ways[-1].blob.size
    assert 0 < done_bytes < patch_bytes
    # An answer that overtook another may have closed it once more for a moment.
    assert requests < count_blob_requests(repository) <= requests + 2
    assert staged.taken is not None
    assert staged.taken.wan_bytes <= patch_bytes + 200_000


def test_the_hours_of_the_site_do_not_bind_a_box_at_home(site_box: VirtualBox, console: DeviceConsole) -> None:
    site_box.move(Place.AWAY)
    close_window(console)
    console.give_order(Order(id="u1", kind="update", version=SECOND))

    console.wait_for_result("u1", ReportedEvent.STAGE)


def test_a_box_that_waits_for_its_hours_goes_off_at_once_and_waits_on_afterwards(
    site_box: VirtualBox, console: DeviceConsole
) -> None:
    close_window(console)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(is_waiting(console))

    site_box.press_button()
    site_box.wait_until_off(10)
    assert site_box.exit_codes == [86]
    assert console.list_events("u1") == ["download"]

    console.device.progress.clear()
    site_box.power_on()
    console.wait_for(is_waiting(console))
    open_window(console)
    console.wait_for_result("u1", ReportedEvent.STAGE)


def test_a_cancelled_update_does_not_wait_for_its_hours(site_box: VirtualBox, console: DeviceConsole) -> None:
    close_window(console)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(is_waiting(console))
    console.withdraw_order("u1")

    console.wait_for_result("u1", ReportedEvent.CANCEL)


def test_r10_a_shutdown_outside_the_hours_installs_nothing(
    site_box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.account_version = SECOND
    close_window(console)
    console.give_order(Order(id="poke", kind="update", version=FIRST))
    console.wait_for_result("poke", ReportedEvent.FINISH)
    site_box.press_button(PowerKind.SHUTDOWN)
    site_box.wait_until_off(10)

    assert site_box.exit_codes == [86]
    assert count_blob_requests(repository) == 0
    assert console.list_events(None) == []


def test_the_rate_may_be_raised_while_a_download_goes_on(site_box: VirtualBox, console: DeviceConsole) -> None:
    """At the first rate it would take a quarter of an hour."""
    console.tell(settings=replace(console.settings, download_bytes_per_second=1000))
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(lambda: console.has_result("u1", ReportedEvent.DOWNLOAD))
    console.tell(settings=Settings(progress_interval_milliseconds=50, download_bytes_per_second=50_000_000))

    console.wait_for_result("u1", ReportedEvent.STAGE)


def test_the_rate_that_was_set_is_the_rate_that_is_told(
    new_box: MakeBox, console: DeviceConsole, vendor: Vendor
) -> None:
    console.site = SiteInfo(id="lyon", name="Lyon")
    console.settings = replace(console.settings, download_bytes_per_second=400_000)
    box = new_box(place=Place.SITE)
    box.power_on()
    console.wait_for(lambda: bool(console.devices))
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)

    def rate(progress: Progress) -> int:
        return progress.rate_bytes_per_second or 0

    assert 300_000 < max(map(rate, console.device.progress)) < 500_000
    done = [one.done_bytes for one in console.device.progress]
    assert done == sorted(done)


def test_a_sign_in_page_is_waited_out(new_box: MakeBox, console: DeviceConsole, repository: RangeServer) -> None:
    with BadProxy(repository.url) as portal:
        portal.faults.is_portal = True
        console.repository_url = portal.url
        box = new_box()
        box.power_on()
        console.wait_for(lambda: bool(console.devices))
        console.give_order(Order(id="u1", kind="update", version=SECOND))
        console.wait_for(lambda: "captive_portal" in box.read_log())
        assert console.list_events("u1") == []

        portal.faults.is_portal = False
        console.wait_for_result("u1", ReportedEvent.STAGE)


def test_a_proxy_that_never_lets_the_rest_through_ends_the_update_with_its_name(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    with BadProxy(repository.url) as proxy:
        proxy.faults.drops_range = True
        proxy.faults.cut_after_bytes = 600_000
        console.repository_url = proxy.url
        box = new_box()
        box.power_on()
        console.wait_for(lambda: bool(console.devices))
        console.give_order(Order(id="u1", kind="update", version=SECOND))
        failed = console.wait_for_result("u1", ReportedEvent.FAIL)

    assert failed.code == "range_ignored"
    assert repository.sent_bytes < 40 << 20
