"""What each device was told last, so that it is answered at once for news only.

Kept in memory: after a restart everything is news once.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cebox.domain.ids import DeviceId
from cebox.protocol.device import SyncResponse

# An order that is not acknowledged is told again, but a device that never acknowledges must not spin on it.
REPEAT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Told:
    facts: int
    ids: frozenset[str]
    at: float


@dataclass(slots=True)
class Told:
    _told: dict[DeviceId, _Told] = field(default_factory=dict)
    _tick: Callable[[], float] = time.monotonic

    def seconds_until_news(self, device_id: DeviceId, answer: SyncResponse) -> float | None:
        """0: this answer says something the device was not told; more: it is to be repeated then; None: no news."""
        told = self._told.get(device_id)
        if told is None or told.facts != _facts_of(answer) or not _ids_of(answer) <= told.ids:
            return 0.0
        if not answer.orders:
            return None
        return max(0.0, told.at + REPEAT_SECONDS - self._tick())

    def note(self, device_id: DeviceId, answer: SyncResponse) -> None:
        self._told[device_id] = _Told(_facts_of(answer), _ids_of(answer), self._tick())


def _ids_of(answer: SyncResponse) -> frozenset[str]:
    return frozenset([*(order.id for order in answer.orders), *(f"-{one}" for one in answer.cancelled)])


def _facts_of(answer: SyncResponse) -> int:
    return hash((answer.account_version, answer.site, answer.repository_url, answer.settings))
