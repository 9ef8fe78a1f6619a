"""What may go wrong around an update: the console, the repository, the disk, the clock, the release itself."""

import resource
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cebox.agent.machine import SlotName
from cebox.agent.virtual.boot_table import slot_path
from cebox.protocol.device import Order, Problem, ReportedEvent
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.vendor import FIRST, HANG, LARGE, PANIC, SECOND, THIRD, UNHEALTHY, Vendor, open_vendor
from tests.integration.agent.virtual_box import VirtualBox, make_box
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer


def hold_download(repository: RangeServer) -> None:
    repository.faults.only_path = "blobs/"
    repository.faults.hold_after_bytes = 300_000


@pytest.mark.parametrize("version", [UNHEALTHY, PANIC, HANG])
def test_a_release_whose_trial_fails_falls_back_after_three_tries(
    version: str, box: VirtualBox, console: DeviceConsole, vendor: Vendor
) -> None:
    console.give_order(Order(id="u1", kind="update", version=version))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="r1", kind="reboot"))
    rolled_back = console.wait_for_result("u1", ReportedEvent.ROLL_BACK)
    console.wait_for(lambda: console.device.last_observed.failed_versions == (version,))

    assert rolled_back.code == "trial_failed"
    assert rolled_back.detail
    assert box.running == FIRST
    assert box.hash_slot(SlotName.A, vendor.manifests[FIRST].root.size) == vendor.sha256(FIRST)
    # Seen by the firmware: three starts of the new system, wherever they ended.
    assert console.list_events("u1").count(ReportedEvent.TRY) == (0 if version == PANIC else 3)


