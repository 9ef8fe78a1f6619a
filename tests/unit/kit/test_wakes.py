"""Waiting that threads and signals can end, whenever they come."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from cebox.kit.wakes import Wakes

_LONG_SECONDS = 60.0


@pytest.fixture
def heard() -> Iterator[list[int]]:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGUSR1, before)
    signal.set_wakeup_fd(-1)


def test_a_wake_before_the_wait_is_not_lost() -> None:
    wakes = Wakes()
    wakes.wake()
    wakes.wait(_LONG_SECONDS)


def test_another_thread_ends_the_wait() -> None:
    wakes = Wakes()
    thread = threading.Thread(target=wakes.wake)
    thread.start()
    wakes.wait(_LONG_SECONDS)
    thread.join()


def test_many_wakes_are_one() -> None:
    wakes = Wakes()
    for _ in range(100_000):
        wakes.wake()
    wakes.wait(_LONG_SECONDS)
    wakes.wait(0)


def test_a_signal_that_came_before_the_wait_ends_it(heard: list[int]) -> None:
    """Blocked until the wait, as if it had arrived in the last moment before: no handler has run by then."""
    wakes = Wakes()
    wakes.wake_on_signals()
    killer = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1))
    killer.start()
    wakes.wait(_LONG_SECONDS)
    killer.join()
    assert heard == [signal.SIGUSR1]
