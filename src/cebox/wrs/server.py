"""Two listeners in one process and one loop: the LAN's port and the agent's unix socket.

A stop is quick: nothing new is accepted, short answers may end, and a transfer still running is cut; its box asks for
the rest with a Range, here or elsewhere.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from cebox.errors import InvalidInput, Unavailable
from cebox.wrs.zero_copy import ZeroCopyProtocol

_GRACE_SECONDS = 0.5
_BACKLOG = 512
_SOCKET_MODE = 0o600
# sun_path of the kernel's sockaddr_un, with its final zero.
_LONGEST_SOCKET_PATH = 107


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would install its own handlers, once per server, and the last would win."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._cut_transfers)

    def _cut_transfers(self) -> None:
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


def open_lan_socket(host: str, port: int) -> socket.socket:
    """Raises Unavailable (`address_unavailable`)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol left at 0, asyncio does not switch off Nagle's algorithm, and every answer takes 40 ms.
    lan = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        lan.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        lan.bind((host, port))
    except OSError as error:
        lan.close()
        raise Unavailable(
            "address_unavailable",
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="Another program holds the port, or the address is not this machine's.",
        ) from error
    lan.listen(_BACKLOG)
    return lan


def open_control_socket(path: Path) -> socket.socket:
    """Owner only from its first moment: it accepts nobody before its mode is set. Replaces a dead process's socket.

    Raises InvalidInput (`socket_path_too_long`), Unavailable (`address_unavailable`).
    """
    if len(str(path).encode()) > _LONGEST_SOCKET_PATH:
        raise InvalidInput(
            "socket_path_too_long",
            f"a unix socket's path has at most {_LONGEST_SOCKET_PATH} bytes: {path}",
            hint="Set control_socket to a shorter path, such as one below /run.",
        )
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        control.bind(str(path))
        path.chmod(_SOCKET_MODE)
    except OSError as error:
        control.close()
        raise Unavailable("address_unavailable", f"cannot make the socket {path}: {error.strerror}") from error
    control.listen(_BACKLOG)
    return control


async def serve_until_stopped(listeners: list[tuple[ASGIApp, socket.socket]]) -> None:
    """Returns after SIGTERM or SIGINT, within two seconds of it."""
    servers = [_Server(_configure(app)) for app, _ in listeners]

    def stop_all() -> None:
        for server in servers:
            server.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_all)
    await asyncio.gather(
        *(server.serve(sockets=[listener]) for server, (_, listener) in zip(servers, listeners, strict=True))
    )


def _configure(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=ZeroCopyProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
    )
