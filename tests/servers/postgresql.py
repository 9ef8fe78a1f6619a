"""A real PostgreSQL for tests: own data folder, a unix socket of its own, gone when the tests are."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_INSTALLED = Path("/usr/lib/postgresql")
_START_SECONDS = 30.0
# Durability costs time and protects nothing here: the data folder is thrown away.
_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=",
    "max_connections=100",
    "autovacuum=off",
)


class PostgresqlMissing(Exception):
    """The Debian package is not installed; a test that needs it fails, it is never skipped."""


class PostgresqlServer:
    """`postgres` in the foreground as a child process. It refuses to run as root, so root hands it to `postgres`."""

    def __init__(self) -> None:
        self._programs = _find_programs()
        self._owner = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="cebox-pg-", dir="/tmp"))  # short: a socket path may have 107 bytes
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._owner is not None:
            shutil.chown(self.folder, self._owner, pwd.getpwnam(self._owner).pw_gid)
        initdb = ["initdb", "--pgdata", str(self._data), "--username=cebox", "--auth=trust", "--encoding=UTF8"]
        self._run([*initdb, "--no-sync", "--locale=C"])
        self.resume()

    def stop(self) -> None:
        self.suspend()
        shutil.rmtree(self.folder, ignore_errors=True)

    def suspend(self) -> None:
        """Away, with its data kept for `resume`."""
        if self._process is not None:
            # setpriv replaces itself, so this is the postmaster; SIGINT is its shutdown that waits for no client.
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=_START_SECONDS)
            self._process = None

    def resume(self) -> None:
        options = [word for setting in _SETTINGS for word in ("-c", setting)]
        command = self._as_owner(["postgres", "-D", str(self._data), "-k", str(self.folder), *options])
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        self._wait_until_ready()

    def create_database(self) -> str:
        """A new, empty database; returns its name."""
        name = f"cebox_{secrets.token_hex(6)}"
        self._sql(f'CREATE DATABASE "{name}"')
        return name

    def drop_database(self, name: str) -> None:
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, name: str) -> str:
        return f"postgresql://cebox@/{name}?host={self.folder}"

    def _sql(self, statement: str) -> None:
        self._run(["psql", "--host", str(self.folder), "--username=cebox", "--dbname=postgres", "-qc", statement])

    def _as_owner(self, command: list[str]) -> list[str]:
        program = [str(self._programs / command[0]), *command[1:]]
        # A test run that is killed takes its server along.
        if self._owner is None:
            return ["setpriv", "--pdeathsig=INT", *program]
        return [
            "setpriv",
            "--pdeathsig=INT",
            f"--reuid={self._owner}",
            f"--regid={self._owner}",
            "--init-groups",
            *program,
        ]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(self._as_owner(command), capture_output=True, cwd="/", check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr.decode(errors='replace')}")

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._sql("SELECT 1")
            except RuntimeError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))


def _find_programs() -> Path:
    found = sorted(_INSTALLED.glob("*/bin/postgres"), key=lambda path: int(path.parent.parent.name))
    if not found:
        raise PostgresqlMissing("PostgreSQL is not installed. As root: apt-get install postgresql")
    return found[-1].parent
