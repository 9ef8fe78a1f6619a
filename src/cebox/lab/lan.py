"""The lab's network: whoever is called on it is switched on, as a network card would do."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from cebox.agent.magic_packet import read_packet
from cebox.agent.virtual.ports import LAN_FILE, LanFile
from cebox.kit.files import replace_file

_LOOPBACK = "127.0.0.1"


class Lan:
    """Plugs in every machine whose folder it is given; `call` gets the address of each machine that is called."""

    def __init__(self, call: Callable[[str], None]) -> None:
        self._call = call
        self._line: asyncio.DatagramTransport | None = None

    async def start(self, folders: Iterable[Path]) -> None:
        loop = asyncio.get_running_loop()
        self._line, _ = await loop.create_datagram_endpoint(lambda: _Card(self._call), local_addr=(_LOOPBACK, 0))
        port: int = self._line.get_extra_info("sockname")[1]
        for folder in folders:
            replace_file(folder / LAN_FILE, msgspec.json.encode(LanFile(port)))

    def stop(self) -> None:
        if self._line is not None:
            self._line.close()


class _Card(asyncio.DatagramProtocol):
    def __init__(self, call: Callable[[str], None]) -> None:
        self._call = call

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - anybody may call
        address = read_packet(data)
        if address is not None:
            self._call(address)
