"""How long a download will take, as far as anybody can know: by what was measured last, else by what is allowed."""

from dataclasses import dataclass
from enum import StrEnum

from cebox.domain.resolution import Source


class Basis(StrEnum):
    """What a duration rests on, the best first."""

    DEVICE = "device"
    SITE = "site"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Rates:
    """The last measured download from each source, in bytes per second; None: never measured."""

    wrs: int | None = None
    cloud: int | None = None

    def find(self, source: Source) -> int | None:
        return self.wrs if source is Source.WRS else self.cloud


NO_RATES = Rates()


@dataclass(frozen=True, slots=True)
class Duration:
    """Of the download alone; verifying and the restart come after it."""

    seconds: int
    basis: Basis


def plan_duration(
    download_bytes: int, source: Source, *, device: Rates, site: Rates, limit_bytes_per_second: int | None
) -> Duration | None:
    """None when nothing is known, and when there is nothing to download.

    `limit_bytes_per_second` is what the site allows on its line to the cloud, for this device; None: as much as goes.
    A measure from before the limit was set says no more than the limit does.
    """
    if download_bytes <= 0:
        return None
    limit = limit_bytes_per_second if source is Source.CLOUD else None
    for basis, rate in (
        (Basis.DEVICE, device.find(source)),
        (Basis.SITE, site.find(source)),
        (Basis.LIMIT, limit),
    ):
        if rate:
            usable = min(rate, limit) if limit else rate
            return Duration(-(-download_bytes // usable), basis)
    return None
