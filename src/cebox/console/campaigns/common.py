"""What the devices in trouble have in common: for each site, and for each version they came from, how many of those
that were tried there went wrong, against all others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.campaigns.member_repository import MemberRepository
from cebox.console.campaigns.records import Campaign
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository
from cebox.domain.ids import SiteId

_MOST = 3
# Tried, in trouble, not sent yet.
Counts = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Common:
    """`left` have not been sent yet. `site_id` is None for a version."""

    name: str
    site_id: SiteId | None
    trouble: int
    tried: int
    other_trouble: int
    other_tried: int
    left: int

    @property
    def is_suspect(self) -> bool:
        """Most of the trouble is there, and the others are fine enough to go on without it."""
        return self.trouble > self.other_trouble and self.other_tried > 0


async def list_common(connection: AsyncConnection, scope: Scope, campaign: Campaign) -> tuple[Common, ...]:
    """The most telling first."""
    members = MemberRepository(connection, campaign.id)
    by_site = await members.count_by_site()
    names = await DeviceRepository(connection, scope).find_site_names(one for one in by_site if one)
    found = [
        _compare(names.get(site_id, ""), site_id, counts, by_site.values())
        for site_id, counts in by_site.items()
        if site_id
    ]
    by_version = await members.count_by_version()
    found += [_compare(version, None, counts, by_version.values()) for version, counts in by_version.items()]
    telling = [one for one in found if one.trouble and one.name and one.other_tried]
    return tuple(sorted(telling, key=lambda one: (-one.trouble * (one.other_tried or 1), one.tried, one.name))[:_MOST])


def _compare(name: str, site_id: SiteId | None, counts: Counts, every: Iterable[Counts]) -> Common:
    tried, trouble, left = counts
    all_tried, all_trouble, _ = (sum(column) for column in zip(*every, strict=True))
    return Common(name, site_id, trouble, tried, all_trouble - trouble, all_tried - tried, left)
