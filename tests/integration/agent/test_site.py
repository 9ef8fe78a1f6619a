"""A site with a real WRS: its boxes take its version from it (R6), and it serves nothing before its reboot (R8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from cebox.agent.machine import SlotName
from cebox.domain.device import Place
from cebox.protocol.device import Order, ReportedEvent, SiteInfo, SiteServerInfo
from cebox.release.manifest import full_way
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.vendor import FIRST, SECOND, THIRD, UNHEALTHY, Vendor
from tests.integration.agent.virtual_box import VirtualBox
from tests.integration.wrs.site_server import SiteServer
from tests.servers.device_console import Device, DeviceConsole
from tests.servers.gate import Gate
from tests.servers.range_server import RangeServer


@dataclass
class Site:
    """One WRS, on and serving the first release, and what its boxes are told of it."""

    box: VirtualBox
    program: SiteServer
    device: Device
    console: DeviceConsole

    @property
    def served(self) -> str | None:
        return self.device.last_observed.served

    @property
    def info(self) -> SiteInfo:
        return self.info_at(self.program.url)

    def info_at(self, url: str) -> SiteInfo:
        server = SiteServerInfo(
            device_id=self.device.id,
            url=url,
            public_key=self.device.public_key,
            version=self.served,
        )
        return SiteInfo(id="lyon", name="Lyon", server=server)

    def update(self, version: str) -> None:
        """The procedure's first two steps."""
        self.console.give_order(Order(id="wu", kind="update", version=version), self.device)
        self.wait_for_event("wu", ReportedEvent.STAGE)
        self.console.give_order(Order(id="wr", kind="reboot"), self.device)
        self.wait_for_event("wu", ReportedEvent.FINISH)
        self.console.wait_for(lambda: self.served == version)

    def wait_for_event(self, action_id: str, event: ReportedEvent) -> None:
        wait_for_event(self.console, self.device, action_id, event)


def wait_for_event(console: DeviceConsole, device: Device, action_id: str, event: ReportedEvent) -> None:
    console.wait_for(lambda: (action_id, event) in [(one.action_id, one.event) for one in device.results])


@pytest.fixture
def site(new_box: MakeBox, console: DeviceConsole, vendor: Vendor) -> Iterator[Site]:
    box = new_box("wrs", kind="wrs", place=Place.SITE, control_socket="later")
    program = SiteServer(box.folder, vendor.anchor)
    settings = (box.folder / "agent.toml").read_text().replace('"later"', f'"{program.socket}"')
    (box.folder / "agent.toml").write_text(settings)
    console.site = SiteInfo(id="lyon", name="Lyon")
    program.start()
    try:
        box.power_on()
        console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
        device = console.device
        site = Site(box, program, device, console)
        console.wait_for(lambda: site.served == FIRST)
        yield site
    finally:
        box.stop()
        program.stop()


@pytest.fixture
def box(site: Site, new_box: MakeBox, console: DeviceConsole) -> VirtualBox:
    """A ceBox on the site."""
    console.site = site.info
    box = new_box("box", place=Place.SITE)
    box.power_on()
    console.wait_for(lambda: "box" in [one.name for one in console.devices.values() if one.observed])
    return box


def get_device(console: DeviceConsole, name: str) -> Device:
    return next(one for one in console.devices.values() if one.name == name)


def test_a_wrs_serves_a_release_only_after_its_own_reboot(site: Site, console: DeviceConsole) -> None:
    console.give_order(Order(id="wu", kind="update", version=SECOND), site.device)
    site.wait_for_event("wu", ReportedEvent.STAGE)

    assert site.program.control.get_state().served == FIRST
    assert site.program.control.get_state().prepared == SECOND
    assert site.box.running == FIRST

    console.give_order(Order(id="wr", kind="reboot"), site.device)
    site.wait_for_event("wu", ReportedEvent.FINISH)

    assert site.program.control.get_state().served == SECOND
    assert site.box.running == SECOND


def test_a_wrs_whose_trial_fails_goes_on_serving_the_old_release(site: Site, console: DeviceConsole) -> None:
    console.give_order(Order(id="wu", kind="update", version=UNHEALTHY), site.device)
    site.wait_for_event("wu", ReportedEvent.STAGE)
    console.give_order(Order(id="wr", kind="reboot"), site.device)
    site.wait_for_event("wu", ReportedEvent.ROLL_BACK)

    assert site.program.control.get_state().served == FIRST
    assert site.box.running == FIRST


