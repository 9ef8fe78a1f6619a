"""The first page: an account's dashboard, or, for the vendor's people, all accounts at a glance."""

import json
from datetime import UTC, date, datetime, time

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.dashboard.facts import AttentionKind, History, Series, SeriesRole
from cebox.console.dashboard.service import load_dashboard, load_overview
from cebox.console.dashboard.words import ATTENTION, SITE
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _

_PIECE = 50
_MOST_SITES = 12
_OF_DEVICES = (AttentionKind.FAILED, AttentionKind.ROLLED_BACK, AttentionKind.NO_ANSWER)
_OF_SITES = (AttentionKind.WRS_SILENT, AttentionKind.WRS_BEHIND)


@page()
async def show_start(visit: Visit) -> Response:
    return await (_show_overview(visit) if visit.caller.is_vendor else _show_dashboard(visit))


@page()
async def show_dashboard(visit: Visit) -> Response:
    return await _show_dashboard(visit)


def build_routes() -> list[BaseRoute]:
    return [
        Route("/", show_start, methods=["GET"]),
        Route("/dashboard", show_dashboard, methods=["GET"]),
    ]


async def _show_dashboard(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        board = await load_dashboard(connection, visit.account, visit.formats.now)
    template = "dashboard/board-part.html" if visit.is_fragment else "dashboard/board.html"
    return visit.show(
        template,
        board=board,
        most_sites=_MOST_SITES,
        looks={"site": SITE, "attention": ATTENTION},
        unshown_devices=board.attention.count_unshown(_OF_DEVICES),
        unshown_sites=board.attention.count_unshown(_OF_SITES),
        series_name=lambda one: _name_series(visit, one),
        plot=_write_plot(visit, board.history),
        marks=choose_marks(board.history),
        day_of=lambda day: visit.formats.day(_noon(day)),
    )


async def _show_overview(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        listed = await load_overview(connection, visit.caller.scope, visit.piece(_PIECE), visit.formats.now)
    template = "dashboard/overview-part.html" if visit.is_fragment else "dashboard/overview.html"
    return visit.show(template, listed=listed)


def choose_marks(history: History) -> list[int]:
    """The days of the table beside the plot, as places in it: the first, the last, and two between."""
    last = len(history.days) - 1
    return sorted({0, last // 3, 2 * last // 3, last})


def _write_plot(visit: Visit, history: History) -> str:
    """For the script, the oldest version first, as it is stacked."""
    said = {
        "days": [int(_noon(day).timestamp()) for day in history.days],
        "series": [
            {"name": _name_series(visit, one), "role": one.role, "counts": one.counts}
            for one in reversed(history.series)
        ],
    }
    return json.dumps(said, separators=(",", ":"))


def _name_series(visit: Visit, one: Series) -> str:
    match one.role:
        case SeriesRole.TEST:
            words = _("%(version)s and above (test)") if one.is_merged else _("%(version)s (test)")
        case SeriesRole.ACCOUNT:
            words = _("%(version)s (account)")
        case _:
            words = _("%(version)s and before") if one.is_merged else "%(version)s"
    oldest = one.oldest if one.role is SeriesRole.TEST else one.version
    return visit.say(words, version=oldest)


def _noon(day: date) -> datetime:
    """In nearly every zone the same day."""
    return datetime.combine(day, time(12), UTC)
