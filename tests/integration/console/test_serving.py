"""The console as a real process: its start, its refusals to start, and an end that keeps nobody waiting."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cebox.console.database.engine import Database, parse_database_url
from cebox.console.settings import ConsoleSettings
from cebox.errors import Unavailable
from tests.servers.postgresql import PostgresqlServer

_PROGRAM = (
    "import sys; from cebox.console.main import serve_console; from cebox.console.settings import ConsoleSettings;"
)
_RUN = f"{_PROGRAM} serve_console(ConsoleSettings.model_validate_json(sys.argv[1]))"
_START_SECONDS = 40.0
# On a machine of its own the console is gone within 3 s; the tests of others run beside this one.
_STOP_SECONDS = 12.0


class ConsoleProcess:
    def __init__(self, settings: ConsoleSettings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN, settings.model_dump_json()],
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        self.lines: list[str] = []
        self._has_line = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._has_line:
                self.lines.append(line)
                self._has_line.notify_all()
        with self._has_line:
            self._has_line.notify_all()

    def wait_for(self, event: str) -> dict[str, object]:
        """The log line with that event."""
        deadline = time.monotonic() + _START_SECONDS
        with self._has_line:
            while time.monotonic() < deadline:
                for line in self.lines:
                    if event in line:
                        found: dict[str, object] = json.loads(line)
                        return found
                self._has_line.wait(0.5)
        raise AssertionError("".join(self.lines))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.wait_for('console_listening')['port']}"

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """The exit code, and how many seconds it took."""
        began = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(timeout=20)
        took = time.monotonic() - began
        self._reader.join(timeout=5)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code, took


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> ConsoleSettings:
    return ConsoleSettings(port=0, state_folder=tmp_path / "state", database=database_url)


@pytest.fixture
def process(settings: ConsoleSettings) -> Iterator[ConsoleProcess]:
    process = ConsoleProcess(settings)
    yield process
    process.stop(signal.SIGKILL)


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
    raise AssertionError("the console did not get ready")


def test_a_console_starts_serves_and_stops(process: ConsoleProcess, settings: ConsoleSettings) -> None:
    _wait_until_ready(process.url)

    code, took = process.stop()

    assert code == 0, process.lines
    assert took < _STOP_SECONDS
    assert "console_stopped" in process.lines[-1]
    assert settings.secret_path.stat().st_mode & 0o777 == 0o600


def test_waiting_pages_do_not_hold_up_the_stop(process: ConsoleProcess, settings: ConsoleSettings) -> None:
    """An idle kept-alive connection, and one that never finishes its request."""
    url = process.url
    _wait_until_ready(url)
    port = int(url.rsplit(":", 1)[1])
    with httpx.Client() as idle, socket.create_connection(("127.0.0.1", port)) as slow:
        idle.get(f"{url}/healthz")
        slow.sendall(b"POST /device/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

        code, took = process.stop()

    assert code == 0, process.lines
    assert took < _STOP_SECONDS


def test_a_restarted_console_keeps_its_name_and_its_secret(settings: ConsoleSettings) -> None:
    names, secrets = [], []
    for _ in range(2):
        process = ConsoleProcess(settings)
        try:
            names.append(process.wait_for("console_listening")["console_id"])
            secrets.append(settings.secret_path.read_bytes())
            _wait_until_ready(process.url)
        finally:
            process.stop()

    assert names[0] == names[1]
    assert secrets[0] == secrets[1]


def test_replicas_that_start_together_agree_on_their_name(settings: ConsoleSettings) -> None:
    replicas = [ConsoleProcess(settings) for _ in range(2)]
    try:
        names = {process.wait_for("console_listening")["console_id"] for process in replicas}
    finally:
        for process in replicas:
            process.stop()

    assert len(names) == 1


def test_an_address_in_use_is_said_clearly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ConsoleSettings(port=taken.getsockname()[1], state_folder=tmp_path / "state")
        process = ConsoleProcess(settings)
        code, _ = _wait_for_end(process)

    assert code != 0
    assert "address_in_use" in "".join(process.lines)
    assert not (tmp_path / "state" / "console.db").exists()


def _wait_for_end(process: ConsoleProcess) -> tuple[int, float]:
    process._process.wait(timeout=_START_SECONDS)
    return process.stop()


async def _outcomes(url: str, server: PostgresqlServer) -> list[str]:
    """What a unit comes to before, during and after an absence of its database."""
    database = Database(parse_database_url(url))
    found = []
    for step in (None, server.suspend, server.resume):
        if step is not None:
            step()
        try:
            async with database.write() as unit:
                await unit.connection.exec_driver_sql("SELECT 1")
                found.append("answered")
        except Unavailable as error:
            found.append(error.code)
    await database.close()
    return found


def test_a_database_that_goes_away_is_unavailable_and_found_again() -> None:
    server = PostgresqlServer()
    try:
        server.start()
        outcomes = asyncio.run(_outcomes(server.url("postgres"), server))
    finally:
        server.stop()

    assert outcomes == ["answered", "database_unreachable", "answered"]


@pytest.mark.parametrize(
    "address", ["postgresql://nobody:hush@127.0.0.1:1/none", "sqlite:////dev/null/console.db", "mysql://x/y"]
)
def test_a_database_that_cannot_be_used_is_said_clearly(tmp_path: Path, address: str) -> None:
    process = ConsoleProcess(ConsoleSettings(port=0, state_folder=tmp_path / "state", database=address))

    code, _ = _wait_for_end(process)

    said = "".join(process.lines)
    assert code != 0
    assert "[database_unreachable]" in said or "[database_url_unknown]" in said
    assert "hush" not in said
