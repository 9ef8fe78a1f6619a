"""*Send a command* to a selection: what will become of each device, then the sending of what was shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.words import notice_words
from cebox.console.actions.forecast import LARGEST_GROUP, Forecaster, choose_blocker
from cebox.console.actions.group import GroupService
from cebox.console.actions.records import DeviceForecast, GroupForecast
from cebox.console.devices.query import Query
from cebox.console.devices.service import list_device_ids
from cebox.console.web.status import BEHIND, FINDING, Status, Tone
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.action import EXPIRY_AT_NEXT_START, ActionKind
from cebox.domain.ids import DeviceId
from cebox.domain.preflight import Admission, Finding
from cebox.domain.resolution import Source
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import InvalidInput

_NOW = Status("circle-check", Tone.OK, _("Will do it now"))


@dataclass(frozen=True, slots=True)
class Waiting:
    count: int
    begins_at: datetime


@dataclass(slots=True)
class Outcome:
    """One line of the summary: what happens to these devices, and why. The lines' sum is the selection."""

    status: Status
    version: Version | None = None
    finding: Finding | None = None
    devices: list[DeviceForecast] = field(default_factory=list)

    @property
    def from_wrs(self) -> int:
        return sum(1 for one in self.devices if one.forecast and one.forecast.resolution.source is Source.WRS)

    @property
    def download_bytes(self) -> int:
        return sum(one.forecast.download_bytes or 0 for one in self.devices if one.forecast)

    @property
    def waiting(self) -> "Waiting | None":
        """Those of them that wait for the hours of their site, and the first of these."""
        begins = [one.forecast.begins_at for one in self.devices if one.forecast and one.forecast.begins_at]
        return Waiting(len(begins), min(begins)) if begins else None

    @property
    def from_cloud(self) -> int:
        return len(self.devices) - self.from_wrs


@dataclass(frozen=True, slots=True)
class Selection:
    """Devices named one by one, or all that a query of the list finds but those unticked."""

    device_ids: tuple[DeviceId, ...]
    where: str | None
    but: tuple[DeviceId, ...]

    @property
    def is_query(self) -> bool:
        return self.where is not None


@page(Permission.ACT)
async def show_group(visit: Visit) -> Response:
    """A POST, because a selection is too long for an address; it changes nothing."""
    return await _show_group(visit, _read_selection(visit))


async def _show_group(visit: Visit, selection: Selection, *, is_changed: bool = False, status: int = 200) -> Response:
    kind = _parse_kind(visit.field("kind"))
    at_next_start = visit.field("at_next_start") == "1"
    async with visit.console.database.read() as connection:
        device_ids = await _find_ids(connection, visit, selection)
        forecaster = Forecaster(connection, visit.scope, visit.formats.now)
        # Asked as if they might wait: only those that are off and nothing else are offered the next start.
        group = await forecaster.forecast_group(device_ids, kind, at_next_start=True)
    outcomes = sum_up(group)
    off = next((len(one.devices) for one in outcomes if one.finding is Finding.DEVICE_OFF), 0)
    later = off if at_next_start and kind is ActionKind.UPDATE else 0
    return visit.show_dialog(
        "actions/group.html",
        status=status,
        is_changed=is_changed,
        selection=selection,
        kind=kind,
        outcomes=outcomes,
        total=len(group.devices),
        device_ids=[one.device_id for one in group.devices],
        now_count=sum(len(one.devices) for one in outcomes if one.finding is None),
        download_bytes=sum(one.download_bytes for one in outcomes if one.finding is None),
        later_count=later,
        off_count=off,
        at_next_start=at_next_start,
        expires_at=visit.formats.now + EXPIRY_AT_NEXT_START,
        notice_words=notice_words(visit.formats, visit.account.notice) if visit.account else "",
    )


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
        Route("/devices/command", send_group, methods=["POST"]),
    ]


def sum_up(group: GroupForecast) -> list[Outcome]:
    """Those that act first, by version; then the others, by what stands in the way."""
    acting: dict[Version | None, Outcome] = {}
    refused: dict[tuple[Finding, Version | None], Outcome] = {}
    for device in group.devices:
        version = device.forecast.resolution.version if device.forecast else None
        if device.admission is Admission.SEND:
            acting.setdefault(version, Outcome(_NOW, version)).devices.append(device)
            continue
        is_only_off = device.admission is Admission.QUEUE
        finding = Finding.DEVICE_OFF if is_only_off else choose_blocker(device.findings, at_next_start=True)
        said = version if finding is Finding.ALREADY_THERE else None
        status = BEHIND if finding is Finding.ALREADY_THERE and _is_held_back(device) else FINDING[finding]
        refused.setdefault((finding, said), Outcome(status, said, finding)).devices.append(device)
    return [*acting.values(), *_largest_first(refused.values())]


def _is_held_back(device: DeviceForecast) -> bool:
    """It has its WRS's version, which is below the account's: only the WRS's own update changes that."""
    assert device.forecast is not None
    resolution = device.forecast.resolution
    return resolution.version < resolution.asked_version


def _largest_first(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: -len(outcome.devices))


def _parse_kind(text: str) -> ActionKind:
    try:
        return ActionKind(text)
    except ValueError as error:
        raise InvalidInput("request_malformed", f"{text!r} is no command") from error


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
