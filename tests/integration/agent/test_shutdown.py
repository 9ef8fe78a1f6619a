"""R10: a shutdown below the account's version installs before power goes; bounded, and never without an end."""

import time

from cebox.agent.machine import PowerKind, SlotName
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.vendor import FIRST, SECOND, THIRD
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer


def learn_account_version(box: VirtualBox, console: DeviceConsole, version: str) -> None:
    console.account_version = version
    console.give_order(Order(id="poke", kind="update", version=FIRST))
    console.wait_for_result("poke", ReportedEvent.FINISH)


def is_patience_over(box: VirtualBox) -> bool:
    """Monotonic time is the whole machine's, hence the test's too."""
    power = box.read_journal().get("power")
    return isinstance(power, dict) and time.monotonic() > power["deadline"]


def test_r10_a_shutdown_below_the_accounts_version_installs_it_and_the_next_start_tries_it(
    box: VirtualBox, console: DeviceConsole
) -> None:
    learn_account_version(box, console, SECOND)
    box.press_button()
    box.wait_until_off()

    assert box.exit_codes == [86]
    assert box.table.entries[SlotName.B].version == SECOND
    assert console.device.last_observed.is_leaving
    assert console.list_events(None) == ["download", "stage"]

    box.power_on()
    console.wait_for_result(None, ReportedEvent.FINISH)
    assert box.running == SECOND
    assert box.table.entries[SlotName.B].is_blessed


def test_r10_a_shutdown_at_or_above_the_accounts_version_installs_nothing(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    box.press_button()
    box.wait_until_off()

    assert box.exit_codes == [86]
    assert SlotName.B not in box.table.entries
    assert not repository.requests


def test_r10_holds_with_the_console_away(box: VirtualBox, console: DeviceConsole) -> None:
    learn_account_version(box, console, SECOND)
    console.stop()
    box.press_button()
    box.wait_until_off()

    assert box.table.entries[SlotName.B].version == SECOND


def test_r10_holds_for_a_shutdown_that_the_console_orders(box: VirtualBox, console: DeviceConsole) -> None:
    learn_account_version(box, console, SECOND)
    console.give_order(Order(id="s1", kind="shutdown"))
    box.wait_until_off()

    assert box.table.entries[SlotName.B].version == SECOND
    assert console.list_events("s1") == ["finish"]


def test_a_shutdown_does_not_wait_for_a_repository_that_is_away(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.account_version = SECOND
    box = new_box(shutdown_silence_seconds=0.5)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    learn_account_version(box, console, SECOND)
    repository.stop()
    began = time.monotonic()
    box.press_button()
    box.wait_until_off()

    assert box.exit_codes == [86]
    assert time.monotonic() - began < 15


def test_a_download_cut_by_a_shutdown_goes_on_at_the_next_start(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    box = new_box(shutdown_patience_seconds=0.2)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    repository.faults.only_path = "blobs/"
    repository.faults.hold_after_bytes = 300_000
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    assert repository.held.wait(20)
    box.press_button()
    console.wait_for(lambda: is_patience_over(box))
    repository.let_go()
    box.wait_until_off()
    assert SlotName.B not in box.table.entries

    box.power_on()
    console.wait_for_result("u1", ReportedEvent.STAGE)
    assert console.list_events("u1") == ["download", "stage"]


def test_the_button_may_also_ask_for_a_reboot(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="u1", kind="update", version=THIRD))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    box.press_button(PowerKind.REBOOT)
    console.wait_for_result("u1", ReportedEvent.FINISH)

    assert box.exit_codes == [85]
    assert box.running == THIRD


def test_a_stopped_agent_leaves_the_machine_on(box: VirtualBox) -> None:
    assert box.process is not None
    box.process.terminate()

    assert box.process.wait(10) == 0
