"""The list of devices and one device: what each runs, what it would take, what it is doing now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.actions.records import Action, ActionFilters, is_busy
from cebox.console.actions.service import list_actions
from cebox.console.database.paging import Page
from cebox.console.devices.records import DeviceFilters, Event, EventKind, Order
from cebox.console.devices.service import (
    find_site_server,
    get_device,
    get_record,
    list_devices,
    list_events,
    remove_device,
)
from cebox.console.sites.service import list_sites
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.role import Permission
from cebox.protocol.device import BoxPhase

_PAGE = 50
_HISTORY = 30
_WITHOUT_SITE = SiteId("")

VIEWS = (
    ("", _("All")),
    ("behind", _("Behind")),
    ("ready", _("Ready, restart to finish")),
    ("rolled_back", _("Rolled back")),
    ("failed", _("Failed")),
    ("wrs", _("WRS")),
)


@dataclass(frozen=True, slots=True)
class Query:
    """The filters as the address names them; unknown values count as none."""

    view: str
    search: str
    site: str
    on: str
    order: str

    @property
    def is_filtered(self) -> bool:
        return bool(self.view or self.search or self.site or self.on)

    def to_filters(self) -> DeviceFilters:
        return DeviceFilters(
            search=self.search[:200],
            site_id=(_WITHOUT_SITE if self.site == "none" else SiteId(self.site)) if self.site else None,
            kind=DeviceKind.WRS if self.view == "wrs" else None,
            is_on={"1": True, "0": False}.get(self.on),
            is_behind=True if self.view == "behind" else None,
            phase=BoxPhase.STAGED if self.view == "ready" else None,
            last_action=ActionState(self.view) if self.view in ("rolled_back", "failed") else None,
            order=Order(self.order),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a device's history: an action with what became of it, or something that happened by itself."""

    at: datetime
    action: Action | None = None
    event: Event | None = None


async def show_start(_request: Request) -> Response:
    return RedirectResponse("/devices", status_code=303)


@page()
async def show_devices(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    query = _read_query(visit)
    async with visit.console.database.read() as connection:
        wanted = Page(_PAGE, visit.asked("after") or None)
        listed = await list_devices(connection, visit.scope, query.to_filters(), wanted, visit.formats.now)
        sites = await list_sites(connection, visit.scope, Page(500))
    views = [(name, visit.say(words)) for name, words in VIEWS]
    template = "devices/list-part.html" if visit.is_fragment else "devices/list.html"
    return visit.show(
        template, listed=listed, sites=sites.items, query=query, views=views, is_filtered=query.is_filtered
    )


@page()
async def show_device(visit: Visit) -> Response:
    device_id = DeviceId(visit.request.path_params["device_id"])
    scope, now = visit.caller.scope, visit.formats.now
    async with visit.console.database.read() as connection:
        view = await get_device(connection, scope, device_id, now)
        site_id = view.record.site_id
        server = await find_site_server(connection, scope, site_id, now) if site_id else None
        actions = await list_actions(connection, scope, ActionFilters(device_id=device_id), Page(_HISTORY))
        events = await list_events(connection, scope, device_id, Page(_HISTORY))
    template = "devices/device-part.html" if visit.is_fragment else "devices/device.html"
    return visit.show(
        template,
        view=view,
        site_server=server,
        entries=merge_history(actions.items, events.items),
        is_busy=is_busy(view.open_actions, view.record.phase, is_on=view.is_on),
        events=f"/events?device={device_id}",
    )


@page(Permission.ADMINISTER)
async def show_removal(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        record = await get_record(connection, visit.caller.scope, DeviceId(visit.request.path_params["device_id"]))
    return visit.show_dialog("devices/remove.html", record=record)


@page(Permission.ADMINISTER)
async def remove(visit: Visit) -> Response:
    device_id = DeviceId(visit.request.path_params["device_id"])
    async with visit.console.database.write() as unit:
        await remove_device(unit, visit.caller, device_id, visit.console.clock())
    return visit.done(visit.say(_("The device is removed from the fleet.")), address="/devices")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/", show_start, methods=["GET"]),
        Route("/devices", show_devices, methods=["GET"]),
        Route("/devices/{device_id}", show_device, methods=["GET"]),
        Route("/devices/{device_id}/remove", show_removal, methods=["GET"]),
        Route("/devices/{device_id}/remove", remove, methods=["POST"]),
    ]


def merge_history(actions: Sequence[Action], events: Sequence[Event]) -> list[Entry]:
    """The newest first. What a device reported about an action is told by the action itself."""
    entries = [Entry(action.created_at, action=action) for action in actions]
    for event in events:
        is_told = event.kind is EventKind.REPORTED and event.facts.get("action_id")
        if not is_told:
            entries.append(Entry(event.at, event=event))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:_HISTORY]


def _read_query(visit: Visit) -> Query:
    view, order = visit.asked("view"), visit.asked("order")
    return Query(
        view=view if view in dict(VIEWS) else "",
        search=visit.asked("search"),
        site=visit.asked("site"),
        on=visit.asked("on"),
        order=order if order in [str(one) for one in Order] else Order.NAME,
    )
