"""Which looks of the vendor's people at an account were noted lately: once per page, so that a page that keeps itself
up to date does not fill the journal. In memory: each replica and each start may note a look once more."""

from collections import OrderedDict
from datetime import datetime, timedelta

NOTED_FOR = timedelta(minutes=30)
MOST_KEPT = 20_000
Look = tuple[str, str | None, str]
"""Who, at which account (None: at all), on which page."""


class Looks:
    def __init__(self) -> None:
        self._noted: OrderedDict[Look, datetime] = OrderedDict()

    def begin(self, look: Look, now: datetime) -> bool:
        """Whether it is to be noted; from now on it is."""
        last = self._noted.get(look)
        if last is not None and now - last < NOTED_FOR:
            return False
        self._noted[look] = now
        self._noted.move_to_end(look)
        if len(self._noted) > MOST_KEPT:
            self._noted.popitem(last=False)
        return True

    def forget(self, look: Look) -> None:
        """It could not be noted after all."""
        self._noted.pop(look, None)
