"""One real console process for the whole session, set up with commands; each test has boxes of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.integration.cli.command import Person
from tests.integration.cli.scripted_box import ScriptedBox
from tests.made_once import MakeOnce

OLD, NEW = "2026.11.1", "2026.11.2"
PASSWORD = "correct horse battery"
ACCOUNT = "Atelier Nord"
SITE = "Lyon"
TAG = "essai-2026.11.2"
_LISTENING = re.compile(rb'"port": ?(\d+).*"console_listening"|"console_listening".*"port": ?(\d+)')
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Vendor:
    """A folder with a keyring, a repository with two releases and their release folders."""

    folder: Path
    person: Person

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def keyring(self) -> Path:
        return self.folder / "keyring"

    @property
    def root(self) -> Path:
        return self.keyring / "root.json"


@pytest.fixture(scope="session")
def vendor(make_once: MakeOnce) -> Vendor:
    made: Vendor = make_once("cli-vendor", _make_vendor)
    return made


def _make_vendor(folder: Path) -> Vendor:
    vendor = Vendor(folder, Person(folder / "nobody.json"))
    must = vendor.person.must
    must("keyring", "init", vendor.keyring, "--repository", vendor.repository)
    earlier: list[str | Path] = []
    for version in (OLD, NEW):
        build_tree(folder / "tree", version)
        output = folder / "out" / version
        must("release", "build", folder / "tree", "--version", version, "--format", "tar", "--output", output, *earlier)
        must("release", "publish", output, "--repository", vendor.repository, "--keyring", vendor.keyring)
        earlier = ["--from", output]
    return vendor


def build_tree(tree: Path, version: str) -> None:
    (tree / "etc").mkdir(parents=True, exist_ok=True)
    (tree / "etc/release").write_text(version)
    (tree / "etc/words").write_text("".join(f"word {number}\n" for number in range(50_000)))


class ConsoleProcess:
    """`cebox console serve` as its own process; `kill` and `start` again keep its port."""

    def __init__(self, folder: Path, vendor: Vendor) -> None:
        self.folder = folder
        self._vendor = vendor
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.config = folder / "console.toml"
        self.log = folder / "console.log"
        self._write_config()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "cebox.cli.main", "console", "serve", "--config", str(self.config)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, env=_bare_environment())
        self.port = self._wait_for_port(self._process)
        self._write_config()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=20)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _wait_for_port(self, process: subprocess.Popen[bytes]) -> int:
        until = time.monotonic() + _START_SECONDS
        while (found := _LISTENING.search(self.log.read_bytes())) is None:
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)
        return int(found[1] or found[2])

    def _write_config(self) -> None:
        settings = {
            "host": "127.0.0.1",
            "state_folder": str(self.folder / "state"),
            "repository": str(self._vendor.repository),
            "root_metadata": str(self._vendor.root),
        }
        lines = [f'{name} = "{value}"' for name, value in settings.items()]
        self.config.write_text("\n".join((*lines, f"port = {self.port}", "has_secure_cookie = false")) + "\n")


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CEBOX_")}


@dataclass
class Fleet:
    """The console, its people, and a way to make boxes."""

    console: ConsoleProcess
    operator: Person
    admin: Person
    viewer: Person
    folder: Path
    names: Iterator[int] = field(default_factory=count)

    def add_box(self, *, kind: str = "cebox", site: str | None = None, **words: object) -> ScriptedBox:
        """Enrolled, not yet started."""
        name = f"box-{next(self.names)}-{os.urandom(3).hex()}"
        options = ["--site", site] if site else []
        key = self.admin.must("key", "create", f"key of {name}", "--kind", kind, "--json", *options)
        box = ScriptedBox(self.console.url, name, **{"running": OLD, "kind": kind, **words})  # type: ignore[arg-type]
        box.enrol(key.json["token"])
        return box


def open_console(folder: Path, vendor: Vendor) -> tuple[ConsoleProcess, Person]:
    """A console of its own, and its vendor's operator, signed in."""
    console = ConsoleProcess(folder, vendor)
    Person(folder / "machine.json").must("console", "init", "--config", console.config)
    hire(console, "vendor-operator")
    console.start()
    return console, sign_in(console, "vendor-operator")


def hire(console: ConsoleProcess, role: str, *words: str) -> None:
    password = console.folder / "password"
    password.write_text(PASSWORD + "\n")
    options = ("--role", role, "--config", console.config, "--password-file", password)
    Person(console.folder / "machine.json").must("console", "create-user", f"{role}@example.org", *options, *words)


def sign_in(console: ConsoleProcess, role: str) -> Person:
    person = Person(console.folder / f"{role}.json")
    password = console.folder / "password"
    person.must("login", console.url, "--email", f"{role}@example.org", "--password-file", password)
    return person


def make_fleet(folder: Path, vendor: Vendor) -> Fleet:
    console, operator = open_console(folder, vendor)
    operator.must("release", "refresh")
    operator.must("account", "create", ACCOUNT, OLD)
    for role in ("account-admin", "account-viewer"):
        hire(console, role, "--account", ACCOUNT)
    operator.must("tag", "set", TAG, NEW, "--to", ACCOUNT)
    admin, viewer = sign_in(console, "account-admin"), sign_in(console, "account-viewer")
    admin.must("site", "create", SITE, "--network", "10.20.0.0/16")
    return Fleet(console, operator, admin, viewer, folder)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Iterator[Fleet]:
    fleet = make_fleet(tmp_path_factory.mktemp("fleet"), vendor)
    try:
        yield fleet
    finally:
        fleet.console.stop()


AddBox = Callable[..., ScriptedBox]


@pytest.fixture
def add_box(fleet: Fleet) -> Iterator[AddBox]:
    """A started box; stopped at the end of the test."""
    boxes = []

    def add(**words: object) -> ScriptedBox:
        box = fleet.add_box(**words)  # type: ignore[arg-type]
        boxes.append(box)
        box.start()
        return box

    yield add
    for box in boxes:
        box.end()
    for box in boxes:
        box.stop()
