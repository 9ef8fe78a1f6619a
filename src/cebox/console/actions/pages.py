"""The dialogs of *Device actions*: update with a tag, restart, shut down, cancel. Each says the outcome first."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.records import NotedTag
from cebox.console.accounts.service import get_account, list_noted_tags
from cebox.console.accounts.words import notice_words
from cebox.console.actions import group_pages
from cebox.console.actions.forecast import Forecaster
from cebox.console.actions.records import TimedForecast
from cebox.console.actions.service import ActionService, get_action
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceFilters, DeviceView
from cebox.console.devices.service import count_devices, get_device, list_devices
from cebox.console.web.refusals import Refusal, find_refusal
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.action import EXPIRY_AT_NEXT_START, START_DEADLINE, ActionKind
from cebox.domain.device import DeviceKind
from cebox.domain.ids import ActionId, DeviceId
from cebox.domain.preflight import Admission, Finding, admit
from cebox.domain.role import Permission
from cebox.domain.tag import TagKind
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput, NotFound

_OTHER = "other"
_TAG_PREFIX = "tag:"
_SENT: Mapping[str, str] = MappingProxyType(
    {
        ActionKind.REBOOT: _("Restart sent."),
        ActionKind.SHUTDOWN: _("Shutdown sent."),
        ActionKind.START: _("Its WRS is told to start it."),
    }
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the tag dialog says now. `tag` None is no tag; `is_complete` is False while another tag is to be typed."""

    name: str
    typed: str
    at_next_start: bool

    @property
    def tag(self) -> str | None:
        if self.name == _OTHER:
            return self.typed
        return self.name.removeprefix(_TAG_PREFIX) or None

    @property
    def is_complete(self) -> bool:
        return self.name != _OTHER or bool(self.typed)


@dataclass(frozen=True, slots=True)
class SiteSituation:
    """What the dialog must say of the device's site: its WRS, and the ceBox a test version there would spread to."""

    wrs: DeviceView | None
    boxes_behind: int


@page(Permission.ACT)
async def show_update(visit: Visit) -> Response:
    choice = Choice(visit.asked("choice"), visit.asked("other"), visit.asked("at_next_start") == "1")
    return await _show_update(visit, choice)


@page(Permission.ACT)
async def send_update(visit: Visit) -> Response:
    choice = Choice(visit.field("choice"), visit.field("other"), visit.field("at_next_start") == "1")
    expected = visit.field("expected")
    try:
        async with visit.console.database.write() as unit:
            action = await ActionService(unit, visit.caller, visit.console.clock).send_update(
                _device_id(visit),
                choice.tag,
                at_next_start=choice.at_next_start,
                expected_version=Version.parse(expected) if expected else None,
            )
    except Conflict as error:
        if error.code != "forecast_changed":
            raise
        response = await _show_update(visit, choice, is_changed=True, status=409)
        response.headers["HX-Retarget"] = "#dialog"
        response.headers["HX-Reswap"] = "morph:innerHTML"
        return response
    message = (
        _("Sent. It will take %(version)s at its next start.")
        if action.at_next_start
        else _("Sent. It is going to take %(version)s.")
    )
    return visit.done(visit.say(message, version=action.expected_version), address=f"/devices/{action.device_id}")


@page(Permission.ACT)
async def show_power(visit: Visit) -> Response:
    kind = _power_kind(visit.asked("kind"))
    async with visit.console.database.read() as connection:
        scope, now = visit.caller.scope, visit.formats.now
        view = await get_device(connection, scope, _device_id(visit), now)
        forecast = await Forecaster(connection, scope, now).forecast_power(view.record.id, kind)
        account = await get_account(connection, scope, view.record.account_id)
    notice = notice_words(visit.formats, account.notice)
    return visit.show_dialog(
        "actions/power.html",
        view=view,
        kind=kind,
        forecast=forecast,
        notice_words=notice,
        start_seconds=START_DEADLINE.total_seconds(),
    )


@page(Permission.ACT)
async def send_power(visit: Visit) -> Response:
    kind = _power_kind(visit.field("kind"))
    async with visit.console.database.write() as unit:
        action = await ActionService(unit, visit.caller, visit.console.clock).send_power(_device_id(visit), kind)
    return visit.done(visit.say(_SENT[kind]), address=f"/devices/{action.device_id}")


