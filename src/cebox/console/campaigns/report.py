"""The report of a campaign: every device with its one outcome, as a table for a spreadsheet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.campaigns.records import CampaignMember, CampaignView
from cebox.console.campaigns.service import get_campaign, list_members
from cebox.console.database.paging import LARGEST_LIMIT, Page
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository
from cebox.console.spreadsheet import write_lines
from cebox.domain.ids import CampaignId, SiteId
from cebox.kit.clock import format_utc

CSV_TYPE = "text/csv"
COLUMNS = (
    "device",
    "kind",
    "site",
    "wave",
    "outcome",
    "reason",
    "from_version",
    "to_version",
    "tries",
    "ended_at",
    "internet_bytes",
    "site_network_bytes",
)


@dataclass(frozen=True, slots=True)
class CampaignReport:
    view: CampaignView
    members: tuple[CampaignMember, ...]
    site_names: dict[SiteId, str]


async def load_report(connection: AsyncConnection, scope: Scope, campaign_id: CampaignId) -> CampaignReport:
    """Raises NotFound (`campaign_unknown`)."""
    view = await get_campaign(connection, scope, campaign_id)
    members: list[CampaignMember] = []
    page = Page(LARGEST_LIMIT)
    while True:
        listed = await list_members(connection, scope, campaign_id, page)
        members.extend(listed.items)
        if listed.next is None:
            break
        page = Page(LARGEST_LIMIT, listed.next)
    site_ids = {one.site_id for one in members if one.site_id}
    names = await DeviceRepository(connection, scope).find_site_names(site_ids)
    return CampaignReport(view, tuple(members), names)


def write_csv(
    report: CampaignReport,
    *,
    say: Callable[[str], str] = str,
    format_time: Callable[[datetime], str] = format_utc,
    delimiter: str = ",",
) -> str:
    """Codes and UTC for programs; with `say` and the others, what a person's spreadsheet reads."""
    rows: list[list[str]] = [[say(name) for name in COLUMNS]]
    version = report.view.campaign.version
    for one in report.members:
        ended_at = format_time(one.over_at) if one.over_at else ""
        row = (
            one.name,
            one.kind.value,
            report.site_names.get(one.site_id, "") if one.site_id else "",
            one.wave,
            say(one.state.value),
            say(one.code) if one.code else "",
            one.from_version or "",
            version or "",
            one.tries,
            ended_at,
            one.wan_bytes,
            one.lan_bytes,
        )
        rows.append([str(cell) for cell in row])
    return write_lines(rows, delimiter)
