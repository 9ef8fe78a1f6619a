"""The demo as a newcomer types it: it opens, survives a restart with its state, and starts over when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cebox.lab import plan
from cebox.lab.control import SOCKET_NAME, LabControl
from cebox.lab.hands import Hands, find_refusal, wait_for
from cebox.lab.service import find_free_port
from cebox.protocol.admin_client import AdminClient

pytestmark = pytest.mark.timeout(300)


@contextmanager
def running_demo(state: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cebox.cli.main", "demo", "--state", str(state), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if "The console is open" in line:
                break
        else:
            pytest.fail("the demo did not open: " + "".join(seen))
        yield process
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def sign_in(state: Path, port: int, email: str) -> Hands:
    password = json.loads((state / "sign-in.json").read_bytes())[email]
    url = f"http://127.0.0.1:{port}"
    with AdminClient(url) as nobody:
        return Hands(AdminClient(url, nobody.create_token(email, password, name="test").token))


def test_the_demo_opens_lives_and_is_found_as_it_was_left(tmp_path: Path) -> None:
    port, state = find_free_port(), tmp_path / "demo"
    with running_demo(state, "--port", str(port)):
        nord = sign_in(state, port, plan.NORD_ADMIN.email)
        nord.wait_on([plan.WRS.name, plan.TELEWORK.name])
        update = nord.update_and_stage(plan.TELEWORK.name, plan.TEST_TAG)
        lab = LabControl(state / SOCKET_NAME)
        lab.power(plan.ON_SITE[0].name, "cut")
        assert find_refusal(lambda: lab.power("NOBODY", "on")) == "machine_unknown"
        assert find_refusal(lambda: lab.power(plan.WRS.name, "explode")) == "power_word_unknown"  # type: ignore[arg-type] # the wrong word
        assert os.stat(state / SOCKET_NAME).st_mode & 0o077 == 0  # noqa: PTH116 - a socket's own mode
        nord.console.close()
    assert find_refusal(lambda: lab.list_machines()) == "lab_not_running"

    with running_demo(state, "--port", str(port)):
        nord = sign_in(state, port, plan.NORD_ADMIN.email)
        # Until it speaks again it is known as it left: shutting down.
        wait_for("its first word", lambda: nord.get_device(plan.TELEWORK.name).phase == "staged")
        assert nord.get_device(plan.TELEWORK.name).staged == str(plan.NEW.version)
        assert not {one["name"]: one["is_on"] for one in lab.list_machines()}[plan.ON_SITE[0].name]
        assert nord.reboot_and_finish(plan.TELEWORK.name, update).state == "done"
        nord.console.close()

    with running_demo(state, "--reset", "--port", str(port)):
        nord = sign_in(state, port, plan.NORD_ADMIN.email)
        nord.wait_on([plan.TELEWORK.name])
        wait_for("its first word", lambda: nord.get_device(plan.TELEWORK.name).running == str(plan.OLD.version))
        assert nord.get_device(plan.TELEWORK.name).staged is None
        nord.console.close()


def test_the_demo_never_removes_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    result = subprocess.run(
        [sys.executable, "-m", "cebox.cli.main", "demo", "--reset", "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "folder_not_a_demo" in result.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_demo_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        result = subprocess.run(
            [
                *(sys.executable, "-m", "cebox.cli.main", "demo"),
                *("--state", str(tmp_path / "demo"), "--port", str(squatter.getsockname()[1])),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert result.returncode == 7, result.stderr
    assert "port_taken" in result.stderr
