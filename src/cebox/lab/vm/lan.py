"""A site's network: a switch that machines plug into, and a router with addresses for them and a way out.

The router is QEMU's own, in a process without a processor: so a site's server that is switched off takes nobody else's
network with it. It answers for every address that it hears of, hence a switch that learns who is where.
"""

import asyncio
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from cebox.kit.tools import find_tool
from cebox.lab.service import DIES_WITH_PARENT

HOST = "10.0.2.2"
"""This machine, as every guest sees it, on this network or behind a router of its own."""
FIRST_ADDRESS = "10.20.4.15"
"""Of the machine that comes first; it keeps it as long as this network lives."""
# Wide, so that this machine has the same address here as for machines that are not on the site.
_ROUTER = f"user,id=out,net=10.0.0.0/8,host={HOST},dhcpstart={FIRST_ADDRESS}"
_LENGTH_BYTES = 4
_ADDRESS_BYTES = 6
_TO_MANY = 0x01
# A machine that does not listen loses frames, as on any network.
_MOST_WAITING_BYTES = 4 << 20


class Lan:
    """Machines plug in with `netdev`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._lines: set[asyncio.StreamWriter] = set()
        self._places: dict[bytes, asyncio.StreamWriter] = {}
        self._opened: Future[tuple[int, Callable[[], object]]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._switch()), name="switch", daemon=True)
        self._port = 0
        self._router: subprocess.Popen[bytes] | None = None

    @property
    def netdev(self) -> str:
        return f"socket,connect=127.0.0.1:{self._port}"

    def count_lines(self) -> int:
        """Plugged in now, the router's among them."""
        return len(self._lines)

    def __enter__(self) -> Self:
        """Raises Unavailable (`tools_missing`), OSError."""
        self._thread.start()
        self._port, self._stop = self._opened.result()
        options = ["-machine", "none", "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "none"]
        for name, netdev in (("out", _ROUTER), ("line", f"{self.netdev},id=line")):
            options += ["-netdev", netdev, "-netdev", f"hubport,id=port-{name},hubid=0,netdev={name}"]
        with self._log.open("ab") as log:
            self._router = subprocess.Popen(  # noqa: S603 - a fixed program
                [*DIES_WITH_PARENT, find_tool("qemu-system-x86_64"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._router is not None
        self._router.kill()
        self._router.wait()
        self._stop()
        self._thread.join()

    async def _switch(self) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        except OSError as error:
            self._opened.set_exception(error)
            return
        async with server:
            port = server.sockets[0].getsockname()[1]
            self._opened.set_result((port, lambda: loop.call_soon_threadsafe(end.set)))
            await end.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One machine's line, until it is off. A frame comes behind its length."""
        self._lines.add(writer)
        try:
            while True:
                head = await reader.readexactly(_LENGTH_BYTES)
                self._forward(await reader.readexactly(int.from_bytes(head, "big")), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._lines.discard(writer)
            self._places = {address: line for address, line in self._places.items() if line is not writer}
            writer.close()

    def _forward(self, frame: bytes, sender: asyncio.StreamWriter) -> None:
        target, source = frame[:_ADDRESS_BYTES], frame[_ADDRESS_BYTES : 2 * _ADDRESS_BYTES]
        self._places[source] = sender
        known = None if target[0] & _TO_MANY else self._places.get(target)
        for line in [known] if known else self._lines - {sender}:
            if line is not sender and line.transport.get_write_buffer_size() < _MOST_WAITING_BYTES:
                line.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
