"""Admin API: forecasts, actions and group commands."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from cebox.console.actions import service
from cebox.console.actions.answers import (
    ActionAnswer,
    CommandAnswer,
    ForecastAnswer,
    GroupForecastAnswer,
    make_action_answer,
    make_command_answer,
    make_forecast_answer,
    make_group_answer,
    make_power_answer,
)
from cebox.console.actions.forecast import LARGEST_GROUP, Forecaster, verify_group
from cebox.console.actions.group import GroupService
from cebox.console.actions.group_forecast import GroupForecaster
from cebox.console.actions.records import ActionFilters
from cebox.console.actions.service import ActionService
from cebox.console.devices.classes import Chosen
from cebox.console.devices.query import LONGEST_QUERY
from cebox.console.devices.query import Query as DeviceQuery
from cebox.console.devices.records import DeviceFilters
from cebox.console.gate import ChosenPage, ChosenScope, Operator, TheConsole, Viewer
from cebox.console.wire import Asked, Identifier, Listing, make_listing
from cebox.domain.action import LONGEST_EXPIRY, ActionKind
from cebox.domain.ids import ActionId, CommandId, DeviceId
from cebox.domain.preflight import admit
from cebox.domain.tag import refuse_group_tag
from cebox.domain.version import Version
from cebox.errors import InvalidInput

router = APIRouter(tags=["actions"])

_Tag = Annotated[str | None, Field(max_length=64, description="A tag; left out: the account's version (R3).")]
_AtNextStart = Annotated[bool, Field(description="If the device is off, wait for its next start (R9).")]
_Expiry = Annotated[
    int | None,
    Field(ge=60, le=int(LONGEST_EXPIRY.total_seconds()), description="How long it may wait for the device."),
]


class PreflightBody(Asked):
    kind: ActionKind = ActionKind.UPDATE
    tag: _Tag = None
    at_next_start: _AtNextStart = False


class ActionBody(PreflightBody):
    """`expected_version` is the one the forecast named: another one is refused with 409 `forecast_changed`."""

    expires_in_seconds: _Expiry = None
    expected_version: Annotated[str | None, Field(max_length=32)] = None


class GroupBody(Asked):
    kind: ActionKind = ActionKind.UPDATE
    device_ids: Annotated[list[Identifier], Field(min_length=1, max_length=LARGEST_GROUP)]
    tag: Annotated[str | None, Field(max_length=200, description="A group takes none (R4): 422 if there is one.")] = (
        None
    )
    at_next_start: _AtNextStart = False


class GroupPreflightBody(Asked):
    """Either `device_ids`, or `where`: the filters as the address of the page of devices names them, for any number."""

    kind: ActionKind = ActionKind.UPDATE
    device_ids: Annotated[list[Identifier], Field(max_length=LARGEST_GROUP)] = Field(default_factory=list)
    where: Annotated[str | None, Field(max_length=LONGEST_QUERY, examples=["version=behind&kind=cebox"])] = None
    tag: Annotated[str | None, Field(max_length=200, description="A group takes none (R4): 422 if there is one.")] = (
        None
    )
    at_next_start: _AtNextStart = False

    def choose(self) -> tuple[Chosen, DeviceFilters]:
        """Raises InvalidInput (`group_empty`, `group_named_twice`)."""
        if self.where is None:
            return Chosen(verify_group(map(DeviceId, self.device_ids))), DeviceFilters()
        if self.device_ids:
            raise InvalidInput("group_named_twice", "name the devices or say where they are", hint="Leave one out.")
        return Chosen(None), DeviceQuery.parse(self.where).to_filters()


class CommandBody(GroupBody):
    expires_in_seconds: _Expiry = None


@router.post("/devices/{device_id}/preflight", summary="What an action would do to a device")
async def forecast_action(caller: Viewer, console: TheConsole, device_id: str, body: PreflightBody) -> ForecastAnswer:
    async with console.database.read() as connection:
        forecaster = Forecaster(connection, caller.scope, console.clock())
        if body.kind is not ActionKind.UPDATE:
            power = await forecaster.forecast_power(DeviceId(device_id), body.kind)
            return make_power_answer(power, body.kind)
        timed = await forecaster.forecast_update(DeviceId(device_id), body.tag)
    return make_forecast_answer(timed, admit(timed.forecast, at_next_start=body.at_next_start))


@router.post("/devices/{device_id}/actions", status_code=201, summary="Send a device an action")
async def send_action(caller: Operator, console: TheConsole, device_id: str, body: ActionBody) -> ActionAnswer:
    async with console.database.write() as unit:
        actions = ActionService(unit, caller, console.clock)
        if body.kind is ActionKind.UPDATE:
            action = await actions.send_update(
                DeviceId(device_id),
                body.tag,
                at_next_start=body.at_next_start,
                expected_version=Version.parse(body.expected_version) if body.expected_version else None,
                expires_in=_make_expiry(body.expires_in_seconds),
            )
        else:
            action = await actions.send_power(DeviceId(device_id), body.kind)
    return make_action_answer(action)


@router.get("/actions", summary="Actions, the newest first")
async def list_actions(
    console: TheConsole,
    scope: ChosenScope,
    page: ChosenPage,
    device: Annotated[str | None, Query(max_length=40)] = None,
    command: Annotated[str | None, Query(max_length=40)] = None,
    is_open: bool | None = None,
) -> Listing[ActionAnswer]:
    filters = ActionFilters(
        device_id=DeviceId(device) if device else None,
        command_id=CommandId(command) if command else None,
        is_open=is_open,
    )
    async with console.database.read() as connection:
        return make_listing(await service.list_actions(connection, scope, filters, page), make_action_answer)


@router.get("/actions/{action_id}", summary="One action")
async def show_action(caller: Viewer, console: TheConsole, action_id: str) -> ActionAnswer:
    async with console.database.read() as connection:
        return make_action_answer(await service.get_action(connection, caller.scope, ActionId(action_id)))


@router.post("/actions/{action_id}/cancel", summary="Withdraw an action that has not taken effect")
async def cancel_action(caller: Operator, console: TheConsole, action_id: str) -> ActionAnswer:
    async with console.database.write() as unit:
        action = await ActionService(unit, caller, console.clock).cancel(ActionId(action_id))
    return make_action_answer(action)


@router.post("/group-preflight", summary="What a group command would do: summed up, and device by device")
async def forecast_group(
    caller: Viewer, console: TheConsole, scope: ChosenScope, body: GroupPreflightBody
) -> GroupForecastAnswer:
    refuse_group_tag(body.tag)
    chosen, filters = body.choose()
    now = console.clock()
    async with console.database.read() as connection:
        forecast = None
        if chosen.device_ids is not None:
            forecast = await Forecaster(connection, caller.scope, now).forecast_group(
                chosen.device_ids, body.kind, at_next_start=body.at_next_start
            )
        summary = await GroupForecaster(connection, scope, now, body.kind, chosen, filters).sum_up()
    return make_group_answer(summary, body.kind, forecast=forecast, at_next_start=body.at_next_start)


@router.post("/commands", status_code=201, summary="Send a group of devices a command")
async def send_command(caller: Operator, console: TheConsole, body: CommandBody) -> CommandAnswer:
    async with console.database.write() as unit:
        progress = await GroupService(unit, caller, console.clock).send_group(
            body.kind,
            map(DeviceId, body.device_ids),
            tag=body.tag,
            at_next_start=body.at_next_start,
            expires_in=_make_expiry(body.expires_in_seconds),
        )
    return make_command_answer(progress)


@router.get("/commands/{command_id}", summary="A group command and how far it is")
async def show_command(caller: Viewer, console: TheConsole, command_id: str) -> CommandAnswer:
    async with console.database.read() as connection:
        return make_command_answer(await service.get_command(connection, caller.scope, CommandId(command_id)))


def _make_expiry(seconds: int | None) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds is not None else None
