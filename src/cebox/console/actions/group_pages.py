"""*Send a command* to a selection: what will become of each device, then the sending of what was shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.words import notice_words
from cebox.console.actions.forecast import LARGEST_GROUP
from cebox.console.actions.group import GroupService
from cebox.console.actions.group_forecast import GroupForecaster, Outcome, OutcomeKey, Summary
from cebox.console.database.scope import Scope
from cebox.console.devices.classes import Chosen
from cebox.console.devices.query import Query
from cebox.console.devices.records import DeviceFilters
from cebox.console.devices.service import list_device_ids
from cebox.console.web.status import BEHIND, FINDING, Status, Tone
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.action import EXPIRY_AT_NEXT_START, ActionKind
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.preflight import Finding
from cebox.domain.resolution import Source
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import InvalidInput

_NOW = Status("circle-check", Tone.OK, _("Will do it now"))
_MOST_WRS_NAMED = 3
_KINDS: Mapping[str, ActionKind] = MappingProxyType({kind.value: kind for kind in ActionKind})


@dataclass(frozen=True, slots=True)
class Selection:
    """Devices named one by one, or all that a query of the list finds but those unticked."""

    device_ids: tuple[DeviceId, ...]
    where: str | None
    but: tuple[DeviceId, ...]

    @property
    def is_query(self) -> bool:
        return self.where is not None


@dataclass(frozen=True, slots=True)
class Line:
    """`wrs` are those that hold its devices back."""

    outcome: Outcome
    status: Status
    wrs: tuple[tuple[DeviceId, str], ...]


@page(Permission.ACT)
async def show_group(visit: Visit) -> Response:
    """A POST, because a selection is too long for an address; it changes nothing."""
    return await _show_group(visit, _read_selection(visit))


async def _show_group(visit: Visit, selection: Selection, *, is_changed: bool = False, status: int = 200) -> Response:
    kind = _parse_kind(visit.field("kind"))
    at_next_start = visit.field("at_next_start") == "1"
    async with visit.console.database.read() as connection:
        summary = await _make_forecaster(visit, connection, kind, selection).sum_up()
    if not summary.total:
        raise InvalidInput("group_empty", "a group command names at least one device")
    later = summary.off_count if at_next_start and kind is ActionKind.UPDATE else 0
    return visit.show_dialog(
        "actions/group.html",
        status=status,
        is_changed=is_changed,
        selection=selection,
        kind=kind,
        lines=[Line(one, _choose_status(one), _list_wrs(one, summary)) for one in summary.outcomes],
        summary=summary,
        cloud_bytes=summary.download_bytes(Source.CLOUD),
        is_too_large=summary.total > LARGEST_GROUP,
        largest_group=LARGEST_GROUP,
        later_count=later,
        at_next_start=at_next_start,
        expires_at=visit.formats.now + EXPIRY_AT_NEXT_START,
        notice_words=notice_words(visit.formats, visit.account.notice) if visit.account else "",
    )


@page(Permission.ACT)
async def show_names(visit: Visit) -> Response:
    """Who exactly one line of the summary is about; a POST as `show_group`."""
    kind, selection = _parse_kind(visit.field("kind")), _read_selection(visit)
    async with visit.console.database.read() as connection:
        forecaster = _make_forecaster(visit, connection, kind, selection)
        outcome = (await forecaster.sum_up()).find(_read_key(visit))
        names = await forecaster.list_names(outcome) if outcome else ()
    return visit.show("actions/names.html", names=names, count=outcome.count if outcome else 0)


@page(Permission.ACT)
async def send_group(visit: Visit) -> Response:
    kind = _parse_kind(visit.field("kind"))
    selection = _read_selection(visit)
    async with visit.console.database.write() as unit:
        device_ids = await _find_ids(unit.connection, visit, selection)
        if selection.is_query and visit.field("expected") != str(len(device_ids)):
            # What the query finds is not what was shown: nothing is sent that nobody has seen.
            return await _show_changed(visit, selection)
        progress = await GroupService(unit, visit.caller, visit.console.clock).send_group(
            kind,
            device_ids,
            tag=visit.field("tag") or None,
            at_next_start=visit.field("at_next_start") == "1" and kind is ActionKind.UPDATE,
        )
    words = visit.formats.words.count("Sent to %(number)s device.", "Sent to %(number)s devices.", progress.sent_count)
    return visit.done(words % {"number": visit.formats.number(progress.sent_count)}, address="/devices", clears=True)


def build_routes() -> list[BaseRoute]:
    return [
        Route("/devices/command/forecast", show_group, methods=["POST"]),
        Route("/devices/command/names", show_names, methods=["POST"]),
        Route("/devices/command", send_group, methods=["POST"]),
    ]


def _make_forecaster(
    visit: Visit, connection: AsyncConnection, kind: ActionKind, selection: Selection
) -> GroupForecaster:
    is_named = selection.where is None
    chosen = Chosen(selection.device_ids if is_named else None, selection.but)
    filters = DeviceFilters() if is_named else Query.parse(selection.where or "").to_filters()
    # Devices named by the vendor's people may be any account's, as they are when the command is sent.
    scope: Scope = visit.caller.scope if is_named else visit.scope
    return GroupForecaster(connection, scope, visit.formats.now, kind, chosen, filters)


def _choose_status(outcome: Outcome) -> Status:
    if outcome.key.finding is None:
        return _NOW
    return BEHIND if outcome.key.is_held_back else FINDING[outcome.key.finding]


def _list_wrs(outcome: Outcome, summary: Summary) -> tuple[tuple[DeviceId, str], ...]:
    """The WRS that would have to be updated first; none when they are too many to be named."""
    if not outcome.key.is_held_back or summary.around is None or len(outcome.site_ids) > _MOST_WRS_NAMED:
        return ()
    found = (summary.around.wrs.get(SiteId(site_id)) for site_id in outcome.site_ids)
    return tuple((wrs.id, wrs.name) for wrs in found if wrs is not None)


def _read_key(visit: Visit) -> OutcomeKey:
    """As the summary's line wrote it. Raises InvalidInput (`request_malformed`, `version_malformed`)."""
    finding, version = visit.field("finding"), visit.field("version")
    try:
        said = Finding(finding) if finding else None
    except ValueError as error:
        raise InvalidInput("request_malformed", f"{finding!r} is no finding") from error
    return OutcomeKey(said, Version.parse(version) if version else None, visit.field("held_back") == "1")


def _parse_kind(text: str) -> ActionKind:
    if text not in _KINDS:
        raise InvalidInput("request_malformed", f"{text!r} is no command")
    return _KINDS[text]


async def _show_changed(visit: Visit, selection: Selection) -> Response:
    response = await _show_group(visit, selection, is_changed=True, status=409)
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "morph:innerHTML"
    return response


def _read_selection(visit: Visit) -> Selection:
    where = visit.field("where") if "where" in visit.form else None
    return Selection(
        device_ids=tuple(DeviceId(text) for text in visit.fields("device")),
        where=where,
        but=tuple(DeviceId(text) for text in visit.fields("but")),
    )


async def _find_ids(connection: AsyncConnection, visit: Visit, selection: Selection) -> tuple[DeviceId, ...]:
    """One more than a group may have, so that a query which finds too many is refused rather than cut."""
    if selection.where is None:
        return selection.device_ids
    filters = Query.parse(selection.where).to_filters()
    most = LARGEST_GROUP + len(selection.but) + 1
    found = await list_device_ids(connection, visit.scope, filters, most, visit.formats.now)
    return tuple(device_id for device_id in found if device_id not in frozenset(selection.but))
