"""A real nginx with a site file of `deploy/nginx`, on free loopback ports, gone when the test is."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

SITES = Path(__file__).parents[2] / "deploy/nginx"
_START_SECONDS = 10.0
_MOST_STARTS = 5
_WRAPPER = """
{user}
worker_processes auto;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 768; }}
http {{
    access_log off;
    # Other than the site's own, as on a machine where nginx has other work too.
    gzip on;
    gzip_types application/json;
    default_type text/html;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class NginxMissing(Exception):
    """The Debian package is not installed; a test that needs it fails, it is never skipped."""


class Nginx:
    """Runs `SITES / site` after `changes`, each a text of the file and what stands in its place: ports, folders.

    As root its workers are www-data, as Debian's are: what they are to read must be readable to all.
    """

    def __init__(self, site: str, changes: Mapping[str, str]) -> None:
        self._program = _find_program()
        self.port = self.tls_port = 0
        self.snippets = {path.name: path.read_text() for path in (SITES / "snippets").iterdir()}
        self.folder = Path(tempfile.mkdtemp(prefix="cebox-nginx-"))
        self._text = (SITES / site).read_text()
        for old, new in changes.items():
            assert old in self._text, f"{site} has no {old!r}"
            self._text = self._text.replace(old, new)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> list[int]:
        """The master and its workers."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def start(self) -> Self:
        """Raises RuntimeError with nginx's own words."""
        # Workers of another user pass through here, as they do through /etc and /var.
        self.folder.chmod(0o755)
        (self.folder / "snippets").mkdir()
        for name, text in self.snippets.items():
            (self.folder / "snippets" / name).write_text(text)
        for _ in range(_MOST_STARTS):
            if self._start_once():
                return self
            # Between being found free and being listened on, the port may have become another process's.
            if "Address already in use" not in self.read_log():
                break
        raise RuntimeError(self.read_log())

    def _start_once(self) -> bool:
        self.port, self.tls_port = find_free_port(), find_free_port()
        user = "user www-data;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(_WRAPPER.format(user=user, folder=self.folder))
        text = self._text.replace("{port}", str(self.port)).replace("{tls_port}", str(self.tls_port))
        (self.folder / "site.conf").write_text(text)
        command = [self._program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        command += ["-e", str(self.folder / "error.log")]
        self._process = subprocess.Popen(["setpriv", "--pdeathsig=TERM", *command], stderr=subprocess.DEVNULL)
        return self._wait_until_ready()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=_START_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def read_log(self) -> str:
        return (self.folder / "error.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            time.sleep(0.02)
        return False


def find_free_port() -> int:
    """Free on this machine's IPv4 and IPv6 loopback alike."""
    with socket.socket() as four, socket.socket(socket.AF_INET6) as six:
        four.bind(("127.0.0.1", 0))
        port = int(four.getsockname()[1])
        six.bind(("::1", port))
        return port


def _find_program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if found is None:
        raise NginxMissing("nginx is not installed. As root: apt-get install nginx-light")
    return found
