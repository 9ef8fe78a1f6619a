"""The list of devices: views, filters, order and columns from the address, the command under way, one piece of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.records import Account
from cebox.console.actions.group import find_running_command
from cebox.console.database.paging import Page
from cebox.console.devices.query import ATTENTION, BEHIND, LONG_OFF, UNDER_WAY, WITHOUT_SITE, Query
from cebox.console.devices.records import FleetSummary, Order
from cebox.console.devices.saved_views import list_views
from cebox.console.devices.service import count_devices, count_listed, list_devices, summarise_fleet
from cebox.console.devices.view_repository import SavedView
from cebox.console.sites.repository import Site
from cebox.console.sites.service import list_sites
from cebox.console.web.status import ACTION, BOX
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind
from cebox.domain.lateness import Lateness

PIECE = 50

COLUMN_WORDS = {
    "site": _("Site"),
    "state": _("State"),
    "running": _("Running"),
    "would_take": _("Would take"),
    "update": _("Update"),
    "seen": _("Last sign"),
    "kind": _("Kind"),
    "serial": _("Serial number"),
    "agent": _("Agent"),
}
LATENESS = {
    Lateness.FAILED: _("Failed or went back"),
    Lateness.UNDER_WAY: _("Under way"),
    Lateness.READY: _("Ready, restart to finish"),
    Lateness.HELD: _("Held back by its WRS"),
    Lateness.LONG_OFF: _("Off for more than 7 days"),
    Lateness.OFF: _("Off"),
    Lateness.UNASKED: _("On, nobody has asked"),
}
SORTS = {
    "name": _("Name"),
    "site": _("Site"),
    "version": _("Running"),
    "seen": _("Last sign"),
}
SORTED_COLUMNS = {"site": Order.SITE, "running": Order.VERSION, "seen": Order.SEEN}


@dataclass(frozen=True, slots=True)
class Tab:
    """A view over the list. `count` None is not counted; `id` is that of a view the reader keeps."""

    words: str
    query: Query
    count: int | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One filter of the bar: what may be chosen in it, and what is."""

    name: str
    words: str
    options: Sequence[tuple[str, str]]
    chosen: str


@page()
async def show_devices(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    query = Query.read(visit.request.query_params)
    filters, piece, now = query.to_filters(), visit.piece(PIECE), visit.formats.now
    async with visit.console.database.read() as connection:
        listed = await list_devices(connection, visit.scope, filters, piece, now)
        summary = visit.counts.summary if visit.counts else await _summarise(connection, visit.account, now)
        is_all = not query.conditions
        total = summary.total if is_all else await count_listed(connection, visit.scope, filters, piece, listed, now)
        sites = (await list_sites(connection, visit.scope, Page(500))).items
        kept = await list_views(connection, visit.caller, visit.account.id)
        tabs = await _make_tabs(connection, visit, summary, kept)
        command = await find_running_command(connection, visit.scope)
    current = _find_current(tabs, query)
    template = "devices/list-part.html" if visit.is_fragment else "devices/list.html"
    response = visit.show(
        template,
        listed=listed,
        total=total,
        first=max(0, _parse_place(visit.asked("at"))),
        piece=PIECE,
        summary=summary,
        query=query,
        tabs=tabs,
        current=current,
        choices=_make_choices(visit, query, summary, sites),
        columns=[(name, visit.say(words)) for name, words in COLUMN_WORDS.items()],
        sorts=[(name, visit.say(words)) for name, words in SORTS.items()],
        sorted_columns=SORTED_COLUMNS,
        command=command,
    )
    if visit.is_fragment and visit.request.headers.get("hx-trigger") != "device-list":
        # What the reader chose stands in the address, without the fields left empty; a refresh changes none.
        account = {"account": visit.asked("account")} if visit.asked("account") else {}
        response.headers["HX-Push-Url"] = visit.address_of(query.text, **account)
    return response


def build_routes() -> list[BaseRoute]:
    return [Route("/devices", show_devices, methods=["GET"])]


async def _summarise(connection: AsyncConnection, account: Account, now: datetime) -> FleetSummary:
    return await summarise_fleet(connection, account.id, account.version, now)


async def _make_tabs(
    connection: AsyncConnection, visit: Visit, summary: FleetSummary, kept: Sequence[SavedView]
) -> list[Tab]:
    attention = Query(update=ATTENTION)
    failing = await count_devices(connection, visit.scope, attention.to_filters(), visit.formats.now)
    return [
        Tab(visit.say(_("All")), Query(), summary.total),
        Tab(visit.say(_("Behind")), Query(version=BEHIND), summary.behind_count),
        Tab(visit.say(_("Needs attention")), attention, failing),
        Tab(visit.say(_("Ready, restart to finish")), Query(phase="staged"), summary.ready_count),
        Tab("WRS", Query(kind="wrs"), summary.server_count),
        *(Tab(view.name, Query.parse(view.query), id=view.id) for view in kept),
    ]


def _find_current(tabs: Sequence[Tab], query: Query) -> Tab | None:
    """The tab that says the very same, a kept one before ours; else one with the same filters."""
    same = [tab for tab in tabs if tab.query == query]
    alike = [tab for tab in tabs if tab.query.conditions == query.conditions]
    return next(iter([*sorted(same, key=lambda tab: not tab.id), *alike]), None)


def _make_choices(visit: Visit, query: Query, summary: FleetSummary, sites: Sequence[Site]) -> list[Choice]:
    say = visit.say
    versions = [(str(version), str(version)) for version in summary.versions]
    if query.version and query.version != BEHIND and query.version not in dict(versions):
        versions.append((query.version, query.version))
    endings = [
        (state.value, say(ACTION[state].message))
        for state in (ActionState.FAILED, ActionState.ROLLED_BACK, ActionState.REFUSED, ActionState.EXPIRED)
    ]
    phases = [(phase.value, say(status.message)) for phase, status in BOX.items()]
    updates = [(ATTENTION, say(_("Needs attention"))), (UNDER_WAY, say(_("Under way"))), *endings]
    kinds = [(DeviceKind.CEBOX.value, "ceBox"), (DeviceKind.WRS.value, "WRS")]
    places = [(site.id, site.name) for site in sites] + [(WITHOUT_SITE, say(_("No site")))]
    return [
        Choice("site", say(_("Site")), places, query.site),
        Choice("place", say(_("Place")), [("site", say(_("On site"))), ("away", say(_("Telework")))], query.place),
        Choice("version", say(_("Version")), [(BEHIND, say(_("Below the account's"))), *versions], query.version),
        Choice(
            "on",
            say(_("State")),
            [("1", say(_("On only"))), ("0", say(_("Off only"))), (LONG_OFF, say(_("Off for more than 7 days")))],
            query.on,
        ),
        Choice("update", say(_("Update")), updates, query.update),
        Choice("kind", say(_("Kind")), kinds, query.kind),
        Choice("phase", say(_("Phase")), phases, query.phase),
        Choice("late", say(_("Why behind")), [(one.value, say(LATENESS[one])) for one in Lateness], query.late),
    ]


def _parse_place(text: str) -> int:
    """How many rows stand before this piece, as the link that led here says; it is only told, never asked about."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
