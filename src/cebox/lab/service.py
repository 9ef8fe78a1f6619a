"""A server process of the lab: started, waited for until it answers, stopped or killed."""

import asyncio
import contextlib
import socket
from pathlib import Path

import httpx

from cebox.errors import Unavailable

# A program that outlives its parent would go on serving a state folder that another run owns.
DIES_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


def find_free_port() -> int:
    """A free port of the loopback; somebody else may still take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def verify_port_free(port: int) -> None:
    """Raises Unavailable (`port_taken`)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Unavailable(
                "port_taken",
                f"port {port} of this machine cannot be had: {error.strerror}",
                hint="Another demo or program holds it; choose another with --port and --reset.",
            ) from error


class Service:
    """One process. `ready_url` answers 2xx once it serves."""

    def __init__(self, name: str, arguments: tuple[str, ...], *, ready_url: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._ready_url = ready_url
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Returns when it serves. Raises Unavailable (`service_did_not_start`) with the end of its log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *DIES_WITH_PARENT, *self._arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(_READY_SECONDS), httpx.AsyncClient(trust_env=False) as client:
                while not await self._answers(client):  # noqa: ASYNC110 - only the other process knows
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise self._describe_failure() from None

    async def stop(self) -> None:
        """Ask it to end, then make it."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        if not self.is_running:
            raise self._describe_failure()
        try:
            return (await client.get(self._ready_url, timeout=5)).is_success
        except httpx.TransportError:
            return False

    def _describe_failure(self) -> Unavailable:
        lines = self.log.read_text(errors="replace").strip().splitlines()[-5:]
        return Unavailable(
            "service_did_not_start",
            f"the {self.name} did not start: {' / '.join(lines) or 'it said nothing'}",
            hint=f"Its log is {self.log}.",
        )
