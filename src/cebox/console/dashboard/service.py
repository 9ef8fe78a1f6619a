"""The dashboard of one account, and the overview of many: read in a few statements whatever the size of the fleet."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.records import Account
from cebox.console.accounts.service import list_accounts
from cebox.console.actions.repository import ActionRepository
from cebox.console.actions.service import get_command
from cebox.console.announcements.service import list_announcements
from cebox.console.dashboard.facts import (
    AccountLine,
    Attention,
    AttentionItem,
    AttentionKind,
    Dashboard,
    Running,
    SiteLine,
)
from cebox.console.dashboard.reckoning import (
    WRS_PATIENCE,
    count_figures,
    describe_sites,
    group_lateness,
    list_site_attention,
    plan_history,
)
from cebox.console.dashboard.repository import ActivityRepository, BadEnd, HistoryRepository, OverviewRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import LARGEST_LIMIT, Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.devices.census_repository import CensusRepository
from cebox.console.devices.records import FleetGroup, FleetPart, FleetSummary
from cebox.console.devices.repository import DeviceRepository
from cebox.console.sites.repository import Site
from cebox.console.sites.service import list_sites
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, SiteId
from cebox.domain.version import Version

CountedT = TypeVar("CountedT", FleetPart, FleetGroup)
HISTORY_DAYS = 90
KEPT_DAYS = 800
_EACH_KIND = 3
_BAD_ENDS = 6
_COMMANDS = 3
_SINGLES = 5
_ANNOUNCEMENTS = 3
_KIND_OF: Mapping[ActionState, AttentionKind] = {
    ActionState.FAILED: AttentionKind.FAILED,
    ActionState.ROLLED_BACK: AttentionKind.ROLLED_BACK,
    ActionState.EXPIRED: AttentionKind.NO_ANSWER,
}


async def load_dashboard(connection: AsyncConnection, account: Account, now: datetime) -> Dashboard:
    """All counts are of this moment; those of days past were noted then (`note_counts`)."""
    scope = Scope.account(account.id)
    census = CensusRepository(connection, scope, now)
    groups = await census.count_all()
    sites = (await list_sites(connection, scope, Page(LARGEST_LIMIT))).items
    servers = await DeviceRepository(connection, scope).find_site_servers(site.id for site in sites)
    open_actions = await ActionRepository(connection, scope).list_open(wrs.id for wrs in servers.values())
    lines = describe_sites(sites, servers, groups, open_actions, account.version, now)
    late = group_lateness(
        groups,
        await census.count_attention(),
        await census.count_under_way(),
        account.version,
        {site.id: site for site in sites},
        servers,
    )
    announced = await list_announcements(connection, scope, Page(_ANNOUNCEMENTS))
    return Dashboard(
        account=account,
        figures=count_figures(groups, account.version),
        attention=await _load_attention(connection, account, lines, sites),
        running=await _load_running(connection, scope),
        late=late,
        sites=lines,
        history=plan_history(
            await HistoryRepository(connection, scope).list_counts(now.date() - timedelta(days=HISTORY_DAYS - 1)),
            _count_box_versions(groups),
            account.version,
            now.date(),
            HISTORY_DAYS,
        ),
        announcements=announced.items,
    )


async def load_overview(connection: AsyncConnection, scope: Scope, page: Page, now: datetime) -> Listed[AccountLine]:
    """The accounts of the scope, with what their people would see."""
    listed = await list_accounts(connection, scope, page)
    parts = _by_account(await CensusRepository(connection, scope, now).summarise())
    bad = _by_account(await CensusRepository(connection, scope, now).count_attention())
    overview = OverviewRepository(connection, scope)
    under_way = await overview.count_under_way()
    silent = await overview.count_silent_servers(now - WRS_PATIENCE)
    lines = []
    for account in listed.items:
        summary = FleetSummary(tuple(parts.get(account.id, ())), account.version)
        lines.append(
            AccountLine(
                account=account,
                boxes=summary.box_count,
                servers=summary.server_count,
                behind=summary.behind_count,
                under_way=under_way.get(account.id, 0),
                problems=sum(group.count for group in bad.get(account.id, ())) + silent.get(account.id, 0),
            )
        )
    return Listed(tuple(lines), listed.next, listed.previous)


async def note_counts(unit: Unit, now: datetime) -> None:
    """Write today's counts of every account, in the place of what today said before; forget what is very old."""
    repository = HistoryRepository(unit.connection, Scope.everything())
    await repository.write_day(now.date(), await repository.count_boxes())
    await repository.forget_before(now.date() - timedelta(days=KEPT_DAYS))


async def _load_attention(
    connection: AsyncConnection, account: Account, lines: Sequence[SiteLine], sites: Sequence[Site]
) -> Attention:
    activity = ActivityRepository(connection, Scope.account(account.id))
    of_sites = list_site_attention(lines)
    states, oldest = await activity.count_bad_ends(account.version)
    ends = await activity.list_bad_ends(account.version, _BAD_ENDS) if states else []
    names = {site.id: site.name for site in sites}
    counts = {kind: sum(item.kind is kind for item in of_sites) for kind in AttentionKind}
    counts |= {_KIND_OF[state]: many for state, many in states.items()}
    shown = [one for kind in AttentionKind for one in [item for item in of_sites if item.kind is kind][:_EACH_KIND]]
    times = [*(item.since for item in of_sites if item.since), *([oldest] if oldest else [])]
    return Attention(
        items=(*shown, *(_make_item(end, names) for end in ends)),
        counts={kind: many for kind, many in counts.items() if many},
        oldest=min(times, default=None),
    )


def _make_item(end: BadEnd, names: Mapping[SiteId, str]) -> AttentionItem:
    return AttentionItem(
        kind=_KIND_OF[end.action.state] if end.action else AttentionKind.ROLLED_BACK,
        device_id=end.device_id,
        name=end.name,
        site_name=names.get(end.site_id) if end.site_id else None,
        since=end.action.changed_at if end.action else None,
        version=end.version,
        running=end.running,
        code=end.action.code if end.action else "",
    )


async def _load_running(connection: AsyncConnection, scope: Scope) -> Running:
    activity = ActivityRepository(connection, scope)
    ids = await activity.list_running_commands()
    commands = [await get_command(connection, scope, one) for one in ids[:_COMMANDS]]
    single_count = await activity.count_singles()
    return Running(
        commands=tuple(commands),
        command_count=len(ids),
        singles=await activity.list_singles(_SINGLES) if single_count else (),
        single_count=single_count,
    )


def _count_box_versions(groups: Sequence[FleetGroup]) -> dict[Version, int]:
    counts: dict[int, int] = {}
    for group in groups:
        if group.kind is DeviceKind.CEBOX and group.rank:
            counts[group.rank] = counts.get(group.rank, 0) + group.count
    return {Version.from_rank(rank): many for rank, many in counts.items()}


def _by_account(groups: Iterable[CountedT]) -> dict[AccountId, list[CountedT]]:
    found: dict[AccountId, list[CountedT]] = {}
    for group in groups:
        found.setdefault(group.account_id, []).append(group)
    return found
