"""Numbers, sizes, times and durations as each language writes them, with its own spaces."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent

from cebox.console.web.words import Language, Words
from cebox.console.web.words import mark as _

_NO_BREAK = "\u00a0"
_SIZES = {"fr": ("o", "ko", "Mo", "Go", "To"), "en": ("B", "kB", "MB", "GB", "TB")}


def find_zone(name: str) -> ZoneInfo:
    """The browser's time zone; UTC when it says none or one nobody knows."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Formats:
    """For one reader at one moment: language, zone and what `now` is."""

    words: Words
    zone: ZoneInfo
    now: datetime

    @property
    def language(self) -> Language:
        return self.words.language

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.language)

    def percent(self, ratio: float) -> str:
        return format_percent(int(ratio * 100) / 100, locale=self.language)

    def size(self, count: int | None) -> str:
        """Decimal units, three figures: 214,1 Mo; 1,90 Go."""
        if count is None:
            return ""
        units = _SIZES[self.language]
        value, step = float(count), 0
        while value >= 1000 and step < len(units) - 1:
            value, step = value / 1000, step + 1
        decimals = 0 if step == 0 or value >= 1000 else (2 if step >= 3 else 1)
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return f"{format_decimal(value, pattern, locale=self.language)}{_NO_BREAK}{units[step]}"

    def when(self, moment: datetime) -> str:
        """Today 14:32, yesterday with its hour, else the day; another year is said."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        if local.date() == today:
            return format_time(local, "HH:mm", locale=self.language)
        if local.date() == today - timedelta(days=1):
            return self.words.get(_("yesterday %(time)s")) % {"time": format_time(local, "HH:mm", locale=self.language)}
        return self.day(moment)

    def when_ahead(self, moment: datetime) -> str:
        """Of what is to come: at 19:00 today; else the day and the hour."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        clock = format_time(local, "HH:mm", locale=self.language)
        if local.date() == today:
            return self.words.get(_("at %(time)s")) % {"time": clock}
        return self.words.get(_("on %(day)s at %(time)s")) % {"day": self.day(moment), "time": clock}

    def heading(self, moment: datetime) -> str:
        """The day something happened, over all that happened on it: today, yesterday, Thursday 3 December."""
        local, today = moment.astimezone(self.zone).date(), self.now.astimezone(self.zone).date()
        if local == today:
            return self.words.get(_("Today"))
        if local == today - timedelta(days=1):
            return self.words.get(_("Yesterday"))
        pattern = "EEEE d MMMM" if local.year == today.year else "d MMMM y"
        said = format_date(local, pattern, locale=self.language)
        return said[:1].upper() + said[1:]

    def clock(self, moment: datetime) -> str:
        """Under a heading: the hour alone."""
        return format_time(moment.astimezone(self.zone), "HH:mm", locale=self.language)

    def hour(self, moment: datetime) -> str:
        """For what is less than a day away: 22:00."""
        return format_time(moment.astimezone(self.zone), "HH:mm", locale=self.language)

    def day(self, moment: datetime) -> str:
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        pattern = "d MMM" if local.year == today.year else "d MMM y"
        return format_date(local.date(), pattern, locale=self.language).replace(" ", _NO_BREAK)

    def exactly(self, moment: datetime) -> str:
        """The full date and zone, for a title."""
        local = moment.astimezone(self.zone)
        return f"{format_datetime(local, 'd MMMM y HH:mm:ss', locale=self.language)} {local.tzname()}"

    def duration(self, seconds: float) -> str:
        """24 s; 5 min; 6 h 10; 3 days."""
        whole = max(0, int(seconds))
        if whole < 60:
            return f"{whole}{_NO_BREAK}s"
        if whole < 3600:
            return f"{whole // 60}{_NO_BREAK}min"
        if whole < 86400:
            hours, minutes = whole // 3600, whole % 3600 // 60
            return f"{hours}{_NO_BREAK}h" + (f"{_NO_BREAK}{minutes:02d}" if minutes else "")
        days = whole // 86400
        return self.words.count("%(number)s day", "%(number)s days", days) % {"number": days}
