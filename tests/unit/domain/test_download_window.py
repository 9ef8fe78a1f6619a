from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cebox.domain.download_window import DownloadWindow, format_hours, parse_window
from cebox.errors import InvalidInput

PARIS = ZoneInfo("Europe/Paris")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns")]
minutes = st.integers(0, 24 * 60 - 1).map(lambda number: f"{number // 60:02d}:{number % 60:02d}")
windows = (
    st.tuples(minutes, minutes, st.sampled_from(ZONES))
    .filter(lambda parts: parts[0] != parts[1])
    .map(lambda parts: parse_window(f"{parts[0]}-{parts[1]}", parts[2]))
)
# Around the nights in which the clocks of 2026 change, and any other moment.
nights = st.sampled_from([datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
moments = st.one_of(
    st.integers(0, 15 * 365 * 86400).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.builds(lambda night, seconds: night + timedelta(seconds=seconds), nights, st.integers(-200_000, 200_000)),
)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


NIGHT = parse_window("22:00-06:00", PARIS)
NOON = parse_window("12:00-14:00", PARIS)


@pytest.mark.parametrize(
    ("window", "at", "is_open"),
    [
        (NIGHT, "2026-11-22T21:59:59", False),
        (NIGHT, "2026-11-22T22:00:00", True),
        (NIGHT, "2026-11-23T00:00:00", True),
        (NIGHT, "2026-11-23T05:59:59", True),
        (NIGHT, "2026-11-23T06:00:00", False),
        (NOON, "2026-07-01T11:59:59", False),
        (NOON, "2026-07-01T12:00:00", True),
        (NOON, "2026-07-01T14:00:00", False),
    ],
)
def test_it_is_open_by_the_clock_on_the_wall(window: DownloadWindow, at: str, is_open: bool) -> None:
    assert window.is_open(paris(at)) is is_open


def test_it_says_when_it_opens_and_closes() -> None:
    at = paris("2026-11-22T10:00")

    assert NIGHT.opens_at(at) == paris("2026-11-22T22:00")
    assert NIGHT.closes_at(at) == paris("2026-11-23T06:00")
    assert NIGHT.opens_at(paris("2026-11-22T23:00")) == paris("2026-11-22T23:00")


def test_an_hour_that_the_clock_skips_is_reached_when_it_jumps() -> None:
    window = parse_window("02:30-05:00", PARIS)

    assert window.opens_at(paris("2026-03-28T12:00")) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert window.closes_at(paris("2026-03-28T12:00")) == datetime(2026, 3, 29, 3, 0, tzinfo=UTC)


def test_of_an_hour_that_comes_twice_the_first_opens_and_it_stays_open() -> None:
    window = parse_window("02:30-05:00", PARIS)

    assert window.opens_at(paris("2026-10-24T12:00")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert window.is_open(datetime(2026, 10, 25, 1, 10, tzinfo=UTC))


@given(windows, moments)
def test_it_opens_at_the_first_open_moment(window: DownloadWindow, at: datetime) -> None:
    opens = window.opens_at(at)

    assert at <= opens <= at + timedelta(days=3)
    assert window.is_open(opens)
    assert window.is_open(at) == (opens == at)
    if opens > at:
        assert not window.is_open(opens - timedelta(seconds=1))
        assert not window.is_open(at + (opens - at) / 2)


@given(windows, moments)
def test_it_is_closed_from_its_end_on_and_open_all_the_way_there(window: DownloadWindow, at: datetime) -> None:
    opens, closes = window.opens_at(at), window.closes_at(at)

    assert opens < closes
    assert not window.is_open(closes)
    assert window.is_open(closes - timedelta(seconds=1))
    assert window.is_open(opens + (closes - opens) / 2)


@given(windows, moments)
def test_except_when_clocks_change_it_agrees_with_the_wall(window: DownloadWindow, at: datetime) -> None:
    around = {(at + timedelta(hours=hours)).astimezone(window.zone).utcoffset() for hours in range(-50, 50)}
    wall = at.astimezone(window.zone).time()
    is_within = window.opens <= wall < window.closes
    is_over_midnight = window.closes < window.opens and (wall >= window.opens or wall < window.closes)

    if len(around) == 1:
        assert window.is_open(at) == (is_within or is_over_midnight)


@given(windows)
def test_what_is_written_is_read_again(window: DownloadWindow) -> None:
    assert parse_window(format_hours(window), window.zone) == window


@pytest.mark.parametrize(("hours", "stored"), [("22:00–6:00", "22:00-06:00"), (" 18:00 - 24:00 ", "18:00-00:00")])
def test_hours_are_read_as_people_write_them(hours: str, stored: str) -> None:
    assert format_hours(parse_window(hours, PARIS)) == stored


@pytest.mark.parametrize(
    "hours", ["", "22:00", "22:00-22:00", "25:00-06:00", "22:00-06:60", "a-b", "1-2-3", "24:01-3:00"]
)
def test_what_are_no_hours_is_refused(hours: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_window(hours, PARIS)

    assert refusal.value.code == "download_window_malformed"
