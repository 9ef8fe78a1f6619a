"""A restart or shutdown that the console orders while somebody is signed in: announced, postponed within limits, done
at last; at once when nobody is there, or when they leave.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from cebox.agent.machine import PowerKind
from cebox.errors import Unavailable
from cebox.protocol.desk import ask
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.vendor import SECOND
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole

REBOOT = Order(id="r1", kind="reboot")


@pytest.fixture
def desk() -> Iterator[Path]:
    """A unix socket's path is short."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "agent.sock"


@pytest.fixture
def box(new_box: MakeBox, console: DeviceConsole, desk: Path) -> VirtualBox:
    box = new_box(desk_socket=str(desk))
    (box.folder / "people").write_text("lea")
    console.settings = replace(console.settings, countdown_seconds=60, postpone_seconds=600, most_postponements=1)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    return box


def wait_until_announced(box: VirtualBox, console: DeviceConsole, words: str) -> None:
    screen = box.folder / "screen"
    console.wait_for(lambda: screen.exists() and words in screen.read_text())


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from cebox.agent.command import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


def test_an_ordered_reboot_is_announced_and_waits(box: VirtualBox, console: DeviceConsole, desk: Path) -> None:
    console.give_order(REBOOT)
    wait_until_announced(box, console, "1 min")
    console.wait_for(lambda: "r1" in console.device.acknowledged)

    assert box.exit_codes == []
    assert "1 min" in run_command("status", "--socket", str(desk)).stdout


def test_a_person_postpones_as_often_as_the_account_allows(box: VirtualBox, console: DeviceConsole, desk: Path) -> None:
    console.give_order(REBOOT)
    wait_until_announced(box, console, "1 min")
    first = run_command("postpone", "--socket", str(desk))
    second = run_command("postpone", "--socket", str(desk))

    assert (first.returncode, second.returncode) == (0, 1)
    assert "10 min" in first.stdout
    assert "[postponed_enough]" in second.stderr
    assert box.exit_codes == []


def test_nothing_announced_cannot_be_postponed(box: VirtualBox, desk: Path) -> None:
    said = run_command("postpone", "--socket", str(desk))
    assert said.returncode == 1
    assert "[nothing_to_postpone]" in said.stderr


def test_when_the_time_is_over_the_box_restarts(new_box: MakeBox, console: DeviceConsole) -> None:
    box = new_box()
    (box.folder / "people").write_text("lea")
    console.settings = replace(console.settings, countdown_seconds=1)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    console.give_order(REBOOT)
    console.wait_for_result("r1", ReportedEvent.FINISH)

    assert box.exit_codes == [85]


def test_without_a_countdown_people_read_that_it_is_now(new_box: MakeBox, console: DeviceConsole) -> None:
    box = new_box()
    (box.folder / "people").write_text("lea")
    console.settings = replace(console.settings, countdown_seconds=0)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    console.give_order(REBOOT)
    console.wait_for_result("r1", ReportedEvent.FINISH)

    said = (box.folder / "screen").read_text()
    assert "now" in said
    assert "postpone" not in said


def test_nobody_signed_in_means_at_once(box: VirtualBox, console: DeviceConsole) -> None:
    (box.folder / "people").unlink()
    console.give_order(REBOOT)
    console.wait_for_result("r1", ReportedEvent.FINISH)

    assert not (box.folder / "screen").exists()


def test_those_who_leave_are_not_waited_for(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(REBOOT)
    wait_until_announced(box, console, "1 min")
    (box.folder / "people").unlink()
    console.wait_for_result("r1", ReportedEvent.FINISH)

    assert box.exit_codes == [85]


def test_their_own_button_asks_nobody(box: VirtualBox) -> None:
    box.press_button(PowerKind.SHUTDOWN)
    box.wait_until_off()
    assert box.exit_codes == [86]


def test_a_withdrawn_reboot_is_called_off(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(REBOOT)
    wait_until_announced(box, console, "1 min")
    console.withdraw_order("r1")
    console.wait_for_result("r1", ReportedEvent.CANCEL)
    wait_until_announced(box, console, "does not take place")

    assert box.exit_codes == []


def test_an_ordered_shutdown_installs_first_and_announces_then(box: VirtualBox, console: DeviceConsole) -> None:
    console.account_version = SECOND
    console.give_order(Order(id="s1", kind="shutdown"))
    console.wait_for_result(None, ReportedEvent.STAGE)
    wait_until_announced(box, console, "goes off in 1 min")

    assert box.exit_codes == []


def test_an_agent_that_is_started_again_still_knows_what_it_announced(
    box: VirtualBox, console: DeviceConsole, desk: Path
) -> None:
    console.give_order(REBOOT)
    wait_until_announced(box, console, "1 min")
    box.kill_agent()
    console.wait_for(lambda: box.starts == 2)
    console.wait_for(lambda: "announced" in run_command("status", "--socket", str(desk)).stdout)

    assert (box.folder / "screen").read_text().count("restarts in") == 1


@pytest.mark.parametrize("question", [b"", b"dance", b"\xff\xfe", b"status\n" * 100, b"x" * 10_000])
def test_nonsense_at_the_desk_is_answered_and_harms_nobody(question: bytes, box: VirtualBox, desk: Path) -> None:
    # A flood may find the line cut before the answer is read.
    with suppress(Unavailable):
        answer = ask(desk, question)
        assert answer.problem is None or answer.problem.code == "question_unknown"
    assert not ask(desk, b"status").problem


def test_without_an_agent_the_command_says_so(tmp_path: Path) -> None:
    said = run_command("status", "--socket", str(tmp_path / "none"))
    assert said.returncode == 1
    assert "[agent_not_reached]" in said.stderr
