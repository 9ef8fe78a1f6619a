"""A virtual box under a test's hand: its power supply, its agent as a real process, and its slots to look into."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cebox.agent.machine import PowerKind, SlotName
from cebox.agent.virtual import firmware
from cebox.agent.virtual.boot_table import BootTable, load_table, slot_path
from cebox.agent.virtual.machine import DIE_AT, create_machine, install_image, move_machine, press_power_button
from cebox.domain.device import Place
from tests.integration.agent.vendor import FIRST, Vendor
from tests.servers.device_console import ENROLMENT_TOKEN

_AGENT = """
import sys
from datetime import timedelta
from pathlib import Path
from cebox.agent.main import run_agent
from cebox.kit.clock import utc_now
sys.exit(run_agent(Path(sys.argv[1]), clock=lambda: utc_now() + timedelta(days=int(sys.argv[2]))))
"""
SLOT_BYTES = 8 << 20


@dataclass
class VirtualBox:
    """Powered by a thread: exit 85 starts the machine again, 86 leaves it off, a dead agent is started again.

    With `restart_machine_when_killed`, the death of the agent stands for a power cut.
    """

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    exit_codes: list[int] = field(default_factory=list)
    starts: int = 0
    restart_machine_when_killed: bool = False
    clock_error_days: int = 0
    while_dead: Callable[[], None] = lambda: None
    """What happens between the death of an agent and the start of the next."""

    def __post_init__(self) -> None:
        self.off = threading.Event()
        self.off.set()
        self._is_cut = False
        self._die_at = ""
        self._keeper: threading.Thread | None = None

    @property
    def table(self) -> BootTable:
        return load_table(self.folder)

    @property
    def running(self) -> str | None:
        table = self.table
        return table.entries[table.booted].version if table.booted else None

    def power_on(self, *, die_at: str = "") -> None:
        """`die_at` holds until the first agent process has died of it."""
        self._boot()
        self._is_cut = False
        self.off.clear()
        self._die_at = die_at
        self._start_agent()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def pull_plug(self) -> None:
        self._is_cut = True
        assert self.process is not None
        self.process.kill()
        self.wait_until_off()

    def kill_agent(self) -> None:
        assert self.process is not None
        self.process.kill()

    def kill_agent_at(self, moment: str) -> None:
        """Start the agent again, so that it dies there once."""
        process = self.process
        assert process is not None
        self._die_at = moment
        # Hold on to this one: as soon as it has ended, the keeper puts the next in its place.
        process.terminate()
        process.wait(20)

    def press_button(self, kind: PowerKind = PowerKind.SHUTDOWN) -> None:
        assert self.process is not None
        press_power_button(self.folder, self.process.pid, kind)

    def move(self, place: Place) -> None:
        move_machine(self.folder, place)

    def wait_until_off(self, seconds: float = 30.0) -> None:
        assert self.off.wait(seconds), f"still on after {seconds} s: {self.read_log()[-2000:]}"
        assert self._keeper is not None
        self._keeper.join(5)

    def stop(self) -> None:
        if not self.off.is_set():
            self.pull_plug()

    def read_journal(self) -> dict[str, object]:
        journal = json.loads((self.folder / "state/journal.json").read_text())["journal"]
        assert isinstance(journal, dict)
        return journal

    def hash_slot(self, slot: SlotName, size: int) -> str:
        with slot_path(self.folder, slot).open("rb") as stream:
            return hashlib.sha256(stream.read(size)).hexdigest()

    def read_log(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")

    def _start_agent(self) -> None:
        self.starts += 1
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._build_command(), stderr=log, stdout=log, env=self._build_environment()
            )

    def _boot(self) -> None:
        firmware.boot(self.folder)

    def _build_command(self) -> list[str]:
        return [sys.executable, "-c", _AGENT, str(self.folder), str(self.clock_error_days)]

    def _build_environment(self) -> dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if key != DIE_AT}
        return {**environment, DIE_AT: self._die_at} if self._die_at else environment

    def _keep(self) -> None:
        while True:
            assert self.process is not None
            code = self.process.wait()
            self.exit_codes.append(code)
            if self._is_cut or code == 86 or len(self.exit_codes) > 40:
                self.off.set()
                return
            if code == 85 or (code == -signal.SIGKILL and self.restart_machine_when_killed):
                self._boot()
            if code == -signal.SIGKILL:
                self._die_at = ""
                self.while_dead()
            self._start_agent()


def make_box(
    folder: Path,
    vendor: Vendor,
    console_url: str,
    *,
    version: str = FIRST,
    place: Place = Place.AWAY,
    kind: str = "cebox",
    slot_bytes: int = SLOT_BYTES,
    **settings: object,
) -> VirtualBox:
    """A box as its installation key leaves it: `version` in slot A, a token, the vendor's root."""
    create_machine(folder, slot_bytes=slot_bytes, place=place)
    install_image(folder, version=version, sha256=vendor.sha256(version), image=vendor.images[version])
    write_settings(folder, vendor, console_url, kind=kind, **settings)
    return VirtualBox(folder)


def write_settings(folder: Path, vendor: Vendor, console_url: str, **settings: object) -> None:
    """The agent's folder as an installation key leaves it; waits are short."""
    (folder / "root.json").write_bytes(vendor.anchor)
    (folder / "enrolment-token").write_text(ENROLMENT_TOKEN)
    known = {
        "console_url": console_url,
        "name": folder.name,
        "first_retry_seconds": 0.05,
        "most_retry_seconds": 0.3,
        "source_give_up_seconds": 1.0,
        "trial_seconds": 1.0,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in {**known, **settings}.items()]
    (folder / "agent.toml").write_text("\n".join(lines) + "\n")
