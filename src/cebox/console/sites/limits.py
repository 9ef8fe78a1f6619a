"""What a site's line to the cloud may carry: how much, and at which hours. An account has such limits for its sites
that have none of their own.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cebox.domain.download_window import DownloadWindow, format_hours, parse_window
from cebox.errors import InvalidInput
from cebox.kit.zones import get_zone
from cebox.release.network.hours import find_window

LEAST_BYTES_PER_SECOND = 10_000
MOST_BYTES_PER_SECOND = 10**11


@dataclass(frozen=True, slots=True)
class LineLimits:
    """None and empty: no limit. `download_window` is `22:00-06:00`, by the clocks of `time_zone`."""

    download_bytes_per_second: int | None = None
    download_window: str = ""
    time_zone: str = "UTC"

    @property
    def window(self) -> DownloadWindow | None:
        return find_window(self.download_window, self.time_zone)

    def closed_until(self, now: datetime) -> datetime | None:
        """When the window opens; None when downloads may go on now."""
        window = self.window
        return None if window is None or window.is_open(now) else window.opens_at(now)

    def make_columns(self) -> dict[str, Any]:
        """The JSON that is stored; `load_limits` reads it."""
        return asdict(self)


NO_LIMITS = LineLimits()


def make_limits(download_bytes_per_second: int | None, download_window: str, time_zone: str) -> LineLimits:
    """From what somebody typed. Raises InvalidInput (`download_rate_out_of_range`, `download_window_malformed`,
    `time_zone_unknown`).
    """
    if download_bytes_per_second is not None:
        _verify_rate(download_bytes_per_second)
    zone = get_zone(time_zone.strip() or "UTC")
    hours = download_window.strip()
    return LineLimits(
        download_bytes_per_second=download_bytes_per_second,
        download_window=format_hours(parse_window(hours, zone)) if hours else "",
        time_zone=zone.key,
    )


def load_limits(columns: dict[str, Any] | None) -> LineLimits | None:
    """None where there are none of its own. What a newer console added is left aside."""
    return LineLimits(**{name: columns[name] for name in LineLimits.__slots__ if name in columns}) if columns else None


def _verify_rate(bytes_per_second: int) -> None:
    if not LEAST_BYTES_PER_SECOND <= bytes_per_second <= MOST_BYTES_PER_SECOND:
        raise InvalidInput(
            "download_rate_out_of_range",
            f"{bytes_per_second} bytes per second are too few or too many",
            hint=f"At least {LEAST_BYTES_PER_SECOND} bytes per second; leave it empty for no limit.",
        )
