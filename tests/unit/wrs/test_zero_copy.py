"""A file's way into a socket: whole, or ended for a reason, and no descriptor left behind."""

import asyncio
import os
import random
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cebox.wrs.zero_copy import Passage

CONTENT = random.Random(5).randbytes(3_000_001)
PATIENT_SECONDS = 60.0

Result = TypeVar("Result")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "blob"
    path.write_bytes(CONTENT)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end, which does not block, and the box's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def run(work: Coroutine[Any, Any, Result]) -> Result:
    before = len(list(Path("/proc/self/fd").iterdir()))
    result = asyncio.run(work)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    return result


async def read(box: socket.socket, count: int) -> bytes:
    loop, received = asyncio.get_running_loop(), bytearray()
    while len(received) < count and (chunk := await loop.sock_recv(box, 100_000)):
        received += chunk
    return bytes(received)


def test_a_window_of_the_file_arrives_as_it_is(file: int, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair

    async def send_and_read() -> tuple[bool, bytes]:
        passage = Passage(ours.fileno(), file, 1000, 2_500_000)
        is_through, received = await asyncio.gather(passage.run(PATIENT_SECONDS), read(theirs, 2_500_000))
        return is_through, received

    assert run(send_and_read()) == (True, CONTENT[1000:2_501_000])


def test_two_windows_at_once_do_not_wait_for_each_other(file: int, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    stuck, nobody = socket.socketpair()
    stuck.setblocking(False)

    async def send_and_read() -> tuple[bool, bytes]:
        held = Passage(stuck.fileno(), file, 0, len(CONTENT))
        waiting = asyncio.create_task(held.run(PATIENT_SECONDS))
        passage = Passage(ours.fileno(), file, 0, len(CONTENT))
        is_through, received = await asyncio.gather(passage.run(PATIENT_SECONDS), read(theirs, len(CONTENT)))
        held.end()
        assert not await waiting
        return is_through, received

    with stuck, nobody:
        assert run(send_and_read()) == (True, CONTENT)


def test_a_box_that_goes_away_ends_it(file: int, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair

    async def send() -> bool:
        passage = Passage(ours.fileno(), file, 0, len(CONTENT))
        sending = asyncio.create_task(passage.run(PATIENT_SECONDS))
        await read(theirs, 1000)
        theirs.shutdown(socket.SHUT_RDWR)
        return await sending

    assert run(send()) is False


def test_a_box_that_takes_nothing_more_ends_it(file: int, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair

    async def send() -> bool:
        return await Passage(ours.fileno(), file, 0, len(CONTENT)).run(0.05)

    assert run(send()) is False


def test_a_slow_box_that_takes_a_little_now_and_then_does_not(
    file: int, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair

    async def send_and_sip() -> tuple[bool, bytes]:
        passage = Passage(ours.fileno(), file, 0, len(CONTENT))
        sending, received = asyncio.create_task(passage.run(1.0)), b""
        while len(received) < len(CONTENT):
            received += await read(theirs, min(300_000, len(CONTENT) - len(received)))
        return await sending, received

    assert run(send_and_sip()) == (True, CONTENT)


def test_a_file_that_became_shorter_is_an_error(file: int, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair

    async def send() -> None:
        passage = Passage(ours.fileno(), file, len(CONTENT) - 10, 20)
        with pytest.raises(EOFError):
            await passage.run(PATIENT_SECONDS)
        assert await read(theirs, 10) == CONTENT[-10:]

    run(send())


def test_work_that_is_cancelled_leaves_nothing_behind(file: int, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair

    async def send() -> None:
        sending = asyncio.create_task(Passage(ours.fileno(), file, 0, len(CONTENT)).run(PATIENT_SECONDS))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    run(send())
