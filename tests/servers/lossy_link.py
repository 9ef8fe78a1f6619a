"""A real line that loses packets: two network namespaces, one for a server and one for its client, joined by a relay
that drops and delays. What is lost is sent again by the kernel's own TCP, with its own patience.

    with LossyLink(loss=0.1, latency_seconds=0.3) as link:
        link.run_at_server(lambda: server.start())      # server.host = SERVER_ADDRESS
        link.run_at_client(lambda: ...)

Namespaces belong to threads: what a socket is made in is where it is. They vanish with the threads; nothing is left on
the machine. Needs root and `/dev/net/tun`: see `find_obstacle`.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import queue
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

Answer = TypeVar("Answer")

SERVER_ADDRESS, CLIENT_ADDRESS = "10.99.0.1", "10.99.0.2"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFDSTADDR = 0x8914, 0x8916, 0x8918
_IFF_UP = 0x1
_MTU = 1500


def find_obstacle() -> str | None:
    """Why there can be no such line here."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun"
    return None


class LossyLink:
    """`loss` is the share of packets dropped in each direction, `latency_seconds` the delay of the others, each way."""

    def __init__(self, *, loss: float, latency_seconds: float, seed: int = 1) -> None:
        self._loss = loss
        self._latency_seconds = latency_seconds
        self._chance = random.Random(seed)
        self.passed = self.dropped = 0

    def __enter__(self) -> Self:
        self._server = _Host(SERVER_ADDRESS, CLIENT_ADDRESS)
        self._client = _Host(CLIENT_ADDRESS, SERVER_ADDRESS)
        self._stop_reader, self._stop_writer = os.pipe()
        self._relay_thread = threading.Thread(target=self._relay, daemon=True)
        self._relay_thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._stop_writer)
        self._relay_thread.join()
        os.close(self._stop_reader)
        for host in (self._server, self._client):
            host.close()

    def run_at_server(self, work: Callable[[], Answer]) -> Answer:
        return self._server.run(work)

    def run_at_client(self, work: Callable[[], Answer]) -> Answer:
        return self._client.run(work)

    def _relay(self) -> None:
        ways = {self._server.tun: self._client.tun, self._client.tun: self._server.tun}
        under_way: list[tuple[float, int, int, bytes]] = []
        while True:
            wait_seconds = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            ready, _, _ = select.select([*ways, self._stop_reader], [], [], wait_seconds)
            if self._stop_reader in ready:
                return
            for tun in ready:
                packet = os.read(tun, _MTU)
                if self._chance.random() < self._loss:
                    self.dropped += 1
                    continue
                self.passed += 1
                heapq.heappush(under_way, (time.monotonic() + self._latency_seconds, self.passed, ways[tun], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                _, _, sink, packet = heapq.heappop(under_way)
                with contextlib.suppress(OSError):
                    os.write(sink, packet)


class _Host:
    """A thread in a network namespace of its own, and the interface that leads out of it."""

    def __init__(self, address: str, peer: str) -> None:
        self.tun = -1
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()
        self.run(lambda: self._open(address, peer))

    def run(self, work: Callable[[], Answer]) -> Answer:
        done: Future[Answer] = Future()

        def attempt() -> None:
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        self._work.put(attempt)
        return done.result()

    def close(self) -> None:
        self._work.put(None)
        os.close(self.tun)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _open(self, address: str, peer: str) -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace")
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, _TUNSETIFF, struct.pack("16sH22x", b"line", _IFF_TUN | _IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFDSTADDR, peer)):
                place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, struct.pack("16s16s8x", b"line", place))
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"line", _IFF_UP))
