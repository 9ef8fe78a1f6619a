"""What a machine says, through a pipe that stands for its serial line."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cebox.lab.vm.serial import SerialConsole


class Machine:
    def __init__(self, log: Path) -> None:
        reading, self._writing = os.pipe()
        self.console = SerialConsole(log)
        self._thread = threading.Thread(target=self._follow, args=(reading,))
        self._thread.start()

    def say(self, content: bytes) -> None:
        os.write(self._writing, content)

    def end(self) -> None:
        os.close(self._writing)
        self._thread.join()
        self.console.end()

    def _follow(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as stream:
            self.console.follow(stream)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "console.log")
    yield machine
    machine.end()


def test_a_line_is_found_whether_it_came_before_or_comes_later(machine: Machine) -> None:
    machine.say(b"one\r\ntwo\r\n")

    assert machine.console.wait_for("^two$", 20).text == "two"
    assert machine.console.wait_for("^one$", 20).text == "one"


def test_control_sequences_are_left_out(machine: Machine) -> None:
    machine.say(b"\x1b[0;32m  OK  \x1b[0m\x1b[2Jready\r\n")

    assert machine.console.wait_for("ready", 20).text == "OK  ready"


def test_what_was_said_before_the_mark_does_not_count(machine: Machine) -> None:
    machine.say(b"started\n")
    machine.console.wait_for("started", 20)

    with pytest.raises(TimeoutError, match="started"):
        machine.console.wait_for("started", 0.01, after=len(machine.console.lines))


def test_a_machine_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "console.log")
    machine.say(b"Power down")
    machine.end()

    with pytest.raises(TimeoutError, match=r"the machine ended\n.*Power down"):
        machine.console.wait_for("ready", 60)
    assert "Power down" in (tmp_path / "console.log").read_text()
