"""Sizes, times and rates as people read them."""

from datetime import datetime

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


def format_seconds(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`: the two largest units."""
    return " ".join(_split(seconds)[:2]) or "0 s"


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
