"""The pace, by a clock that runs only while it waits."""

from dataclasses import dataclass

import pytest

from cebox.release.network.pace import Pace


@dataclass
class HandClock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


def test_without_a_limit_nothing_waits() -> None:
    waits: list[float] = []
    pace = Pace(lambda: None, waits.append)
    for _ in range(100):
        pace.spend(1 << 20)

    assert waits == []


def test_a_limit_is_kept_on_average() -> None:
    clock = HandClock()
    pace = Pace(lambda: 1_000_000, clock.pass_by, clock)
    for _ in range(10):
        pace.spend(50_000)

    assert clock.seconds == pytest.approx(0.5)


def test_a_wait_that_ends_early_is_taken_up_again() -> None:
    clock = HandClock()
    Pace(lambda: 1_000_000, lambda seconds: clock.pass_by(min(seconds, 0.01)), clock).spend(100_000)

    assert clock.seconds == pytest.approx(0.1)


def test_another_limit_holds_for_what_is_owed_already() -> None:
    limits = iter([10, 10, None])
    waits: list[float] = []
    Pace(lambda: next(limits), waits.append).spend(1_000_000)

    assert len(waits) == 2
    assert max(waits) <= 1


def test_time_in_which_nothing_came_is_not_saved_up() -> None:
    """Beyond a tenth of a second's worth, an idle line must not end in a rush."""
    clock = HandClock()
    pace = Pace(lambda: 1_000_000, clock.pass_by, clock)
    pace.spend(1)
    clock.pass_by(60)
    before = clock.seconds
    pace.spend(300_000)

    assert clock.seconds - before == pytest.approx(0.2)
