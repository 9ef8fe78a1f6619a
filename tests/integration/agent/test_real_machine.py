"""The agent on the adapters of a real machine: boot partition, slots by label, counted tries, systemd's jobs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cebox.agent.machine import PowerKind, SlotName
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.real_box import RealBox, make_real_box, publish_bootable
from tests.integration.agent.vendor import FIRST, PANIC, SECOND, UNHEALTHY, Vendor, open_vendor
from tests.made_once import MakeOnce
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer

LOWER, FOREIGN, BOOTLESS = "2026.10.9", "2026.12.5", "2026.12.6"
MakeBox = Callable[..., RealBox]


@pytest.fixture(scope="module")
def vendor(make_once: MakeOnce) -> Vendor:
    made: Vendor = make_once("bootable-vendor", _make_vendor)
    return made


def _make_vendor(folder: Path) -> Vendor:
    vendor = open_vendor(folder)
    publish_bootable(vendor, FIRST, previous=None)
    publish_bootable(vendor, SECOND)
    publish_bootable(vendor, LOWER)
    publish_bootable(vendor, UNHEALTHY, behaviour="unhealthy")
    publish_bootable(vendor, PANIC, behaviour="panic")
    publish_bootable(vendor, FOREIGN, boot_of="something else")
    vendor.publish(BOOTLESS, floor=LOWER)
    return vendor


@pytest.fixture
def new_box(tmp_path: Path, vendor: Vendor, console: DeviceConsole) -> Iterator[MakeBox]:
    boxes: list[RealBox] = []

    def make(**settings: object) -> RealBox:
        boxes.append(make_real_box(tmp_path / "box", vendor, console.url, **settings))
        boxes[-1].power_on()
        console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
        return boxes[-1]

    yield make
    for box in boxes:
        box.stop()


@pytest.fixture
def box(new_box: MakeBox) -> RealBox:
    """On, enrolled, on the first release."""
    return new_box()


def install(console: DeviceConsole, version: str) -> None:
    """Order it, and a reboot once it is staged."""
    console.give_order(Order(id="u1", kind="update", version=version))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.give_order(Order(id="r1", kind="reboot"))


def is_at_rest(box: RealBox) -> bool:
    return box.read_journal().get("state", "idle") == "idle"


def test_an_update_ends_in_the_new_release_with_root_and_boot_image_patched(
    box: RealBox, console: DeviceConsole, vendor: Vendor, repository: RangeServer
) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    staged = console.wait_for_result("u1", ReportedEvent.STAGE)
    assert box.running == FIRST
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}+3.efi"]
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u1", ReportedEvent.FINISH)
    console.wait_for(lambda: is_at_rest(box))

    manifest = vendor.manifests[SECOND]
    assert manifest.boot is not None
    assert staged.taken is not None
    assert staged.taken.way == f"patch from {FIRST}"
    assert repository.sent_bytes < manifest.root.ways[1].blob.size + manifest.boot.ways[1].blob.size + (64 << 10)
    assert manifest.boot.ways[1].blob.size < manifest.boot.size / 2
    assert box.running == SECOND
    assert box.hash_slot(SlotName.B, manifest.root.size) == manifest.root.sha256
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}.efi"]
    assert console.list_events("u1") == ["download", "stage", "reboot", "try", "finish"]
    assert not list((box.folder / "state/boot-image").iterdir())


def test_a_lower_release_above_the_floor_starts_and_stays(box: RealBox, console: DeviceConsole) -> None:
    install(console, LOWER)
    console.wait_for_result("u1", ReportedEvent.FINISH)
    console.wait_for(lambda: is_at_rest(box))
    console.give_order(Order(id="r2", kind="reboot"))
    console.wait_for_result("r2", ReportedEvent.FINISH)

    assert box.running == LOWER


@pytest.mark.parametrize("version", [UNHEALTHY, PANIC])
def test_a_bad_release_falls_back_and_is_not_tried_again_by_itself(
    version: str, box: RealBox, console: DeviceConsole
) -> None:
    install(console, version)
    console.wait_for_result("u1", ReportedEvent.ROLL_BACK)
    console.wait_for(lambda: is_at_rest(box))
    assert box.running == FIRST
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi"]
    assert console.device.last_observed.failed_versions == (version,)

    console.account_version = version
    console.give_order(Order(id="poke", kind="update", version=FIRST))
    console.wait_for_result("poke", ReportedEvent.FINISH)
    box.press_button()
    box.wait_until_off()
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi"]


def test_a_slot_that_is_damaged_after_staging_falls_back(box: RealBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    with box.machine.slot_path(SlotName.B).open("r+b") as slot:
        slot.seek(100_000)
        slot.write(b"spoilt")
    console.give_order(Order(id="r1", kind="reboot"))
    console.wait_for_result("u1", ReportedEvent.ROLL_BACK)

    assert box.running == FIRST


@pytest.mark.parametrize(("version", "code"), [(BOOTLESS, "boot_image_missing"), (FOREIGN, "boot_image_foreign")])
def test_a_release_that_this_machine_could_not_start_never_gets_an_entry(
    version: str, code: str, box: RealBox, console: DeviceConsole
) -> None:
    console.give_order(Order(id="u1", kind="update", version=version))
    console.wait_for(lambda: console.list_events("u1")[-1:] in (["refuse"], ["fail"]))
    ending = console.get_result("u1", ReportedEvent(console.list_events("u1")[-1]))

    assert ending.code == code
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi"]
    assert box.running == FIRST


def test_power_lost_in_the_middle_of_the_download_costs_little(
    box: RealBox, console: DeviceConsole, vendor: Vendor, repository: RangeServer
) -> None:
    repository.faults.only_path = "blobs/"
    repository.faults.hold_after_bytes = 500_000
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    assert repository.held.wait(20)
    box.pull_plug()
    repository.let_go()
    box.power_on()
    console.wait_for_result("u1", ReportedEvent.STAGE)

    assert box.machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}+3.efi"]


def test_a_poweroff_below_the_accounts_version_installs_shows_it_and_the_next_start_tries_it(
    box: RealBox, console: DeviceConsole
) -> None:
    console.account_version = SECOND
    console.give_order(Order(id="poke", kind="update", version=FIRST))
    console.wait_for_result("poke", ReportedEvent.FINISH)
    (box.machine.folder / "dev/console").touch()
    box.press_button()
    box.wait_until_off()

    assert box.exit_codes == [86]
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}+3.efi"]
    assert SECOND in (box.machine.folder / "run/wall").read_text()
    assert "%" in (box.machine.folder / "dev/console").read_text()
    assert not (box.machine.folder / "run/asked").exists()
    box.power_on()
    console.wait_for_result(None, ReportedEvent.FINISH)
    assert box.running == SECOND


@pytest.mark.parametrize(("kind", "code"), [(PowerKind.SHUTDOWN, 86), (PowerKind.REBOOT, 85)])
def test_a_system_that_goes_down_with_nothing_to_install_is_not_kept_waiting(
    kind: PowerKind, code: int, box: RealBox, console: DeviceConsole, repository: RangeServer
) -> None:
    if kind is PowerKind.REBOOT:
        console.account_version = SECOND
        console.give_order(Order(id="poke", kind="update", version=FIRST))
        console.wait_for_result("poke", ReportedEvent.FINISH)
    began = time.monotonic()
    box.press_button(kind)
    console.wait_for(lambda: code in box.exit_codes)

    assert time.monotonic() - began < 15
    assert not repository.requests


def test_an_ordered_reboot_asks_systemd_for_it(box: RealBox, console: DeviceConsole) -> None:
    box.restart_machine_when_killed = False
    asked = box.machine.folder / "run/asked"
    console.give_order(Order(id="s1", kind="shutdown"))
    box.wait_until_off()

    assert asked.read_text().split()[-1] == "poweroff"


def test_a_release_that_reaches_nobody_falls_back_once_nobody_works_with_it(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    box = new_box(trial_seconds=0.5, wrs_timeout_seconds=0.3, timeout_seconds=0.5)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.stop()
    repository.stop()
    box.press_button(PowerKind.REBOOT)
    wait_for(lambda: box.running == SECOND)
    wait_for(lambda: box.running == FIRST)
    console.start()
    rolled_back = console.wait_for_result("u1", ReportedEvent.ROLL_BACK)

    assert "no answer yet" in rolled_back.detail
    assert console.list_events("u1").count(ReportedEvent.TRY) == 3


def test_a_release_on_trial_is_kept_as_soon_as_the_console_answers_again(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    box = new_box(wrs_timeout_seconds=0.3, timeout_seconds=0.5, trial_seconds=60)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.stop()
    repository.stop()
    box.press_button(PowerKind.REBOOT)
    wait_for(lambda: box.read_journal().get("state") == "on_trial")
    assert box.machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}+2-1.efi"]
    console.start()
    console.wait_for_result("u1", ReportedEvent.FINISH)

    assert box.machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}.efi"]


def test_nobody_is_restarted_while_they_work_on_a_system_that_reaches_nobody(
    new_box: MakeBox, console: DeviceConsole, repository: RangeServer
) -> None:
    box = new_box(trial_seconds=0.3, wrs_timeout_seconds=0.3, timeout_seconds=0.5)
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    console.wait_for_result("u1", ReportedEvent.STAGE)
    console.stop()
    repository.stop()
    box.while_up = lambda: sign_in(box)
    box.press_button(PowerKind.REBOOT)
    wait_for(lambda: box.read_journal().get("state") == "on_trial")
    until = time.monotonic() + 2
    wait_for(lambda: time.monotonic() > until)
    assert box.running == SECOND
    console.start()
    console.wait_for_result("u1", ReportedEvent.FINISH)

    assert console.list_events("u1").count(ReportedEvent.TRY) == 1


def sign_in(box: RealBox) -> None:
    (box.machine.folder / "run/sessions").write_text("3 1000 lea seat0 tty2\n")
    (box.machine.folder / "run/session-facts").write_text("Name=lea\nUser=1000\nRemote=no\nClass=user\nState=active\n")


def wait_for(holds: Callable[[], bool], seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
