from datetime import UTC, datetime, timedelta

import pytest

from cebox.cli.measures import format_ago, format_bytes, format_rate, format_seconds, parse_minutes, parse_rate
from cebox.errors import InvalidInput

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (12_345_678, "12.3 MB"),
        (99_960_000, "100 MB"),
        (999_600_000, "1.0 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_a_size_reads_in_three_figures(size: int | None, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-3, "0 s"), (8.4, "8 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min"), (86_400, "1 d")],
)
def test_a_duration_reads_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_a_moment_reads_by_its_distance() -> None:
    assert format_ago(NOW - timedelta(minutes=3, seconds=9), NOW) == "3 min ago"
    assert format_ago(NOW, NOW) == "just now"
    assert format_ago(None, NOW) == "never"


@pytest.mark.parametrize(
    ("text", "bytes_per_second", "said"),
    [
        ("16Mbit/s", 2_000_000, "16 Mbit/s"),
        ("2 MB/s", 2_000_000, "16 Mbit/s"),
        ("500kbit/s", 62_500, "0.5 Mbit/s"),
        ("2.5mbit/s", 312_500, "2.5 Mbit/s"),
        ("1Gbit/s", 125_000_000, "1000 Mbit/s"),
    ],
)
def test_a_rate_is_read_in_bits_and_bytes_and_said_as_lines_are_sold(
    text: str, bytes_per_second: int, said: str
) -> None:
    assert parse_rate(text) == bytes_per_second
    assert format_rate(bytes_per_second) == said


@pytest.mark.parametrize("text", ["", "fast", "16", "-1Mbit/s", "1,5Mbit/s", "16Mbit", "1e9MB/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_rate(text)

    assert refusal.value.code == "download_rate_out_of_range"


@pytest.mark.parametrize(
    ("text", "minutes"), [("5min", 5), ("90 min", 90), ("2h", 120), ("1h30min", 90), ("1 H 5 MIN", 65), ("0", 0)]
)
def test_a_duration_is_read_in_hours_and_minutes(text: str, minutes: int) -> None:
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize(
    "text", ["", " ", "5", "soon", "-5min", "90s", "1.5h", "min", "5min2h", "٥min", "00", "9" * 5000]
)
def test_what_is_no_whole_minutes_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_minutes(text)

    assert refusal.value.code == "duration_malformed"
