"""Admin API: the dashboard's facts, of one account and of many."""

from datetime import date, datetime

from fastapi import APIRouter

from cebox.console.accounts.service import get_account
from cebox.console.actions.answers import ActionAnswer, CommandAnswer, make_action_answer, make_command_answer
from cebox.console.dashboard import service
from cebox.console.dashboard.facts import AccountLine, AttentionKind, Dashboard, SeriesRole, SiteLine, SiteState
from cebox.console.gate import ChosenAccount, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.wire import Answer, Listing, VersionText, make_listing
from cebox.domain.lateness import Lateness
from cebox.domain.migration import Phase

router = APIRouter(tags=["dashboard"])


class FiguresAnswer(Answer):
    """ceBox only; `unknown` never said what they run."""

    boxes: int
    on: int
    away: int
    up_to_date: int
    ahead: int
    behind: int
    unknown: int


class AttentionItemAnswer(Answer):
    """Of a WRS, `version` is what it serves and `boxes` how many are on its site; else what could not be taken."""

    kind: AttentionKind
    device_id: str
    name: str
    site_name: str | None
    since: datetime | None
    version: VersionText | None
    running: VersionText | None
    boxes: int
    code: str


class AttentionAnswer(Answer):
    """`items`: the first of each kind; `counts`: how many there are."""

    total: int
    oldest: datetime | None
    counts: dict[AttentionKind, int]
    items: list[AttentionItemAnswer]


class RunningAnswer(Answer):
    """The newest commands and single updates under way; the counts are of all."""

    command_count: int
    commands: list[CommandAnswer]
    single_count: int
    singles: list[ActionAnswer]


class LateAnswer(Answer):
    """Each ceBox behind stands under one cause. A site is named where its WRS holds it back, serving `version`."""

    cause: Lateness
    boxes: int
    site_id: str | None
    site_name: str | None
    wrs_id: str | None
    version: VersionText | None


class SiteLineAnswer(Answer):
    """`site_id` null: telework, and what belongs to no site."""

    site_id: str | None
    site_name: str | None
    wrs_id: str | None
    serves: VersionText | None
    state: SiteState
    boxes: int
    behind: int


class SeriesAnswer(Answer):
    """All versions from `oldest` to `version`; one count for each of `days`."""

    role: SeriesRole
    version: VersionText
    oldest: VersionText
    counts: list[int]


class HistoryAnswer(Answer):
    days: list[date]
    series: list[SeriesAnswer]


class DashboardAnswer(Answer):
    account_id: str
    account_name: str
    account_version: VersionText
    phase: Phase
    figures: FiguresAnswer
    attention: AttentionAnswer
    running: RunningAnswer
    late: list[LateAnswer]
    sites: list[SiteLineAnswer]
    history: HistoryAnswer


class AccountLineAnswer(Answer):
    """`problems` wait for a person; `under_way` is updates."""

    account_id: str
    account_name: str
    version: VersionText
    phase: Phase
    boxes: int
    servers: int
    behind: int
    under_way: int
    problems: int


@router.get("/dashboard", summary="An account at a glance")
async def show_dashboard(caller: Viewer, console: TheConsole, account_id: ChosenAccount) -> DashboardAnswer:
    async with console.database.read() as connection:
        account = await get_account(connection, caller.scope, account_id)
        return _make_dashboard(await service.load_dashboard(connection, account, console.clock()))


@router.get("/overview", summary="Every account I see, at a glance")
async def show_overview(console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[AccountLineAnswer]:
    async with console.database.read() as connection:
        return make_listing(await service.load_overview(connection, scope, page, console.clock()), _make_line)


def _make_dashboard(board: Dashboard) -> DashboardAnswer:
    account, running = board.account, board.running
    return DashboardAnswer(
        account_id=account.id,
        account_name=account.name,
        account_version=str(account.version),
        phase=account.phase,
        figures=FiguresAnswer.model_validate(board.figures),
        attention=AttentionAnswer.model_validate(board.attention),
        running=RunningAnswer(
            command_count=running.command_count,
            commands=[make_command_answer(one) for one in running.commands],
            single_count=running.single_count,
            singles=[make_action_answer(one.action) for one in running.singles],
        ),
        late=[LateAnswer.model_validate(one) for one in board.late],
        sites=[_make_site(line) for line in board.sites],
        history=HistoryAnswer.model_validate(board.history),
    )


def _make_site(line: SiteLine) -> SiteLineAnswer:
    serves = line.wrs.site_version if line.wrs else None
    return SiteLineAnswer(
        site_id=line.site.id if line.site else None,
        site_name=line.site.name if line.site else None,
        wrs_id=line.wrs.id if line.wrs else None,
        serves=str(serves) if serves else None,
        state=line.state,
        boxes=line.boxes,
        behind=line.behind,
    )


def _make_line(line: AccountLine) -> AccountLineAnswer:
    return AccountLineAnswer(
        account_id=line.account.id,
        account_name=line.account.name,
        version=str(line.account.version),
        phase=line.account.phase,
        boxes=line.boxes,
        servers=line.servers,
        behind=line.behind,
        under_way=line.under_way,
        problems=line.problems,
    )
