"""The hours in which a site's line may carry downloads from the cloud: by the clock on its wall, over midnight too."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from cebox.errors import InvalidInput

_DAY = timedelta(days=1)
_MIDNIGHT = time(0)


@dataclass(frozen=True, slots=True)
class DownloadWindow:
    """Open from `opens` until `closes`, each day, by the clocks of `zone`. Hours that a clock skips count as reached
    when it jumps over them; of hours that come twice the first counts.
    """

    opens: time
    closes: time
    zone: tzinfo

    def is_open(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self._spans(at))

    def opens_at(self, at: datetime) -> datetime:
        """The first open moment from `at` on; `at` itself when it is open."""
        if self.is_open(at):
            return at
        return min(start for start, end in self._spans(at) if start > at and start < end)

    def closes_at(self, at: datetime) -> datetime:
        """The end of the hours that are open at `at`, or that come next."""
        since = self.opens_at(at)
        return next(end for start, end in self._spans(since) if start <= since < end)

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Of the days around `at`, a year's strangest included: once in a while a clock skips a whole day."""
        today = at.astimezone(self.zone).replace(tzinfo=None).date()
        for offset in range(-2, 4):
            day = today + offset * _DAY
            last = day if self.opens < self.closes else day + _DAY
            yield (
                first_moment(datetime.combine(day, self.opens), self.zone),
                first_moment(datetime.combine(last, self.closes), self.zone),
            )


def parse_window(hours: str, zone: tzinfo) -> DownloadWindow:
    """`22:00-06:00`; a dash of any length. Raises InvalidInput (`download_window_malformed`)."""
    parts = hours.replace("–", "-").replace("—", "-").split("-")
    try:
        opens, closes = (_parse_time(part.strip()) for part in parts)
    except ValueError as error:
        raise _malformed(hours) from error
    if opens == closes:
        raise _malformed(hours)
    return DownloadWindow(opens, closes, zone)


def format_hours(window: DownloadWindow) -> str:
    """The form that `parse_window` reads and that is stored."""
    return f"{window.opens:%H:%M}-{window.closes:%H:%M}"


def _parse_time(text: str) -> time:
    hours, _, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2):
        raise ValueError(text)
    if (int(hours), int(minutes)) == (24, 0):
        return _MIDNIGHT
    return time(int(hours), int(minutes))


def first_moment(wall: datetime, zone: tzinfo) -> datetime:
    """When the clocks of `zone` first show `wall`, or something later if they skip it."""
    early, late = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if _has_reached(early, wall, zone):
        return early
    # They skip it, at a moment between the two readings.
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        early, late = (early, middle) if _has_reached(middle, wall, zone) else (middle, late)
    return late.replace(microsecond=0)


def _has_reached(moment: datetime, wall: datetime, zone: tzinfo) -> bool:
    return moment.astimezone(zone).replace(tzinfo=None) >= wall


def _malformed(hours: str) -> InvalidInput:
    return InvalidInput(
        "download_window_malformed",
        f"{hours!r} are no hours of a day",
        hint="Write them as 22:00-06:00; leave them empty for any time.",
    )
