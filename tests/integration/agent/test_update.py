"""An ordered update, from the order to the proof."""

from cebox.agent.machine import SlotName
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.vendor import FIRST, SECOND, Vendor
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole


def test_an_update_and_a_reboot_end_in_the_new_release(box: VirtualBox, console: DeviceConsole, vendor: Vendor) -> None:
    old_slot = box.hash_slot(SlotName.A, 8 << 20)

    console.give_order(Order(id="u1", kind="update", version=SECOND, tag="essai"))
    staged = console.wait_for_result("u1", ReportedEvent.STAGE)

    assert box.running == FIRST
    assert box.hash_slot(SlotName.A, 8 << 20) == old_slot
    assert staged.taken is not None
    assert (staged.taken.version, staged.taken.source, staged.taken.reason) == (SECOND, "cloud", "tag")
    assert staged.taken.way == f"patch from {FIRST}"
    assert 0 < staged.taken.wan_bytes < vendor.manifests[SECOND].root.size

    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u1", ReportedEvent.FINISH)

    image = vendor.manifests[SECOND].root
    assert box.running == SECOND
    assert box.hash_slot(SlotName.B, image.size) == image.sha256
    assert box.hash_slot(SlotName.A, 8 << 20) == old_slot
    assert box.table.entries[SlotName.B].is_blessed
    assert console.list_events("u1") == ["download", "stage", "reboot", "try", "finish"]
    assert console.list_events("r1") == ["reboot", "finish"]
