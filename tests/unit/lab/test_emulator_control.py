"""What an emulator answers, and says of its machine's end, by one that only speaks the protocol."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cebox.lab.vm.control import Control


class Emulator:
    """Says `events` as soon as it is greeted, then each of `answers` to a command of its own, and ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[object] = []
        self.answers: list[object] = []
        self.commands: list[str] = []
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.bind(str(path))
        self._line.listen()
        self._thread = threading.Thread(target=self._serve)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._thread.join()
        self._line.close()

    def _serve(self) -> None:
        near, _ = self._line.accept()
        with near, near.makefile("rwb") as stream:
            stream.write(b'{"QMP": {"version": {}, "capabilities": []}}\n')
            stream.flush()
            self.commands.append(json.loads(stream.readline())["execute"])
            for event in [{"return": {}}, *self.events]:
                stream.write(json.dumps(event).encode() + b"\n")
            stream.flush()
            for answer in self.answers:
                command = json.loads(stream.readline())
                self.commands.append(command["execute"])
                said = [{"event": "RTC_CHANGE"}, {"return": {}}, {**answer, "id": command["id"]}]  # type: ignore[dict-item] # of JSON
                stream.write(b"".join(json.dumps(one).encode() + b"\n" for one in said))
                stream.flush()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path / "control")
    yield emulator
    emulator.end()


@pytest.mark.parametrize(("reason", "was_reset"), [("guest-reset", True), ("guest-shutdown", False)])
def test_a_restart_is_told_from_power_off(emulator: Emulator, reason: str, was_reset: bool) -> None:
    emulator.events = [{"event": "RTC_CHANGE"}, {"event": "SHUTDOWN", "data": {"guest": True, "reason": reason}}]
    emulator.start()

    with Control(emulator.path) as control:
        assert control.was_reset is was_reset
    assert emulator.commands == ["qmp_capabilities"]


def test_an_emulator_that_was_killed_was_not_reset(emulator: Emulator) -> None:
    emulator.start()

    with Control(emulator.path) as control:
        assert not control.was_reset


def test_a_command_returns_what_the_emulator_says_to_it(emulator: Emulator) -> None:
    emulator.answers = [{"return": {"running": True}}]
    emulator.start()

    with Control(emulator.path) as control:
        assert control.ask("query-status") == {"running": True}
    assert emulator.commands == ["qmp_capabilities", "query-status"]


def test_a_refused_command_is_told(emulator: Emulator) -> None:
    emulator.answers = [{"error": {"class": "GenericError", "desc": "no such key"}}]
    emulator.start()

    with Control(emulator.path) as control, pytest.raises(OSError, match="send-key: no such key"):
        control.ask("send-key", keys=[])


def test_an_emulator_that_ends_keeps_nobody_waiting(emulator: Emulator) -> None:
    emulator.start()

    with Control(emulator.path) as control:
        emulator.end()
        for _ in range(2):
            with pytest.raises(ConnectionError):
                control.ask("query-status")
