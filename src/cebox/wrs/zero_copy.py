"""Files into sockets without a copy through this process: the ASGI extension `http.response.zerocopysend`.

The kernel moves the bytes from its page cache into the socket; Python only says which. That costs a fifth of the CPU,
and no memory per box, whatever number of boxes reads. uvicorn does not have the extension: it is added to its HTTP/1.1
connection here, and h11 goes on keeping the books of what an answer still owes.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

ZERO_COPY: Final = "http.response.zerocopysend"
# One box on a fast line takes so much and then lets the next one have its turn.
_STEP_BYTES = 1 << 20
# A box that takes nothing for so long has lost its power or its network; it will ask again with a Range.
_STALL_SECONDS = 60.0

_Send = Callable[[Any], Awaitable[None]]


class ZeroCopyProtocol(H11Protocol):
    """A message of the extension names an open `file` by its descriptor, an `offset` and a `count`, and is never the
    last of an answer. Sending one raises ConnectionError when the other side has gone, or takes nothing any more.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._inner: Callable[..., Awaitable[None]] = self.app
        self.app: Callable[..., Awaitable[None]] = self._answer
        self._passage: Passage | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        # With these limits "may write" means "all is written": an answer's file must not overtake its head.
        transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._passage is not None:
            self._passage.end()

    async def _answer(self, scope: dict[str, Any], receive: object, send: _Send) -> None:
        cycle = self.cycle

        async def send_either(message: dict[str, Any]) -> None:
            if message["type"] == ZERO_COPY:
                await self._send_file(cycle, message["file"], message["offset"], message["count"])
            else:
                await send(message)

        await self._inner({**scope, "extensions": {ZERO_COPY: {}}}, receive, send_either)

    async def _send_file(self, cycle: RequestResponseCycle, file: int, offset: int, count: int) -> None:
        if cycle.flow.write_paused:
            await cycle.flow.drain()
        if cycle.disconnected:
            raise _gone()
        cycle.conn.send_with_data_passthrough(h11.Data(data=_Span(count)))  # type: ignore[arg-type] # h11's own way
        own_socket: socket.socket = cycle.transport.get_extra_info("socket")
        self._passage = Passage(own_socket.fileno(), file, offset, count)
        try:
            is_through = await self._passage.run(_STALL_SECONDS)
        finally:
            self._passage = None
        if not is_through:
            # Part of what was announced is missing: this connection can carry nothing more.
            cycle.disconnected = True
            cycle.transport.abort()
            raise _gone()


class Passage:
    """`count` bytes of an open file on their way into a socket that does not block."""

    def __init__(self, target: int, file: int, offset: int, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        # A descriptor of our own: the loop lets nobody else wait for the transport's.
        self._target = os.dup(target)
        self._file = file
        self._offset = offset
        self._end = offset + count
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def run(self, stall_seconds: float) -> bool:
        """Whether all of it went through; False when the other side has gone or stood still for so long.

        Raises EOFError when the file is shorter than that.
        """
        self._loop.add_writer(self._target, self._step)
        try:
            while not self._over.done():
                before = self._offset
                await asyncio.wait([self._over], timeout=stall_seconds)
                if self._offset == before:
                    break
        finally:
            self._loop.remove_writer(self._target)
            os.close(self._target)
        if self._over.done():
            self._over.result()
        return self._offset == self._end

    def end(self) -> None:
        """Let `run` return now."""
        # At once, not when it runs again: a descriptor that is ready would be called for in between.
        self._loop.remove_writer(self._target)
        if not self._over.done():
            self._over.set_result(None)

    def _step(self) -> None:
        try:
            sent = os.sendfile(self._target, self._file, self._offset, min(_STEP_BYTES, self._end - self._offset))
        except BlockingIOError:
            return
        except OSError:
            self.end()
            return
        self._offset += sent
        if not sent:
            self._over.set_exception(EOFError("a served file became shorter while it was read"))
        if not sent or self._offset == self._end:
            self.end()


class _Span:
    """Stands for bytes that never come here; h11 asks only for their number."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


def _gone() -> ConnectionError:
    return ConnectionResetError("the other side takes nothing any more")
