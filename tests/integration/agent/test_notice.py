"""The agent of a box and the program in a person's session, with all that is between them and no desktop."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cebox.desktop.notice import Notice, Place
from cebox.desktop.words import Words
from cebox.protocol.desk import find_coming
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.conftest import MakeBox
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole

REBOOT = Order(id="r1", kind="reboot")


class Watch:
    """A clock of which the hands can be turned; it goes on by itself as well."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_seconds


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A unix socket's path is short."""
    with tempfile.TemporaryDirectory() as folder:
        yield Place(tmp_path / "box/desktop.json", Path(folder) / "agent.sock")


@pytest.fixture
def box(new_box: MakeBox, console: DeviceConsole, place: Place) -> VirtualBox:
    """Somebody is signed in; a reboot is announced five minutes before, and may be put off once by half an hour."""
    box = new_box(desk_socket=str(place.desk))
    (box.folder / "people").write_text("lea")
    console.settings = replace(console.settings, countdown_seconds=300, postpone_seconds=1800, most_postponements=1)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    return box


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def notice(box: VirtualBox, console: DeviceConsole, place: Place, watch: Watch) -> Notice:
    """Of an announced reboot."""
    console.give_order(REBOOT)
    console.wait_for(lambda: find_coming(place.announcement) is not None)
    return Notice(place, Words(is_french=False), watch)


def is_seen(notice: Notice) -> bool:
    return notice.look() is not None and notice.is_visible


def test_what_is_announced_is_shown_with_the_time_that_is_left(notice: Notice) -> None:
    view = notice.look()

    assert view is not None
    assert view.headline.startswith(("This machine restarts in 5 min", "This machine restarts in 4 min"))
    assert view.button == "Postpone by 30 min"


def test_to_postpone_closes_the_window_until_time_runs_out_again(notice: Notice, box: VirtualBox, watch: Watch) -> None:
    notice.look()
    notice.postpone()
    assert not is_seen(notice)

    watch.ahead_seconds = 1800 - 290
    assert is_seen(notice)
    view = notice.look()
    assert view is not None
    assert view.button is None
    assert "no longer" in view.text
    assert box.exit_codes == []


def test_the_agent_keeps_the_limit_whoever_asks(notice: Notice, box: VirtualBox, place: Place) -> None:
    notice.postpone()
    due = find_coming(place.announcement)
    notice.postpone()
    view = notice.look()

    assert find_coming(place.announcement) == due
    assert view is not None
    assert view.text.endswith("It was not postponed.")
    assert box.exit_codes == []


def test_a_closed_window_stays_closed_until_the_last_minute(notice: Notice, watch: Watch) -> None:
    notice.look()
    notice.close()
    assert not is_seen(notice)

    watch.ahead_seconds = 250
    assert is_seen(notice)


def test_what_is_withdrawn_is_called_off_and_then_over(
    notice: Notice, console: DeviceConsole, place: Place, watch: Watch
) -> None:
    notice.look()
    console.withdraw_order("r1")
    console.wait_for_result("r1", ReportedEvent.CANCEL)
    console.wait_for(lambda: find_coming(place.announcement) is None)

    view = notice.look()
    assert view is not None
    assert view.headline == "It does not take place after all."
    watch.ahead_seconds = 11
    assert notice.look() is None


def test_nobody_is_told_that_what_they_closed_is_called_off(
    notice: Notice, console: DeviceConsole, place: Place
) -> None:
    notice.look()
    notice.close()
    console.withdraw_order("r1")
    console.wait_for(lambda: find_coming(place.announcement) is None)

    assert notice.look() is None


def test_an_agent_that_does_not_answer_is_told(notice: Notice, place: Place) -> None:
    place.desk.unlink()
    notice.postpone()
    view = notice.look()

    assert view is not None
    assert view.text.endswith("It was not postponed.")


def test_an_agent_that_starts_again_takes_back_what_no_longer_holds(
    notice: Notice, box: VirtualBox, console: DeviceConsole, place: Place
) -> None:
    stale = place.announcement.read_bytes()
    console.withdraw_order("r1")
    console.wait_for(lambda: find_coming(place.announcement) is None)
    place.announcement.write_bytes(stale)
    box.kill_agent()

    console.wait_for(lambda: find_coming(place.announcement) is None)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"is_restart": 1}', b'{"due": 1e999}'])
def test_a_file_that_says_nothing_opens_no_window(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "announcement"
    path.write_bytes(content)
    code = (
        "import sys; from pathlib import Path; from cebox.desktop.main import main; sys.exit(main(Path(sys.argv[1])))"
    )
    said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
