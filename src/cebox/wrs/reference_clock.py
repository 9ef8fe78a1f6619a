"""The time by which the mirror judges metadata: the console's, as far as it was told."""

import time
from datetime import UTC, datetime, timedelta

from cebox.errors import InvalidInput
from cebox.kit.clock import Clock


class ReferenceClock:
    """Callable as a `Clock`.

    Told the console's time, it counts on from there by the machine's uptime, so a wrong or jumping wall clock does no
    harm. With only a time remembered from an earlier run, it takes the wall clock, but never one before that time:
    machines lose their clock backwards, when their battery dies.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: tuple[datetime, float] | None = None
        self._earliest = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        if self._told is None:
            return max(self._clock(), self._earliest)
        moment, uptime_seconds = self._told
        return moment + timedelta(seconds=_uptime_seconds() - uptime_seconds)

    def learn(self, reference_time: str) -> None:
        """The console's time of this moment; an empty text says nothing."""
        if reference_time:
            self._told = (parse_reference_time(reference_time), _uptime_seconds())

    def recall(self, reference_time: str) -> None:
        """The console's time of some earlier moment, before this process."""
        if reference_time:
            self._earliest = parse_reference_time(reference_time)


def parse_reference_time(text: str) -> datetime:
    """Raises InvalidInput (`reference_time_malformed`)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput("reference_time_malformed", f"{text!r} is not a time with its zone")
    return moment.astimezone(UTC)


def _uptime_seconds() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