def test_a_failed_release_is_tried_again_on_an_order_and_only_then(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.account_version = UNHEALTHY
    console.give_order(Order(id="u1", kind="update", version=UNHEALTHY))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u1", ReportedEvent.ROLL_BACK)

    console.give_order(Order(id="s1", kind="shutdown"))
    box.wait_until_off()
    assert SlotName.B not in box.table.entries

    before = len(repository.requests)
    box.power_on()
    console.give_order(Order(id="u2", kind="update", version=UNHEALTHY))
    console.wait_for_result("u2", ReportedEvent.STAGE)
    # Its bytes are in the slot still.
    assert sum("blobs" in one.path for one in repository.requests[before:]) == 1


def test_a_console_that_dies_in_the_middle_hears_of_it_later(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    hold_download(repository)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    assert repository.held.wait(20)
    console.stop()
    repository.let_go()
    console.wait_for(lambda: box.read_journal()["state"] == "staged")

    console.start()
    console.wait_for_result("u1", ReportedEvent.STAGE)

    assert console.list_events("u1") == ["download", "stage"]


def test_results_whose_receipt_was_lost_are_told_again_and_count_once(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.DOWNLOAD)
    console.faults.drop_answers = 4
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.wait_for(lambda: not box.read_journal().get("results"))

    assert console.list_events("u1") == ["download", "stage"]


def test_a_token_the_console_no_longer_takes_is_renewed(box: VirtualBox, console: DeviceConsole) -> None:
    console.forget_tokens()
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("r1", ReportedEvent.FINISH)


def test_a_token_of_another_console_gets_nothing_done_and_loses_nothing(
    box: VirtualBox, console: DeviceConsole
) -> None:
    console.console_id = "console-2"
    console.forget_tokens()
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for(lambda: "assertion_for_another_console" in box.read_log())
    assert not box.exit_codes

    console.console_id = "console-1"
    console.wait_for_result("r1", ReportedEvent.FINISH)


def test_a_refusing_console_is_asked_again(box: VirtualBox, console: DeviceConsole) -> None:
    console.faults.refuse = (503, Problem(code="starting", message="not yet"))
    console.wait_for(lambda: "starting" in box.read_log())
    console.faults.refuse = None
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("r1", ReportedEvent.FINISH)


def wait_until_still(path: Path, seconds: float = 2.0) -> None:
    """What has come is written when the file has not changed for so long."""
    deadline = time.monotonic() + 30
    while time.time() - path.stat().st_mtime < seconds:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_agent_killed_in_the_middle_of_a_download_fetches_only_the_rest(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer, vendor: Vendor
) -> None:
    box = new_box(slot_bytes=40 << 20)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    repository.faults.only_path = "blobs/"
    # The first of the patch's segments (16 MiB of noise) is whole by then, the second is not.
    repository.faults.hold_after_bytes = 20_000_000
    console.give_order(Order(id="u1", kind="update", version=LARGE))
    assert repository.held.wait(20)
    slot = slot_path(box.folder, SlotName.B)
    console.wait_for(lambda: slot.stat().st_blocks * 512 >= 16 << 20)
    wait_until_still(slot)
    box.kill_agent()
    console.wait_for(lambda: box.exit_codes == [-9])
    repository.let_go()
    staged = console.wait_for_result("u1", ReportedEvent.STAGE)

    blob_bytes = vendor.manifests[LARGE].root.ways[1].blob.size
    assert repository.sent_bytes < blob_bytes + (5 << 20)
    assert staged.taken is not None
    assert staged.taken.way == f"patch from {FIRST}"


def test_a_repository_that_is_away_is_waited_for(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    repository.stop()
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for(lambda: "repository_unreachable" in box.read_log())
    repository.start()
    console.wait_for_result("u1", ReportedEvent.STAGE)


def test_a_repository_that_stays_away_ends_the_update(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    repository.stop()
    box = new_box(silence_seconds=1.0)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    console.give_order(Order(id="u1", kind="update", version=SECOND))

    assert console.wait_for_result("u1", ReportedEvent.REFUSE).code == "repository_unreachable"


def test_a_release_that_is_not_published_is_refused(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="u1", kind="update", version="2030.1.1"))

    assert console.wait_for_result("u1", ReportedEvent.REFUSE).code == "release_unknown"


def test_a_release_larger_than_the_slot_is_refused_and_nothing_is_touched(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer
) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="u2", kind="update", version=LARGE))

    assert console.wait_for_result("u2", ReportedEvent.REFUSE).code == "slot_too_small"
    assert box.table.entries[SlotName.B].version == SECOND
    assert box.read_journal()["state"] == "staged"


def test_a_full_disk_ends_the_update_and_not_the_box(box: VirtualBox, console: DeviceConsole) -> None:
    assert box.process is not None
    resource.prlimit(box.process.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    console.give_order(Order(id="u1", kind="update", version=SECOND))

    assert console.wait_for_result("u1", ReportedEvent.FAIL).code == "disk_full"
    assert box.running == FIRST
    assert not box.exit_codes


def test_expiry_is_judged_by_the_time_of_the_console(box: VirtualBox, console: DeviceConsole) -> None:
    console.clock_offset = timedelta(days=200)
    console.give_order(Order(id="u1", kind="update", version=SECOND))

    assert console.wait_for_result("u1", ReportedEvent.REFUSE).code == "metadata_expired"


def test_a_repository_with_other_bytes_installs_nothing(
    box: VirtualBox, console: DeviceConsole, vendor: Vendor, tmp_path: Path
) -> None:
    shutil.copytree(vendor.repository, tmp_path / "tampered")
    for blob in (tmp_path / "tampered/blobs").rglob("*"):
        if blob.is_file():
            content = bytearray(blob.read_bytes())
            content[len(content) // 2] ^= 1
            blob.write_bytes(content)
    with RangeServer(tmp_path / "tampered") as tampered:
        console.repository_url = tampered.url
        console.give_order(Order(id="u1", kind="update", version=SECOND))
        failed = console.wait_for_result("u1", ReportedEvent.FAIL)

    assert failed.code == "patch_differs"
    assert SlotName.B not in box.table.entries


def test_a_release_below_the_floor_is_refused(tmp_path: Path) -> None:
    vendor = open_vendor(tmp_path / "vendor")
    vendor.publish(FIRST, previous=None)
    vendor.publish(SECOND)
    vendor.publish(THIRD, floor=SECOND)
    with RangeServer(vendor.repository) as repository, DeviceConsole(repository_url=repository.url) as console:
        box = make_box(tmp_path / "box", vendor, console.url, version=SECOND)
        box.power_on()
        try:
            console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
            console.give_order(Order(id="u1", kind="update", version=FIRST))
            refused = console.wait_for_result("u1", ReportedEvent.REFUSE)
        finally:
            box.stop()

    assert refused.code == "below_floor"


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
def test_a_damaged_journal_leaves_a_box_that_works(damage: str, box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    box.pull_plug()
    # One file may have both names when power went between two steps of a save: harm it once.
    files = {path.stat().st_ino: path for path in (box.folder / "state").glob("journal*.json")}
    for path in files.values():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        harm = {"truncated": content[: len(content) // 3], "flipped": content, "emptied": b""}
        path.write_bytes(bytes(harm[damage]))
    box.power_on()
    told = console.wait_for_result(None, ReportedEvent.FAIL)
    console.wait_for(lambda: console.device.last_observed.running == SECOND)
    console.wait_for(lambda: box.table.entries[SlotName.B].is_blessed)

    assert told.code == "journal_damaged"
    console.give_order(Order(id="u2", kind="update", version=THIRD))
    console.wait_for_result("u2", ReportedEvent.STAGE)


@pytest.mark.parametrize("days", [-20_000, 3_650])
def test_a_box_whose_clock_is_wrong_updates_all_the_same(days: int, new_box: MakeBox, console: DeviceConsole) -> None:
    """A dead battery says 1972, a mistyped year says 2036: expiry is judged by the console's clock."""
    box = new_box("wrong-clock")
    box.clock_error_days = days
    box.power_on()
    console.wait_for(lambda: bool(console.devices))
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u1", ReportedEvent.FINISH)
    assert box.running == SECOND
