"""Sizes, times and rates as people read them."""

import re
from datetime import datetime

from cebox.errors import InvalidInput

_RATES = {"kbit/s": 125, "mbit/s": 125_000, "gbit/s": 125_000_000, "kb/s": 1000, "mb/s": 1_000_000}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+/s)")
_MINUTES = re.compile(r"0|(?=.)(?:(?P<hours>\d{1,6}) ?h)? ?(?:(?P<minutes>\d{1,6}) ?min)?", re.ASCII)
_UNITS = ("B", "kB", "MB", "GB", "TB")


def format_bytes(size: int | None) -> str:
    """Decimal units, three figures: `12.3 MB`; `-` when unknown."""
    if size is None:
        return "-"
    value = float(size)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    if unit == "B" or value >= 99.95:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} {unit}"


def format_rate(bytes_per_second: int) -> str:
    """As lines are sold: `16 Mbit/s`."""
    return f"{bytes_per_second / _RATES['mbit/s']:.3f}".rstrip("0").rstrip(".") + " Mbit/s"


def parse_rate(text: str) -> int:
    """Bytes per second. Raises InvalidInput (`download_rate_out_of_range`)."""
    match = _RATE.fullmatch(text.strip().lower())
    if match is None or match[2] not in _RATES:
        raise InvalidInput(
            "download_rate_out_of_range",
            f"{text!r} is no rate",
            hint="Write it as 16Mbit/s, 500kbit/s or 2MB/s.",
        )
    return int(float(match[1]) * _RATES[match[2]])


def parse_minutes(text: str) -> int:
    """`5min`, `2h`, `1h30min`, `0`. Raises InvalidInput (`duration_malformed`)."""
    match = _MINUTES.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput(
            "duration_malformed", f"{text!r} are no whole minutes", hint="Write it as 5min, 2h or 1h30min."
        )
    return int(match["hours"] or 0) * 60 + int(match["minutes"] or 0)


def format_seconds(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`: the two largest units."""
    return " ".join(_split(seconds)[:2]) or "0 s"


def format_largest(seconds: float) -> str:
    """`8 s`, `3 min`, `2 h`: what is enough of a guess."""
    return (_split(seconds) or ["0 s"])[0]


def format_ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    parts = _split((now - moment).total_seconds())
    return f"{parts[0]} ago" if parts else "just now"


def _split(seconds: float) -> list[str]:
    left = max(0, round(seconds))
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return parts


def format_moment(moment: datetime | None) -> str:
    """In the reader's own time zone, to the minute."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M")
