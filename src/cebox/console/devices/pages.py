"""One device: what it runs, what it would take and from where, what it is doing now and what happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.actions.records import Action, ActionFilters, is_busy
from cebox.console.actions.service import list_actions
from cebox.console.database.paging import Page
from cebox.console.devices import export_pages, list_pages, view_pages
from cebox.console.devices.records import DeviceView, Event, EventKind
from cebox.console.devices.service import (
    find_site_server,
    find_site_wrs,
    get_device,
    get_record,
    list_events,
    remove_device,
)
from cebox.console.releases.service import find_changes, load_catalogue
from cebox.console.web.formats import Formats
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.action import ActionKind
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId
from cebox.domain.role import Permission
from cebox.domain.version import Version

_HISTORY = 30
_LONGEST_HISTORY = 300
HISTORIES = (("", _("Everything")), ("updates", _("Updates")), ("state", _("State")))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a device's history: an action with what became of it, or something that happened by itself."""

    at: datetime
    action: Action | None = None
    event: Event | None = None

    @property
    def topic(self) -> str:
        """Under which of HISTORIES it is told."""
        if self.action is not None:
            return "updates" if self.action.kind is ActionKind.UPDATE else "state"
        assert self.event is not None
        return "updates" if self.event.kind in (EventKind.NOW_RUNS, EventKind.REPORTED) else "state"


@page()
async def show_device(visit: Visit) -> Response:
    device_id = DeviceId(visit.request.path_params["device_id"])
    scope, now = visit.caller.scope, visit.formats.now
    chosen = visit.asked("history") if visit.asked("history") in dict(HISTORIES) else ""
    length = _LONGEST_HISTORY if visit.asked("all") else _HISTORY
    async with visit.console.database.read() as connection:
        view = await get_device(connection, scope, device_id, now)
        site_id = view.record.site_id
        server = await find_site_server(connection, scope, site_id, now) if site_id else None
        wrs = await find_site_wrs(connection, scope, site_id) if site_id else None
        actions = await list_actions(connection, scope, ActionFilters(device_id=device_id), Page(length))
        events = await list_events(connection, scope, device_id, Page(length))
        target = find_target(view)
        changes = await find_changes(connection, view.record.slots.running, target) if target else None
        saved_bytes = await _find_saved_bytes(connection, view)
    entries = [entry for entry in merge_history(actions.items, events.items) if not chosen or entry.topic == chosen]
    template = "devices/device-part.html" if visit.is_fragment else "devices/device.html"
    return visit.show(
        template,
        view=view,
        site_server=server,
        wrs=wrs,
        days=group_by_day(entries[:length], visit.formats),
        is_longer=length == _HISTORY and (len(entries) > length or bool(actions.next or events.next)),
        histories=[(name, visit.say(words)) for name, words in HISTORIES],
        chosen=chosen,
        is_busy=is_busy(view.open_actions, view.record.phase, is_on=view.is_on),
        target=target,
        changes=changes,
        saved_bytes=saved_bytes,
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
        *list_pages.build_routes(),
        *view_pages.build_routes(),
        *export_pages.build_routes(),
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
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def group_by_day(entries: Sequence[Entry], formats: Formats) -> list[tuple[str, list[Entry]]]:
    """Under the day of the reader's zone each happened on; the order stays."""
    days: dict[str, list[Entry]] = {}
    for entry in entries:
        days.setdefault(formats.heading(entry.at), []).append(entry)
    return list(days.items())


def find_target(view: DeviceView) -> Version | None:
    """The version the device is on its way to, or would take; None when that is what it runs, or that is unknown."""
    slots = view.record.slots
    updates = [action for action in view.open_actions if action.kind is ActionKind.UPDATE]
    under_way = updates[-1] if updates else None
    taken = under_way.taken.version if under_way and under_way.taken else None
    expected = under_way.expected_version if under_way else None
    target = slots.staged or taken or expected or view.would_take.version
    return target if slots.running and target != slots.running else None


async def _find_saved_bytes(connection: AsyncConnection, view: DeviceView) -> tuple[int, int] | None:
    """While it downloads: what the whole image would have cost, and how much less this is; None when it is no less."""
    progress = view.record.progress
    if progress is None or not progress.total_bytes:
        return None
    release = (await load_catalogue(connection)).get(Version.parse(progress.version))
    if release is None or release.full_bytes <= progress.total_bytes or view.record.kind is DeviceKind.WRS:
        return None
    return release.full_bytes, release.full_bytes - progress.total_bytes
