"""The gate that a site's download window is for whatever reads from the cloud, on a box and on a WRS alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cebox.domain.download_window import DownloadWindow, parse_window
from cebox.errors import InvalidInput
from cebox.kit.clock import Clock
from cebox.kit.zones import find_zone

# A window may be changed, and a clock be set right, while somebody waits.
_LOOK_EVERY_SECONDS = 30.0


@lru_cache
def find_window(hours: str, time_zone: str) -> DownloadWindow | None:
    """What settings say; None is any time, also for hours that a newer console writes in a way unknown here.

    A machine that does not know the zone counts by UTC.
    """
    try:
        return parse_window(hours, find_zone(time_zone) or UTC) if hours else None
    except InvalidInput:
        return None


@dataclass(frozen=True, slots=True)
class _Known:
    """The window's state from `since` to `until`."""

    window: DownloadWindow
    since: datetime
    until: datetime
    is_open: bool


class WindowGate:
    """Open as `find_window` says, which may change its answer. `show` is told until when it waits, and None after."""

    def __init__(
        self,
        find_window: Callable[[], DownloadWindow | None],
        now: Clock,
        *,
        pause: Callable[[float], None],
        show: Callable[[datetime | None], None],
    ) -> None:
        self._find_window = find_window
        self._now = now
        self._pause = pause
        self._show = show
        self._known: _Known | None = None

    def is_open(self) -> bool:
        return self._find_opening() is None

    def wait(self) -> None:
        has_waited = False
        while (opening := self._find_opening()) is not None:
            has_waited = True
            self._show(opening)
            self._pause(min((opening - self._now()).total_seconds(), _LOOK_EVERY_SECONDS))
        if has_waited:
            self._show(None)

    def _find_opening(self) -> datetime | None:
        """None when it is open now. Asked for every piece that comes, so the answer is kept until it changes."""
        window, now = self._find_window(), self._now()
        if window is None:
            return None
        known = self._known
        if known is None or known.window != window or not known.since <= now < known.until:
            is_open = window.is_open(now)
            until = window.closes_at(now) if is_open else window.opens_at(now)
            self._known = known = _Known(window, now, until, is_open)
        return None if known.is_open else known.until
