from datetime import UTC, datetime

import pytest

from cebox.protocol.device import Progress


def make_progress(
    rate: int | None = None, waits_until: str = "", done_bytes: int = 40, total_bytes: int = 100
) -> Progress:
    return Progress(
        version="2026.11.1",
        done_bytes=done_bytes,
        total_bytes=total_bytes,
        rate_bytes_per_second=rate,
        waits_until=waits_until,
    )


@pytest.mark.parametrize(("rate", "seconds"), [(None, None), (0, None), (60, 1), (59, 2), (1, 60), (1000, 1)])
def test_what_is_left_is_known_as_far_as_the_rate_is(rate: int | None, seconds: int | None) -> None:
    assert make_progress(rate).seconds_left == seconds


def test_nothing_is_left_of_what_is_done() -> None:
    assert make_progress(10, done_bytes=100).seconds_left == 0


def test_a_count_beyond_its_end_leaves_nothing_to_say() -> None:
    assert make_progress(10, done_bytes=101).seconds_left is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T21:00:00Z", datetime(2026, 11, 22, 21, tzinfo=UTC)),
        ("", None),
        ("tonight", None),
        ("2026-11-22T21:00:00", None),
    ],
)
def test_until_when_it_waits_is_a_time_or_nothing(text: str, moment: datetime | None) -> None:
    assert make_progress(waits_until=text).waiting_until == moment
