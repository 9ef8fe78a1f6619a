"""Who may ask the agent of a real machine for what: everybody how it is, and only who sits there to postpone."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cebox.protocol.desk import find_coming
from cebox.protocol.device import Order
from tests.integration.agent.real_box import RealBox, make_real_box, publish_bootable
from tests.integration.agent.vendor import FIRST, Vendor, open_vendor
from tests.servers.device_console import DeviceConsole

REBOOT = Order(id="r1", kind="reboot")
# Some user that is not the superuser, whoever runs the tests.
ASKER = os.getuid() or 65534
_ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    line.sendall(sys.argv[2].encode() + b"\\n")
    print(line.recv(4096).decode())
"""


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    vendor = open_vendor(tmp_path_factory.mktemp("vendor"))
    publish_bootable(vendor, FIRST, previous=None)
    return vendor


@pytest.fixture
def desk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "agent.sock"


@pytest.fixture
def box(tmp_path: Path, vendor: Vendor, console: DeviceConsole, desk: Path) -> Iterator[RealBox]:
    """Lea is signed in at the screen, and a reboot is announced to her."""
    box = make_real_box(tmp_path / "box", vendor, console.url, desk_socket=str(desk))
    box.while_up = lambda: sign_in(box, ASKER)
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    console.give_order(REBOOT)
    console.wait_for(lambda: find_coming(box.machine.folder / "run/cebox/announcement") is not None)
    yield box
    box.stop()


def sign_in(box: RealBox, user: int) -> None:
    (box.machine.folder / "run/sessions").write_text(f"3 {user} lea seat0 tty2\n")
    facts = f"Name=lea\nUser={user}\nRemote=no\nClass=user\nState=active\n"
    (box.machine.folder / "run/session-facts").write_text(facts)


def ask(desk: Path, question: str) -> str:
    """As the user ASKER, with a Python that everybody may start."""
    user = ASKER if os.getuid() == 0 else None
    command = ["/usr/bin/python3", "-c", _ASK, str(desk), question]
    return subprocess.run(command, capture_output=True, text=True, check=True, user=user, cwd="/").stdout


def test_who_sits_at_the_machine_may_postpone(box: RealBox, desk: Path) -> None:
    assert "problem" not in ask(desk, "postpone")


def test_nobody_else_may_but_everybody_may_ask_how_it_is(box: RealBox, desk: Path) -> None:
    sign_in(box, ASKER + 1)

    assert '"not_at_the_machine"' in ask(desk, "postpone")
    assert "problem" not in ask(desk, "status")
