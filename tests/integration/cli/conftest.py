"""One real console process for the whole session, set up with commands; each test has boxes of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.integration.cli.command import Person
from tests.integration.cli.scripted_box import ScriptedBox

OLD, NEW = "2026.11.1", "2026.11.2"
PASSWORD = "correct horse battery"
ACCOUNT = "Atelier Nord"
SITE = "Lyon"
TAG = "essai-2026.11.2"
_LISTENING = re.compile(rb'"port": ?(\d+)')


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
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    folder = tmp_path_factory.mktemp("vendor")
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
        self._folder = folder
        self._vendor = vendor
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.config = folder / "console.toml"
        self._write_config()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "cebox.cli.main", "console", "serve", "--config", str(self.config)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, env=_bare_environment())
        assert self._process.stderr is not None
        self.port = _read_port(self._process.stderr)
        self._write_config()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(timeout=20)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def _write_config(self) -> None:
        settings = {
            "host": "127.0.0.1",
            "state_folder": str(self._folder / "state"),
            "repository": str(self._vendor.repository),
            "root_metadata": str(self._vendor.root),
        }
        lines = [f'{name} = "{value}"' for name, value in settings.items()]
        self.config.write_text("\n".join((*lines, f"port = {self.port}", "has_secure_cookie = false")) + "\n")


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CEBOX_")}


def _read_port(stderr: BinaryIO) -> int:
    for line in stderr:
        if b"console_listening" in line and (found := _LISTENING.search(line)):
            return int(found[1])
    raise AssertionError("the console stopped before it listened")


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


def make_fleet(folder: Path, vendor: Vendor) -> Fleet:
    console = ConsoleProcess(folder, vendor)
    machine = Person(folder / "machine.json")
    password = folder / "password"
    password.write_text(PASSWORD + "\n")
    people = {role: Person(folder / f"{role}.json") for role in ("vendor-operator", "account-admin", "account-viewer")}
    create = ("console", "create-user", "--config", console.config, "--password-file", password)
    machine.must("console", "init", "--config", console.config)
    machine.must(*create, "vendor-operator@example.org", "--role", "vendor-operator")
    console.start()

    def sign_in(role: str) -> None:
        people[role].must("login", console.url, "--email", f"{role}@example.org", "--password-file", password)

    sign_in("vendor-operator")
    operator = people["vendor-operator"]
    operator.must("release", "refresh")
    operator.must("account", "create", ACCOUNT, OLD)
    for role in ("account-admin", "account-viewer"):
        machine.must(*create, f"{role}@example.org", "--role", role, "--account", ACCOUNT)
        sign_in(role)
    operator.must("tag", "set", TAG, NEW, "--to", ACCOUNT)
    people["account-admin"].must("site", "create", SITE, "--network", "10.20.0.0/16")
    return Fleet(console, operator, people["account-admin"], people["account-viewer"], folder)


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
        box.stop()
