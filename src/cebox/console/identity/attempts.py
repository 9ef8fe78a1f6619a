"""How often a password may be tried. In memory: each replica counts for itself and a restart forgets."""

from collections import deque
from datetime import datetime, timedelta

from cebox.errors import Unavailable

WINDOW = timedelta(minutes=5)
MOST_PER_USER = 5
MOST_PER_ADDRESS = 50
MOST_KEYS = 20_000


class Attempts:
    """Counts tries per user and address, and per address alone. Right passwords do not count."""

    def __init__(self) -> None:
        self._tries: dict[tuple[str, ...], deque[datetime]] = {}

    @property
    def key_count(self) -> int:
        return len(self._tries)

    def take(self, email: str, address: str, now: datetime) -> None:
        """Count one try, before its password is looked at. Raises Unavailable (`sign_in_throttled`)."""
        for key, most in (((email, address), MOST_PER_USER), ((address,), MOST_PER_ADDRESS)):
            tries = self._recent(key, now)
            if len(tries) >= most:
                raise _throttled()
        for key in ((email, address), (address,)):
            self._recent(key, now).append(now)

    def take_alone(self, name: str, now: datetime, *, most: int = MOST_PER_USER) -> None:
        """Count one try at what is known by its name alone, whoever makes it from wherever: a user's second factor.

        Raises Unavailable (`sign_in_throttled`).
        """
        tries = self._recent((name, "", ""), now)
        if len(tries) >= most:
            raise _throttled()
        tries.append(now)

    def clear_alone(self, name: str) -> None:
        self._tries.pop((name, "", ""), None)

    def clear(self, email: str, address: str) -> None:
        """The password was right: many people may sign in from behind one address."""
        self._tries.pop((email, address), None)
        if tries := self._tries.get((address,)):
            tries.pop()

    def _recent(self, key: tuple[str, ...], now: datetime) -> deque[datetime]:
        if key not in self._tries and len(self._tries) >= MOST_KEYS:
            # The oldest entries go first: a flood of invented names cannot fill the memory.
            self._tries.pop(next(iter(self._tries)))
        tries = self._tries.setdefault(key, deque(maxlen=MOST_PER_ADDRESS))
        while tries and now - tries[0] > WINDOW:
            tries.popleft()
        return tries


def _throttled() -> Unavailable:
    return Unavailable(
        "sign_in_throttled",
        "too many sign-ins were tried",
        hint=f"Wait {int(WINDOW.total_seconds() // 60)} minutes and try again.",
    )
