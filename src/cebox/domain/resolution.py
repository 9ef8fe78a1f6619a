"""resolve(): which version a device will take and from where (R5, R6, R7); the one place that decides it."""

from dataclasses import dataclass
from enum import StrEnum

from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import TagName
from cebox.domain.tag import Asked
from cebox.domain.version import Version


class Source(StrEnum):
    """Where the bytes come from."""

    CLOUD = "cloud"
    WRS = "wrs"


class Reason(StrEnum):
    """Why that version and that source."""

    TAG = "tag"
    ACCOUNT = "account"
    SITE = "site"
    SITE_WITHOUT_WRS = "site_without_wrs"


@dataclass(frozen=True, slots=True)
class SiteServer:
    """The site's WRS as seen from the box, or as the console expects the box to see it.

    `version` is what it serves (its last committed one when it does not answer).
    """

    version: Version
    is_reachable: bool


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was asked and what will be taken; the two differ when the site decides (R6)."""

    asked_tag: TagName | None
    asked_version: Version
    version: Version
    source: Source
    reason: Reason

    @property
    def is_overruled(self) -> bool:
        return self.version != self.asked_version


def resolve(kind: DeviceKind, place: Place, asked: Asked, server: SiteServer | None) -> Resolution:
    """Decide for one device. `server` is None when the device's site has no WRS that ever served.

    R6: a ceBox on a site with a WRS takes the WRS's version, whatever was asked; when the WRS does not answer it takes
    the *site's* version from the cloud. R7: away from its site it takes what was asked, from the cloud. R5: a WRS is
    updated by the same action, and nobody stands between it and the cloud.
    """
    if kind is DeviceKind.CEBOX and place is Place.SITE and server is not None:
        return Resolution(
            asked_tag=asked.tag,
            asked_version=asked.version,
            version=server.version,
            source=Source.WRS if server.is_reachable else Source.CLOUD,
            reason=Reason.SITE if server.is_reachable else Reason.SITE_WITHOUT_WRS,
        )
    return Resolution(
        asked_tag=asked.tag,
        asked_version=asked.version,
        version=asked.version,
        source=Source.CLOUD,
        reason=Reason.TAG if asked.tag else Reason.ACCOUNT,
    )


def plan_shutdown(
    *, running: Version, account_version: Version, kind: DeviceKind, place: Place, server: SiteServer | None
) -> Resolution | None:
    """R10: what a shutdown installs before power goes, or None.

    Only a device below the account's version installs anything; which version that is, is decided as always, and if
    it is the one that runs, nothing happens.
    """
    if running >= account_version:
        return None
    resolution = resolve(kind, place, Asked(None, account_version), server)
    return None if resolution.version == running else resolution
