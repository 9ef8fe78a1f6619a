"""The agent is killed before and after the work of every state, and the machine's power is cut there: the box always
ends where it would have ended, tells it once, and fetches nothing twice.
"""

from pathlib import Path

import pytest

from cebox.agent.machine import SlotName
from cebox.agent.states import BoxState
from cebox.agent.virtual.boot_table import slot_path
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.vendor import FIRST, SECOND, UNHEALTHY, Vendor
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer

GOOD_UPDATE = [
    BoxState.RESOLVING,
    BoxState.DOWNLOADING,
    BoxState.VERIFYING,
    BoxState.STAGING,
    BoxState.REBOOTING,
    BoxState.ON_TRIAL,
    BoxState.COMMITTING,
]
MOMENTS = ["before", "after"]


def start_enrolled(new_box: MakeBox, console: DeviceConsole, die_at: str) -> VirtualBox:
    box = new_box()
    power_on_enrolled(box, console, die_at)
    return box


def power_on_enrolled(box: VirtualBox, console: DeviceConsole, die_at: str) -> None:
    box.power_on(die_at=die_at)
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))


def order_update(console: DeviceConsole, version: str) -> None:
    """Order it, and a reboot once it is staged."""
    console.give_order(Order(id="u1", kind="update", version=version))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="r1", kind="reboot"))


def is_at_rest(box: VirtualBox) -> bool:
    return box.read_journal().get("state", "idle") == "idle"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("state", GOOD_UPDATE)
def test_an_update_survives_the_death_of_its_agent(
    state: BoxState,
    moment: str,
    new_box: MakeBox,
    console: DeviceConsole,
    vendor: Vendor,
    repository: RangeServer,
) -> None:
    box = start_enrolled(new_box, console, f"{state}:{moment}")

    order_update(console, SECOND)
    console.wait_for_result("u1", ReportedEvent.FINISH)
    console.wait_for(lambda: is_at_rest(box))

    image = vendor.manifests[SECOND].root
    assert -9 in box.exit_codes
    assert box.running == SECOND
    assert box.table.entries[SlotName.B].is_blessed
    assert box.hash_slot(SlotName.B, image.size) == image.sha256
    assert box.hash_slot(SlotName.A, vendor.manifests[FIRST].root.size) == vendor.sha256(FIRST)
    assert console.list_events("u1") == ["download", "stage", "reboot", "try", "finish"]
    assert console.list_events("r1") == ["reboot", "finish"]
    assert repository.sent_bytes < 1.2 * image.ways[1].blob.size + (64 << 10)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("state", [BoxState.ON_TRIAL, BoxState.REBOOTING, BoxState.ROLLED_BACK])
def test_a_fallback_survives_the_death_of_its_agent(
    state: BoxState, moment: str, new_box: MakeBox, console: DeviceConsole, vendor: Vendor
) -> None:
    box = start_enrolled(new_box, console, f"{state}:{moment}")

    order_update(console, UNHEALTHY)
    console.wait_for_result("u1", ReportedEvent.ROLL_BACK)
    console.wait_for(lambda: is_at_rest(box))

    assert box.running == FIRST
    assert console.list_events("u1") == ["download", "stage", *["reboot", "try"] * 3, "reboot", "roll_back"]
    assert box.hash_slot(SlotName.A, vendor.manifests[FIRST].root.size) == vendor.sha256(FIRST)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_refusal_survives_the_death_of_its_agent(moment: str, new_box: MakeBox, console: DeviceConsole) -> None:
    box = start_enrolled(new_box, console, f"failed:{moment}")

    console.give_order(Order(id="u1", kind="update", version="2030.1.1"))
    refused = console.wait_for_result("u1", ReportedEvent.REFUSE)
    console.wait_for(lambda: is_at_rest(box))

    assert refused.code == "release_unknown"
    assert console.list_events("u1") == ["refuse"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cancellation_survives_the_death_of_its_agent(moment: str, new_box: MakeBox, console: DeviceConsole) -> None:
    box = start_enrolled(new_box, console, f"cancelled:{moment}")

    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.withdraw_order("u1")
    console.wait_for_result("u1", ReportedEvent.CANCEL)
    console.wait_for(lambda: is_at_rest(box))

    assert box.running == FIRST
    assert SlotName.B not in box.table.entries
    assert console.list_events("u1") == ["download", "stage", "cancel"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_shutdown_survives_the_death_of_its_agent(moment: str, new_box: MakeBox, console: DeviceConsole) -> None:
    box = start_enrolled(new_box, console, f"powering_off:{moment}")

    console.give_order(Order(id="s1", kind="shutdown"))
    box.wait_until_off()

    assert box.exit_codes == [-9, 86]
    assert console.list_events("s1") == ["finish"]
    assert console.device.last_observed.is_leaving


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("state", GOOD_UPDATE)
def test_an_update_survives_a_power_cut(
    state: BoxState, moment: str, new_box: MakeBox, console: DeviceConsole, vendor: Vendor
) -> None:
    box = start_enrolled(new_box, console, f"{state}:{moment}")
    box.restart_machine_when_killed = True

    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(lambda: -9 in box.exit_codes or console.has_result("u1", ReportedEvent.STAGE))
    if box.running != SECOND:
        console.wait_for_result("u1", ReportedEvent.STAGE)
        console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u1", ReportedEvent.FINISH)
    console.wait_for(lambda: is_at_rest(box))

    image = vendor.manifests[SECOND].root
    assert -9 in box.exit_codes
    assert box.running == SECOND
    assert box.hash_slot(SlotName.B, image.size) == image.sha256
    events = console.list_events("u1")
    assert len(events) == len({result.id for result in console.device.results if result.action_id == "u1"})
    assert (events[0], events[-1]) == ("download", "finish")
    assert events.count(ReportedEvent.STAGE) == 1


def test_what_happened_to_the_slot_while_no_agent_ran_is_found_and_repaired(
    new_box: MakeBox, console: DeviceConsole, vendor: Vendor
) -> None:
    box = new_box()
    box.while_dead = lambda: spoil(slot_path(box.folder, SlotName.B))
    power_on_enrolled(box, console, "verifying:before")

    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)

    image = vendor.manifests[SECOND].root
    assert "slot_differs" in box.read_log()
    assert box.hash_slot(SlotName.B, image.size) == image.sha256


def spoil(slot: Path) -> None:
    with slot.open("r+b") as stream:
        stream.seek(100_000)
        stream.write(b"spoilt")