@pytest.mark.parametrize("state", ["mirroring", "serving"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_update_of_a_wrs_survives_the_death_of_its_agent(
    state: str, moment: str, site: Site, console: DeviceConsole
) -> None:
    site.box.kill_agent_at(f"{state}:{moment}")

    site.update(SECOND)

    assert -9 in site.box.exit_codes
    events = [result.event for result in site.device.results if result.action_id == "wu"]
    assert events == ["download", "stage", "reboot", "try", "finish"]


def test_a_box_on_the_site_takes_the_version_of_the_wrs_whatever_was_asked(
    site: Site, box: VirtualBox, console: DeviceConsole, repository: RangeServer, vendor: Vendor
) -> None:
    site.update(SECOND)
    device = get_device(console, "box")
    device.site = site.info
    before = len(repository.requests)

    console.give_order(Order(id="u1", kind="update", version=THIRD, tag="essai"), device)
    wait_for_event(console, device, "u1", ReportedEvent.STAGE)

    taken = device.results[-1].taken
    assert taken is not None
    assert (taken.version, taken.source, taken.reason) == (SECOND, "wrs", "site")
    assert taken.lan_bytes > 0
    assert taken.wan_bytes == 0
    assert not [one.path for one in repository.requests[before:] if "blobs" in one.path or "targets" in one.path]
    image = vendor.manifests[SECOND].root
    assert box.hash_slot(SlotName.B, image.size) == image.sha256


def test_a_wrs_fetches_the_patch_of_a_box_that_comes_later_and_nothing_else(
    site: Site, console: DeviceConsole, repository: RangeServer, vendor: Vendor
) -> None:
    site.update(SECOND)
    root = vendor.manifests[SECOND].root
    full, patch = full_way(root).blob, next(way.blob for way in root.ways if way.from_version == FIRST)
    mirrored = site.program.mirror / "served" / patch.path
    site.program.wait_until(lambda _: not mirrored.exists())
    before = len(repository.requests)

    site.device.site = SiteInfo(id="lyon", name="Lyon", box_versions=(FIRST, SECOND))
    console.tell()
    site.program.wait_until(lambda _: mirrored.exists())

    assert [one.path for one in repository.requests[before:] if "blobs" in one.path] == [f"/{patch.path}"]
    assert (site.program.mirror / "served" / full.path).exists()


def test_a_box_away_from_the_site_takes_what_was_asked_from_the_cloud(
    site: Site, box: VirtualBox, console: DeviceConsole
) -> None:
    box.move(Place.AWAY)
    device = get_device(console, "box")

    console.give_order(Order(id="u1", kind="update", version=THIRD, tag="essai"), device)
    wait_for_event(console, device, "u1", ReportedEvent.STAGE)

    taken = device.results[-1].taken
    assert taken is not None
    assert (taken.version, taken.source, taken.reason) == (THIRD, "cloud", "tag")


def test_a_box_whose_wrs_is_down_takes_the_version_of_the_site_from_the_cloud(
    site: Site, box: VirtualBox, console: DeviceConsole
) -> None:
    site.update(SECOND)
    device = get_device(console, "box")
    device.site = site.info
    site.program.stop()

    console.give_order(Order(id="u1", kind="update", version=THIRD), device)
    wait_for_event(console, device, "u1", ReportedEvent.STAGE)

    taken = device.results[-1].taken
    assert taken is not None
    assert (taken.version, taken.source, taken.reason) == (SECOND, "cloud", "site_without_wrs")
    assert device.last_observed.wrs_reachable is False


def test_a_box_finishes_from_the_cloud_when_its_wrs_is_killed_in_the_middle(
    site: Site, box: VirtualBox, console: DeviceConsole, vendor: Vendor, repository: RangeServer
) -> None:
    site.update(SECOND)
    device = get_device(console, "box")
    # The patch is about a third of the image; the gate closes in the middle of it.
    with Gate(int(site.program.url.rpartition(":")[2]), hold_after_bytes=300_000) as gate:
        device.site = site.info_at(gate.url)
        before = repository.sent_bytes
        console.give_order(Order(id="u1", kind="update", version=FIRST), device)
        assert gate.held.wait(20)
        site.program.kill()
        gate.cut()
        wait_for_event(console, device, "u1", ReportedEvent.STAGE)

    taken = device.results[-1].taken
    assert taken is not None
    assert (taken.version, taken.source) == (SECOND, "cloud")
    assert taken.lan_bytes >= 250_000
    image = vendor.manifests[SECOND].root
    assert box.hash_slot(SlotName.B, image.size) == image.sha256
    assert repository.sent_bytes - before < image.ways[1].blob.size + (64 << 10)


def test_a_wrs_waits_for_the_hours_of_its_site_and_goes_on_when_they_change(
    site: Site, console: DeviceConsole, repository: RangeServer
) -> None:
    opens = datetime.now(UTC) + timedelta(hours=3)
    hours = f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"
    console.tell(settings=replace(console.settings, download_window=hours))
    before = len(repository.requests)
    console.give_order(Order(id="wu", kind="update", version=SECOND), site.device)
    console.wait_for(lambda: bool(site.device.progress) and bool(site.device.progress[-1].waits_until))
    assert not any("blobs" in one.path for one in repository.requests[before:])

    console.tell(settings=replace(console.settings, download_window=""))
    site.wait_for_event("wu", ReportedEvent.STAGE)
