from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cebox.domain.campaign_window import (
    EVERY_DAY,
    MaintenanceWindow,
    format_window_hours,
    parse_maintenance_window,
)
from cebox.errors import InvalidInput

PARIS = ZoneInfo("Europe/Paris")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Paris", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")]
minutes = st.integers(0, 24 * 60 - 1).map(lambda number: f"{number // 60:02d}:{number % 60:02d}")
windows = st.builds(
    lambda opens, closes, days, zone: parse_maintenance_window(f"{opens}-{closes}", days, zone),
    minutes,
    minutes,
    st.sets(st.integers(1, 7), min_size=1),
    st.sampled_from(ZONES),
)
# Around the nights in which the clocks of 2026 change, the day Samoa never had, and any other moment.
nights = st.sampled_from([datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
skipped_day = st.just(datetime(2011, 12, 30, tzinfo=UTC))
moments = st.one_of(
    st.integers(0, 15 * 365 * 86400).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.builds(
        lambda night, seconds: night + timedelta(seconds=seconds),
        st.one_of(nights, skipped_day),
        st.integers(-400_000, 400_000),
    ),
)
WORKING_NIGHTS = parse_maintenance_window("19:00-05:00", range(1, 7), PARIS)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-12-05T18:59:59", False),
        ("2026-12-05T19:00:00", True),  # a Saturday
        ("2026-12-06T04:59:59", True),  # its morning, a Sunday
        ("2026-12-06T05:00:00", False),
        ("2026-12-06T20:00:00", False),  # it does not open on Sundays
        ("2026-12-07T04:00:00", False),
        ("2026-12-07T19:00:00", True),
    ],
)
def test_the_night_belongs_to_the_day_on_which_it_opened(at: str, is_open: bool) -> None:
    assert WORKING_NIGHTS.is_open(paris(at)) is is_open


def test_it_says_when_it_opens_next_and_when_it_closes() -> None:
    sunday = paris("2026-12-06T12:00")

    assert WORKING_NIGHTS.opens_at(sunday) == paris("2026-12-07T19:00")
    assert WORKING_NIGHTS.find_closing(sunday) is None
    assert WORKING_NIGHTS.find_closing(paris("2026-12-07T23:00")) == paris("2026-12-08T05:00")
    assert WORKING_NIGHTS.find_opening(paris("2026-12-08T01:00")) == paris("2026-12-07T19:00")


def test_the_night_of_summer_time_is_an_hour_shorter_and_that_of_winter_time_longer() -> None:
    window = parse_maintenance_window("22:00-06:00", EVERY_DAY, PARIS)
    lengths = []
    for night in ("2026-03-28T22:00", "2026-10-24T22:00", "2026-11-24T22:00"):
        opened = paris(night)
        closing = window.find_closing(opened)
        assert closing is not None
        lengths.append(closing - opened)

    assert lengths == [timedelta(hours=7), timedelta(hours=9), timedelta(hours=8)]


def test_the_same_hour_twice_is_a_whole_day() -> None:
    sundays = parse_maintenance_window("00:00-24:00", [7], PARIS)

    assert sundays.is_open(paris("2026-12-06T00:00"))
    assert sundays.is_open(paris("2026-12-06T23:59"))
    assert not sundays.is_open(paris("2026-12-07T00:00"))


@given(windows, moments)
def test_it_opens_when_it_says(window: MaintenanceWindow, at: datetime) -> None:
    opens_at = window.opens_at(at)

    assert opens_at >= at
    assert window.is_open(opens_at)
    assert window.is_open(at) is (opens_at == at)
    if opens_at > at:
        assert not window.is_open(opens_at - timedelta(seconds=1))


@given(windows, moments)
def test_while_it_is_open_the_clock_on_the_wall_says_so(window: MaintenanceWindow, at: datetime) -> None:
    wall = at.astimezone(window.zone)
    if not window.is_open(at) or wall.utcoffset() != (at - timedelta(hours=26)).astimezone(window.zone).utcoffset():
        return
    days = {wall.isoweekday(), (wall - timedelta(days=1)).isoweekday()}
    assert days & window.days
    if window.opens < window.closes:
        assert window.opens <= wall.time() < window.closes


@given(windows)
def test_what_is_kept_is_what_was_written(window: MaintenanceWindow) -> None:
    assert parse_maintenance_window(format_window_hours(window), window.days, window.zone) == window


@pytest.mark.parametrize(
    "hours", ["", "19", "19:00", "19:00-25:00", "19:00-05:00-06:00", "a-b", "19:0-5:00", "١٩:00-05:00"]
)
def test_hours_that_are_none_are_refused(hours: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_maintenance_window(hours, EVERY_DAY, PARIS)
    assert refusal.value.code == "maintenance_window_malformed"


@pytest.mark.parametrize("days", [[], [0], [8], [1, 9]])
def test_days_that_are_none_are_refused(days: list[int]) -> None:
    with pytest.raises(InvalidInput):
        parse_maintenance_window("19:00-05:00", days, PARIS)
