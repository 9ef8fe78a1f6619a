"""A WRS as a real process on a free port, and what a test does with it."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cebox.protocol.identity import DeviceIdentity
from cebox.protocol.site import MirrorPhase, MirrorState, PrepareRequest, ServeRequest
from cebox.protocol.site_client import MirrorControl, open_socket_client

_PROGRAM = "import sys, pathlib; from cebox.wrs.main import run_wrs; sys.exit(run_wrs(pathlib.Path(sys.argv[1])))"
_DEADLINE_SECONDS = 30.0
_POLL_SECONDS = 0.01


@dataclass
class SiteServer:
    folder: Path
    root: bytes
    settings: dict[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        # A unix socket's path is short; a test's folder may not be.
        self.socket = Path(tempfile.mkdtemp(prefix="wrs-")) / "s"
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[dict[str, Any]] = []
        self.url = ""
        (self.folder / "root.json").write_bytes(self.root)
        options = {
            "listen_host": "127.0.0.1",
            "listen_port": 0,
            "control_socket": str(self.socket),
            "timeout_seconds": 5.0,
        }
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (options | self.settings).items())
        (self.folder / "wrs.toml").write_text(text)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    @property
    def control(self) -> MirrorControl:
        return MirrorControl(self.socket)

    def enrol(self) -> DeviceIdentity:
        (self.folder / "identity.json").write_text('{"device_id": "dev-wrs", "site": "lyon"}')
        return DeviceIdentity.load_or_generate(self.folder / "device.key")

    def start(self) -> Self:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(self.folder)], stderr=subprocess.PIPE, text=True
        )
        self.process = process
        listening = threading.Event()
        threading.Thread(target=self._read_log, args=(process, listening), daemon=True).start()
        assert listening.wait(_DEADLINE_SECONDS), self.lines
        assert self.url, self.lines
        return self

    def limit_file_size(self, most_bytes: int) -> None:
        """What a full disk does to a process, without a disk to fill: a write beyond it fails."""
        assert self.process is not None
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (most_bytes, hard))

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def prepare(self, version: str, repository_url: str, **options: Any) -> MirrorState:
        return self.control.prepare(PrepareRequest(version=version, repository_url=repository_url, **options))

    def prepare_and_wait(self, version: str, repository_url: str, **options: Any) -> MirrorState:
        self.prepare(version, repository_url, **options)
        return self.wait_until(lambda state: state.phase is not MirrorPhase.FETCHING)

    def follow(self, version: str, repository_url: str, *box_versions: str) -> MirrorState:
        return self.control.follow(
            PrepareRequest(version=version, repository_url=repository_url, box_versions=box_versions)
        )

    def serve(self, version: str) -> MirrorState:
        return self.control.serve(ServeRequest(version=version))

    def bring_into_service(self, version: str, repository_url: str, **options: Any) -> None:
        state = self.prepare_and_wait(version, repository_url, **options)
        assert state.phase is MirrorPhase.PREPARED, state
        self.serve(version)

    def wait_until(self, is_so: Callable[[MirrorState], bool]) -> MirrorState:
        with self.control as control:
            return wait_for(control.get_state, is_so)

    def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(f"{self.url}{path}", headers=named, trust_env=False)

    def get_prepared(self, path: str) -> httpx.Response:
        with open_socket_client(self.socket) as client:
            return client.get(f"/prepared{path}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.socket.parent)

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(_DEADLINE_SECONDS)

    def _read_log(self, process: "subprocess.Popen[str]", listening: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                entry = json.loads(line) if line.startswith("{") else {"event": line.rstrip()}
                self.lines.append(entry)
                if entry["event"] == "listening":
                    self.url = f"http://127.0.0.1:{entry['port']}"
                    listening.set()
        listening.set()


def wait_for(look: Callable[[], MirrorState], is_so: Callable[[MirrorState], bool]) -> MirrorState:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not is_so(state := look()):
        assert time.monotonic() < deadline, state
        time.sleep(_POLL_SECONDS)
    return state


def list_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
