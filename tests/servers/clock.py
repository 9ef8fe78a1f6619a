"""A clock that a test moves by hand."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class HandClock:
    """Stands still until it is moved. Call it for the time, as `cebox.kit.clock.Clock`."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step
