"""How often a password may be tried."""

from datetime import timedelta

import pytest

from cebox.console.identity.attempts import MOST_KEYS, MOST_PER_ADDRESS, MOST_PER_USER, WINDOW, Attempts
from cebox.errors import Unavailable
from tests.servers.clock import HandClock


def _try(attempts: Attempts, clock: HandClock, *, email: str = "a@b.example", address: str = "192.0.2.1") -> bool:
    try:
        attempts.take(email, address, clock())
    except Unavailable:
        return False
    return True


def test_a_user_is_tried_a_few_times_and_again_after_the_window() -> None:
    attempts, clock = Attempts(), HandClock()

    tries = [_try(attempts, clock) for _ in range(MOST_PER_USER + 2)]
    clock.advance(WINDOW + timedelta(seconds=1))

    assert tries == [True] * MOST_PER_USER + [False, False]
    assert _try(attempts, clock)


def test_one_who_tries_too_often_does_not_lock_the_user_out_elsewhere() -> None:
    attempts, clock = Attempts(), HandClock()
    for _ in range(MOST_PER_USER):
        _try(attempts, clock)

    assert not _try(attempts, clock)
    assert _try(attempts, clock, address="192.0.2.2")


def test_an_address_is_bounded_over_all_users() -> None:
    attempts, clock = Attempts(), HandClock()

    tries = [_try(attempts, clock, email=f"{number}@b.example") for number in range(MOST_PER_ADDRESS + 1)]

    assert tries == [True] * MOST_PER_ADDRESS + [False]


def test_a_right_password_clears_the_users_tries() -> None:
    attempts, clock = Attempts(), HandClock()
    for _ in range(MOST_PER_USER):
        _try(attempts, clock)

    attempts.clear("a@b.example", "192.0.2.1")

    assert _try(attempts, clock)


def test_a_whole_office_signs_in_from_behind_one_address() -> None:
    attempts, clock = Attempts(), HandClock()

    for number in range(MOST_PER_ADDRESS * 2):
        assert _try(attempts, clock, email=f"{number}@b.example")
        attempts.clear(f"{number}@b.example", "192.0.2.1")


def test_invented_names_do_not_fill_the_memory() -> None:
    attempts, clock = Attempts(), HandClock()

    for number in range(MOST_KEYS):
        _try(attempts, clock, email=f"{number}@b.example", address=f"2001:db8::{number:x}")

    assert attempts.key_count <= MOST_KEYS


@pytest.mark.parametrize("count", [1, MOST_PER_USER])
def test_a_refused_try_is_not_counted(count: int) -> None:
    attempts, clock = Attempts(), HandClock()
    for _ in range(MOST_PER_USER):
        _try(attempts, clock)
    clock.advance(WINDOW / 2)
    for _ in range(count):
        assert not _try(attempts, clock)
    clock.advance(WINDOW / 2 + timedelta(seconds=1))

    assert _try(attempts, clock)
