"""Serving one console: the listening socket, the server, and an end that keeps nobody waiting."""

import asyncio
import errno
import signal
import socket
from types import FrameType

import structlog
import uvicorn
import uvloop

from cebox.console.app import build_app
from cebox.console.live.hub import Hub
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.errors import Unavailable
from cebox.kit.clock import Clock, utc_now
from cebox.kit.log import configure_log

# Long-polls and event streams are released by the hub; this bounds what else may still be under way.
GRACE_SECONDS = 2
_BACKLOG = 2048
# Longer than a client keeps a connection that rests: the one who closes it must be the one who knows that nothing is on
# its way.
_KEEP_ALIVE_SECONDS = 75
_log = structlog.get_logger("cebox.console")


def serve_console(settings: ConsoleSettings, *, clock: Clock = utc_now) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises Unavailable (`address_in_use`, `address_unusable`) and what opening a console raises.
    """
    configure_log()
    listener = open_listener(settings)
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, clock))


def open_listener(settings: ConsoleSettings) -> socket.socket:
    """Before anything else is touched: two consoles on one address must not both migrate a database.

    Raises Unavailable (`address_in_use`, `address_unusable`).
    """
    place = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        raise Unavailable(
            "address_in_use" if is_taken else "address_unusable",
            f"the console cannot listen on {place}: {error.strerror or error}",
            hint="Stop what listens there, or choose another `host` and `port`.",
        ) from error


async def _serve(settings: ConsoleSettings, listener: socket.socket, clock: Clock) -> None:
    async with open_console(settings, clock=clock) as console:
        config = uvicorn.Config(
            build_app(console),
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = _Server(config, console.hub)
        host, port = listener.getsockname()[:2]
        _log.info("console_listening", host=host, port=port, console_id=console.console_id)
        await server.serve(sockets=[listener])
    _log.info("console_stopped")


class _Server(uvicorn.Server):
    """Releases everyone who waits before it waits for everyone to leave."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        # Not the parent's: it would kill the process with the same signal before the database is closed.
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.close)
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
