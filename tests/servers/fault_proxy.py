"""A bad line between a client and a server: a TCP proxy on a free loopback port that delays, cuts, resets and stalls.

    with FaultProxy(server.port) as line:
        line.faults.latency_seconds = 0.3          # each way
        line.faults.cut_after_bytes = 1 << 20      # every connection
        HttpTransport(line.url, ...)

Faults combine, and may change while it runs. `passed_bytes` counts the server's bytes that were let through. Loss of
packets is no matter of TCP's users: see `lossy_link`.
"""

import contextlib
import queue
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 16 << 10
_RESET = struct.pack("ii", 1, 0)
_END = (0.0, b"")


@dataclass
class Faults:
    """What goes wrong with a connection; everything off by default. Bytes are the server's.

    `cut_after_bytes`: closed, as a proxy with a limit does. `reset_after_bytes`: broken off, what is in flight is lost.
    `stall_after_bytes`: nothing more comes, and nobody says so. `latency_seconds`: each way, without holding back how
    much is under way. `most_faulty`: after so many connections they are sound.
    """

    cut_after_bytes: int | None = None
    reset_after_bytes: int | None = None
    stall_after_bytes: int | None = None
    latency_seconds: float = 0.0
    most_faulty: int | None = None


@dataclass
class FaultProxy:
    """`target_port` may change: the server behind has moved."""

    target_port: int
    faults: Faults = field(default_factory=Faults)
    passed_bytes: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(self) -> None:
        """Break every connection; new ones are refused until `admit`."""
        self._close_listener()
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for one in sockets:
            _close(one)

    def admit(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._start()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            _close(listener)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))
        except OSError:
            _reset(client)
            return
        with self._lock:
            self.connections += 1
            is_sound = self.faults.most_faulty is not None and self.connections > self.faults.most_faulty
            self._sockets |= {client, server}
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The handshake's round trip, which the kernel did without the line.
        opening_seconds = 2 * self.faults.latency_seconds
        self._carry(client, server, opening_seconds, None)
        self._carry(server, client, 0.0, Faults() if is_sound else self.faults)

    def _carry(self, source: socket.socket, sink: socket.socket, delay_seconds: float, faults: Faults | None) -> None:
        """In two threads, so that a delay holds nothing back. `faults` is None for the client's bytes."""
        line: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._take, args=(source, line, delay_seconds), daemon=True).start()
        threading.Thread(target=self._give, args=(source, sink, line, faults), daemon=True).start()

    def _take(
        self, source: socket.socket, line: "queue.SimpleQueue[tuple[float, bytes]]", delay_seconds: float
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := _receive(source):
                line.put((time.monotonic() + delay_seconds + self.faults.latency_seconds, chunk))
        line.put(_END)

    def _give(
        self,
        source: socket.socket,
        sink: socket.socket,
        line: "queue.SimpleQueue[tuple[float, bytes]]",
        faults: Faults | None,
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while (item := line.get()) != _END:
                due, chunk = item
                time.sleep(max(0.0, due - time.monotonic()))
                if faults is None:
                    sink.sendall(chunk)
                    continue
                sink.sendall(chunk[: _room(faults, passed)])
                passed += len(chunk)
                with self._lock:
                    self.passed_bytes += len(chunk)
                if faults.stall_after_bytes is not None and passed >= faults.stall_after_bytes:
                    # Until the client has had enough of it; its socket is closed by the other direction.
                    return
                if faults.reset_after_bytes is not None and passed >= faults.reset_after_bytes:
                    _reset(sink)
                    break
                if faults.cut_after_bytes is not None and passed >= faults.cut_after_bytes:
                    break
        self._close_both(source, sink)

    def _close_both(self, source: socket.socket, sink: socket.socket) -> None:
        with self._lock:
            self._sockets -= {source, sink}
        for one in (source, sink):
            _close(one)


def _room(faults: Faults, passed: int) -> int:
    limits = (faults.cut_after_bytes, faults.reset_after_bytes, faults.stall_after_bytes)
    return min((limit - passed for limit in limits if limit is not None), default=_CHUNK_BYTES)


def _receive(source: socket.socket) -> bytes:
    """Never blocked for long: a socket that somebody waits on is not closed by closing it, and sends no reset."""
    while not select.select([source], [], [], 0.02)[0]:
        pass
    return source.recv(_CHUNK_BYTES)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