@page(Permission.ACT)
async def show_cancel(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        action = await get_action(connection, visit.caller.scope, _action_id(visit))
        view = await get_device(connection, visit.caller.scope, action.device_id, visit.formats.now)
    return visit.show_dialog("actions/cancel.html", action=action, view=view)


@page(Permission.ACT)
async def cancel(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        action = await ActionService(unit, visit.caller, visit.console.clock).cancel(_action_id(visit))
    message = _("Its withdrawal is asked for.") if action.is_open else _("Cancelled.")
    return visit.done(visit.say(message), address=f"/devices/{action.device_id}")


def build_routes() -> list[BaseRoute]:
    return [
        *group_pages.build_routes(),
        Route("/devices/{device_id}/update", show_update, methods=["GET"]),
        Route("/devices/{device_id}/update", send_update, methods=["POST"]),
        Route("/devices/{device_id}/power", show_power, methods=["GET"]),
        Route("/devices/{device_id}/power", send_power, methods=["POST"]),
        Route("/actions/{action_id}/cancel", show_cancel, methods=["GET"]),
        Route("/actions/{action_id}/cancel", cancel, methods=["POST"]),
    ]


async def _show_update(visit: Visit, choice: Choice, *, is_changed: bool = False, status: int = 200) -> Response:
    now = visit.formats.now
    async with visit.console.database.read() as connection:
        view = await get_device(connection, visit.caller.scope, _device_id(visit), now)
        tags = await list_noted_tags(connection, Scope.account(view.record.account_id))
        timed, refusal = await _foretell(connection, visit, view, choice)
        situation = await _look_around(connection, visit, view)
    forecast = timed.forecast if timed else None
    version_tags = [noted for noted in tags if noted.tag.kind is TagKind.VERSION]
    return visit.show_dialog(
        "actions/update.html",
        status=status,
        view=view,
        account_tag=_find_account_tag(tags),
        version_tags=version_tags,
        choice=choice,
        forecast=forecast,
        duration=timed.duration if timed else None,
        refusal=refusal,
        situation=situation,
        is_changed=is_changed,
        admission=admit(forecast, at_next_start=choice.at_next_start) if forecast else Admission.REFUSE,
        may_wait=forecast is not None and admit(forecast, at_next_start=True) is Admission.QUEUE,
        blockers=[one for one in forecast.blockers if one is not Finding.DEVICE_OFF] if forecast else [],
        expires_at=now + EXPIRY_AT_NEXT_START,
    )


async def _foretell(
    connection: AsyncConnection, visit: Visit, view: DeviceView, choice: Choice
) -> tuple[TimedForecast | None, Refusal | None]:
    """A wrong tag is said under the field while it is typed; it is no reason to lose the dialog."""
    if not choice.is_complete:
        return None, None
    try:
        forecaster = Forecaster(connection, visit.caller.scope, visit.formats.now)
        return await forecaster.forecast_update(view.record.id, choice.tag), None
    except (InvalidInput, NotFound) as error:
        return None, find_refusal(error.code)


async def _look_around(connection: AsyncConnection, visit: Visit, view: DeviceView) -> SiteSituation:
    record, now = view.record, visit.formats.now
    if record.site_id is None:
        return SiteSituation(None, 0)
    scope = Scope.account(record.account_id)
    servers = DeviceFilters(site_id=record.site_id, kind=DeviceKind.WRS)
    behind = DeviceFilters(site_id=record.site_id, kind=DeviceKind.CEBOX, is_behind=True)
    listed = await list_devices(connection, scope, servers, Page(1), now)
    return SiteSituation(next(iter(listed.items), None), await count_devices(connection, scope, behind, now))


def _find_account_tag(tags: tuple[NotedTag, ...]) -> NotedTag | None:
    return next((noted for noted in tags if noted.tag.kind is TagKind.ACCOUNT), None)


def _power_kind(text: str) -> ActionKind:
    if text not in _SENT:
        raise InvalidInput("request_malformed", f"{text!r} is no restart, shutdown or start")
    return ActionKind(text)


def _device_id(visit: Visit) -> DeviceId:
    return DeviceId(visit.request.path_params["device_id"])


def _action_id(visit: Visit) -> ActionId:
    return ActionId(visit.request.path_params["action_id"])
