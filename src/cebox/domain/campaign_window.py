"""When a campaign may send and restart: hours of chosen days, by the clocks of a zone; over midnight too."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from cebox.domain.download_window import first_moment
from cebox.errors import InvalidInput

EVERY_DAY = frozenset(range(1, 8))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Open from `opens` until `closes` (the next day's, unless it is later than `opens`) on each of `days`, ISO
    weekdays on which it opens. Hours that a clock skips count as reached when it jumps; of hours that come twice the
    first counts.
    """

    opens: time
    closes: time
    days: frozenset[int]
    zone: tzinfo

    def is_open(self, at: datetime) -> bool:
        return self.find_closing(at) is not None

    def opens_at(self, at: datetime) -> datetime:
        """The first open moment from `at` on; `at` itself when it is open."""
        if self.is_open(at):
            return at
        return next(start for start, end in self._spans(at) if start > at and start < end)

    def find_closing(self, at: datetime) -> datetime | None:
        """When the hours that are open at `at` end; None while they are closed."""
        return next((end for start, end in self._spans(at) if start <= at < end), None)

    def find_opening(self, at: datetime) -> datetime | None:
        """When the hours that are open at `at` began; None while they are closed."""
        return next((start for start, end in self._spans(at) if start <= at < end), None)

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """From the day before yesterday to more than two weeks on: a zone that crosses the date line skips a day."""
        today = at.astimezone(self.zone).date()
        for offset in range(-2, 17):
            day = today + offset * _DAY
            if day.isoweekday() in self.days:
                yield self._span_of(day)

    def _span_of(self, day: date) -> tuple[datetime, datetime]:
        last = day if self.opens < self.closes else day + _DAY
        opening, closing = datetime.combine(day, self.opens), datetime.combine(last, self.closes)
        return first_moment(opening, self.zone), first_moment(closing, self.zone)


def parse_maintenance_window(hours: str, days: Iterable[int], zone: tzinfo) -> MaintenanceWindow:
    """`19:00-05:00` on ISO weekdays; the same hour twice is a whole day.

    Raises InvalidInput (`maintenance_window_malformed`).
    """
    parts = hours.replace("–", "-").replace("—", "-").split("-")
    chosen = frozenset(days)
    try:
        opens, closes = (_parse_time(part.strip()) for part in parts)
    except ValueError as error:
        raise _malformed(hours) from error
    if not chosen or not chosen <= EVERY_DAY:
        raise _malformed(hours)
    return MaintenanceWindow(opens, closes, chosen, zone)


def format_window_hours(window: MaintenanceWindow) -> str:
    """The form that `parse_maintenance_window` reads and that is stored."""
    return f"{window.opens:%H:%M}-{window.closes:%H:%M}"


def _parse_time(text: str) -> time:
    hours, _, minutes = text.partition(":")
    if not (text.isascii() and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2):
        raise ValueError(text)
    return time(0) if (int(hours), int(minutes)) == (24, 0) else time(int(hours), int(minutes))


def _malformed(hours: str) -> InvalidInput:
    return InvalidInput(
        "maintenance_window_malformed",
        f"{hours!r} on these days is no maintenance window",
        hint="Write the hours as 19:00-05:00 and choose at least one day; leave the hours empty for any time.",
    )
