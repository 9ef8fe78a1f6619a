"""Admin API: devices and their history."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from cebox.console.actions.answers import ActionAnswer, ResolutionAnswer, make_action_answer
from cebox.console.devices import service
from cebox.console.devices.export import load_first_piece, stream_rows
from cebox.console.devices.records import DeviceFilters, DeviceView, Event, Order
from cebox.console.gate import Administrator, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.wire import Answer, Listing, make_listing
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.lateness import Lateness
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.protocol.device import BoxPhase, Progress

router = APIRouter(tags=["devices"])
NO_SITE = "none"


class ProgressAnswer(Answer):
    version: str
    done_bytes: int
    total_bytes: int
    rate_bytes_per_second: int | None
    action_id: str | None
    seconds_left: int | None
    waits_until: datetime | None


class DeviceAnswer(Answer):
    """A device as it last described itself. `would_take` is what an update without a tag would do."""

    id: str
    account_id: str
    account_name: str
    account_version: str
    site_id: str | None
    site_name: str | None
    kind: DeviceKind
    name: str
    serial: str
    is_on: bool
    last_seen_at: datetime | None
    enrolled_at: datetime
    place: Place
    phase: BoxPhase
    running: str | None
    staged: str | None
    previous: str | None
    failed_versions: list[str]
    is_behind: bool
    served: str | None
    slot_bytes: int | None
    agent_version: str
    would_take: ResolutionAnswer
    progress: ProgressAnswer | None
    open_actions: list[ActionAnswer]
    last_action: ActionAnswer | None


class DeviceListing(Listing[DeviceAnswer]):
    """`total` counts all that the filters find."""

    total: int


class EventAnswer(Answer):
    """`facts` depend on `kind`."""

    id: int
    at: datetime
    kind: str
    facts: dict[str, Any]


async def choose_filters(
    search: Annotated[str, Query(max_length=200, description="Part of a name, serial or id.")] = "",
    site: Annotated[str | None, Query(max_length=40, description=f"A site's id, or `{NO_SITE}`.")] = None,
    kind: DeviceKind | None = None,
    place: Place | None = None,
    is_on: bool | None = None,
    version: Annotated[str | None, Query(max_length=32, description="The version it runs.")] = None,
    is_behind: Annotated[bool | None, Query(description="Runs less than the account's version.")] = None,
    phase: BoxPhase | None = None,
    last_action: Annotated[ActionState | None, Query(description="State of its newest action.")] = None,
    needs_attention: Annotated[
        bool, Query(description="It failed, fell back or fell silent in an update, and nothing was asked since.")
    ] = False,
    is_updating: Annotated[bool | None, Query(description="An update of it is under way.")] = None,
    late: Annotated[Lateness | None, Query(description="Behind, and this is why.")] = None,
    sort: Annotated[
        str, Query(max_length=20, description="name, version, seen or site; `-` before it reverses.")
    ] = "name",
) -> DeviceFilters:
    """Raises InvalidInput (`sort_unknown`, `version_malformed`)."""
    if sort.removeprefix("-") not in set(Order):
        raise InvalidInput("sort_unknown", f"devices do not sort by {sort!r}", hint=f"Use one of: {', '.join(Order)}.")
    return DeviceFilters(
        search=search,
        site_id=None if site is None else SiteId("" if site == NO_SITE else site),
        kind=kind,
        place=place,
        is_on=is_on,
        version=Version.parse(version) if version else None,
        is_behind=is_behind,
        phase=phase,
        last_states=frozenset({last_action} if last_action else ()),
        needs_attention=needs_attention,
        is_updating=is_updating,
        lateness=late,
        order=Order(sort.removeprefix("-")),
        is_reversed=sort.startswith("-"),
    )


ChosenFilters = Annotated[DeviceFilters, Depends(choose_filters)]


@router.get("/devices", summary="The devices I see")
async def list_devices(
    console: TheConsole, scope: ChosenScope, page: ChosenPage, filters: ChosenFilters
) -> DeviceListing:
    now = console.clock()
    async with console.database.read() as connection:
        listed = await service.list_devices(connection, scope, filters, page, now)
        total = await service.count_listed(connection, scope, filters, page, listed, now)
    return DeviceListing(items=[_make_answer(view) for view in listed.items], next=listed.next, total=total)


@router.get(
    "/devices.csv",
    summary="The devices I see, as a table",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "One line per device."}},
)
async def export_devices(console: TheConsole, scope: ChosenScope, filters: ChosenFilters) -> StreamingResponse:
    now = console.clock()
    first = await load_first_piece(console, scope, filters, now)
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(stream_rows(console, scope, filters, first, now), media_type="text/csv", headers=headers)


@router.get("/devices/{device_id}", summary="One device")
async def show_device(caller: Viewer, console: TheConsole, device_id: str) -> DeviceAnswer:
    async with console.database.read() as connection:
        view = await service.get_device(connection, caller.scope, DeviceId(device_id), console.clock())
    return _make_answer(view)


@router.delete("/devices/{device_id}", status_code=204, summary="Take a device out of the fleet")
async def remove_device(caller: Administrator, console: TheConsole, device_id: str) -> None:
    async with console.database.write() as unit:
        await service.remove_device(unit, caller, DeviceId(device_id), console.clock())


@router.get("/devices/{device_id}/events", summary="What happened to a device")
async def list_device_events(
    caller: Viewer, console: TheConsole, device_id: str, page: ChosenPage
) -> Listing[EventAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_events(connection, caller.scope, DeviceId(device_id), page)
    return make_listing(listed, _make_event)


def _make_event(event: Event) -> EventAnswer:
    return EventAnswer(id=event.id, at=event.at, kind=event.kind.value, facts=event.facts)


def _make_answer(view: DeviceView) -> DeviceAnswer:
    record = view.record
    return DeviceAnswer(
        id=record.id,
        account_id=record.account_id,
        account_name=view.account_name,
        account_version=str(view.account_version),
        site_id=record.site_id,
        site_name=view.site_name,
        kind=record.kind,
        name=record.name,
        serial=record.serial,
        is_on=view.is_on,
        last_seen_at=record.last_seen_at,
        enrolled_at=record.enrolled_at,
        place=record.place,
        phase=record.phase,
        running=_print(record.slots.running),
        staged=_print(record.slots.staged),
        previous=_print(record.slots.previous),
        failed_versions=[str(version) for version in sorted(record.failed_versions)],
        is_behind=view.is_behind,
        served=_print(record.served),
        slot_bytes=record.slot_bytes,
        agent_version=record.agent_version,
        would_take=ResolutionAnswer.model_validate(view.would_take),
        progress=_make_progress_answer(record.progress) if record.progress else None,
        open_actions=[make_action_answer(action) for action in view.open_actions],
        last_action=make_action_answer(view.last_action) if view.last_action else None,
    )


def _make_progress_answer(progress: Progress) -> ProgressAnswer:
    return ProgressAnswer(
        version=progress.version,
        done_bytes=progress.done_bytes,
        total_bytes=progress.total_bytes,
        rate_bytes_per_second=progress.rate_bytes_per_second,
        action_id=progress.action_id,
        seconds_left=progress.seconds_left,
        waits_until=progress.waiting_until,
    )


def _print(version: Version | None) -> str | None:
    return str(version) if version is not None else None
