"""Orders: executed once whatever the network does, refused when the box is busy, withdrawn, superseded."""

from cebox.agent.machine import SlotName
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.vendor import FIRST, SECOND, THIRD, Vendor
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer


def hold_download(repository: RangeServer) -> None:
    repository.faults.only_path = "blobs/"
    repository.faults.hold_after_bytes = 300_000


def test_an_order_that_is_delivered_again_is_executed_once(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.faults.drop_answers = 3
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(lambda: console.device.acknowledged.count("u1") >= 2)

    assert console.list_events("u1") == ["download", "stage"]


def test_an_update_while_another_downloads_is_refused(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    hold_download(repository)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    assert repository.held.wait(20)

    console.give_order(Order(id="u2", kind="update", version=THIRD))
    console.give_order(Order(id="r1", kind="reboot"))
    refused = console.wait_for_result("u2", ReportedEvent.REFUSE)
    console.wait_for_result("r1", ReportedEvent.REFUSE)
    repository.let_go()
    console.wait_for_result("u1", ReportedEvent.STAGE)

    assert refused.code == "device_busy"


def test_an_update_can_be_withdrawn_while_it_downloads(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    hold_download(repository)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    assert repository.held.wait(20)

    console.withdraw_order("u1")
    console.wait_for(lambda: '"is_cancelled":true' in (box.folder / "state/journal.json").read_text())
    repository.let_go()
    console.wait_for_result("u1", ReportedEvent.CANCEL)

    assert box.running == FIRST
    assert SlotName.B not in box.table.entries


def test_a_staged_release_is_replaced_by_another_order(box: VirtualBox, console: DeviceConsole, vendor: Vendor) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="u2", kind="update", version=THIRD))
    console.wait_for_result("u2", ReportedEvent.STAGE)

    image = vendor.manifests[THIRD].root
    assert console.get_result("u1", ReportedEvent.CANCEL).code == "superseded"
    assert box.hash_slot(SlotName.B, image.size) == image.sha256


def test_a_staged_release_that_is_ordered_again_is_not_downloaded_again(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    before = len(repository.requests)
    console.give_order(Order(id="u2", kind="update", version=SECOND))
    console.wait_for_result("u2", ReportedEvent.STAGE)
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u2", ReportedEvent.FINISH)

    assert console.list_events("u1")[-1] == "cancel"
    assert not [one for one in repository.requests[before:] if "blobs" in one.path]


def test_the_running_version_needs_no_download(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.give_order(Order(id="u1", kind="update", version=FIRST))
    done = console.wait_for_result("u1", ReportedEvent.FINISH)

    assert done.code == "already_running"
    assert done.taken is not None
    assert done.taken.version == FIRST
    assert not repository.requests


def test_ordering_the_running_version_takes_a_staged_one_away(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="u2", kind="update", version=FIRST))
    console.wait_for_result("u2", ReportedEvent.FINISH)

    assert SlotName.B not in box.table.entries
    assert console.list_events("u1")[-1] == "cancel"


def test_a_reboot_with_nothing_staged_simply_reboots(box: VirtualBox, console: DeviceConsole) -> None:
    first_boot = console.device.last_observed.boot
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("r1", ReportedEvent.FINISH)

    assert box.exit_codes == [85]
    assert box.running == FIRST
    assert console.device.last_observed.boot > first_boot


def test_an_order_this_agent_does_not_know_is_refused(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="x1", kind="start_over_lan"))
    console.give_order(Order(id="u1", kind="update", version="latest"))

    assert console.wait_for_result("x1", ReportedEvent.REFUSE).code == "order_unknown"
    assert console.wait_for_result("u1", ReportedEvent.REFUSE).code == "version_malformed"
