"""Time is passed in, never fetched: a clock is a callable that returns aware UTC."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


def format_utc(moment: datetime) -> str:
    """ISO 8601 with seconds and `Z`, the one text form of a time in files and messages."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
