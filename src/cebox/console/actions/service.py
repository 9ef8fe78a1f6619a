"""Sending one device an action, withdrawing it, looking it up. Groups are `actions.group`'s, reports of the devices
`actions.reports`'.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.actions.forecast import Forecaster, choose_blocker, foretell_power
from cebox.console.actions.records import (
    Action,
    ActionFilters,
    CommandProgress,
    Through,
    action_unknown,
    command_unknown,
)
from cebox.console.actions.repository import ActionRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.service import notify_change
from cebox.console.journal import service as journal
from cebox.console.live.hub import device_topic
from cebox.domain.action import EXPIRY_AT_NEXT_START, EXPIRY_WHEN_ON, LONGEST_EXPIRY, ActionKind, ActionState
from cebox.domain.ids import ActionId, CommandId, DeviceId
from cebox.domain.preflight import Admission, Finding, Forecast, admit
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput
from cebox.kit.clock import Clock

SHORTEST_EXPIRY = timedelta(minutes=1)
_HINTS = {
    Finding.DEVICE_OFF: "Switch it on, or send the update for its next start (at_next_start).",
    Finding.DEVICE_BUSY: "Wait until what is under way has ended, or cancel it.",
    Finding.ALREADY_STAGED: "Restart the device to finish the installation.",
    Finding.NO_SITE_WRS: "Only the WRS of a site can start its other machines; switch this one on by hand.",
    Finding.SITE_WRS_OFF: "Switch the site's WRS on first.",
    Finding.LAST_SEEN_AWAY: "It hears its site's WRS only on its site's network.",
    Finding.NO_LAN_ADDRESS: "It reports its network card once it has come on with a newer agent.",
    Finding.BELOW_FLOOR: "Choose a version at or above the floor of the one it runs.",
}


async def list_actions(connection: AsyncConnection, scope: Scope, filters: ActionFilters, page: Page) -> Listed[Action]:
    """The newest first. Raises InvalidInput (`cursor_malformed`)."""
    return await ActionRepository(connection, scope).list_actions(filters, page)


async def get_action(connection: AsyncConnection, scope: Scope, action_id: ActionId) -> Action:
    """Raises NotFound (`action_unknown`)."""
    action = await ActionRepository(connection, scope).find(action_id)
    if action is None:
        raise action_unknown(action_id)
    return action


async def get_command(connection: AsyncConnection, scope: Scope, command_id: CommandId) -> CommandProgress:
    """Raises NotFound (`command_unknown`)."""
    repository = ActionRepository(connection, scope)
    command = await repository.find_command(command_id)
    if command is None:
        raise command_unknown(command_id)
    return CommandProgress(command, await repository.count_states(command_id))


class ActionService:
    """Changes by one caller. Every call raises NotPermitted (`role_may_not`) for a role that only looks."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._now = clock()
        self._actions = ActionRepository(unit.connection, caller.scope)
        self._forecaster = Forecaster(unit.connection, caller.scope, self._now, lock=True)

    async def send_update(
        self,
        device_id: DeviceId,
        tag: str | None,
        *,
        at_next_start: bool = False,
        expected_version: Version | None = None,
        expires_in: timedelta | None = None,
    ) -> Action:
        """Tell one device to update (R4); `expected_version` is the one its sender was shown.

        Raises NotFound (`device_unknown`, `tag_unknown`), Conflict (`forecast_changed`, or the first blocking finding's
        name such as `device_off`), InvalidInput (`tag_malformed`, `expiry_out_of_range`).
        """
        self._caller.verify(Permission.ACT)
        record, around = await self._forecaster.load_one(device_id)
        forecast = await self._forecaster.foretell_update(record, around, tag)
        _verify_expected(forecast, expected_version)
        admission = admit(forecast, at_next_start=at_next_start)
        if admission is Admission.REFUSE:
            raise refuse(choose_blocker(forecast.blockers, at_next_start=at_next_start))
        deadline_at = self._now + choose_expiry(admission, expires_in)
        values = make_update_values(
            record, forecast, admission, by=self._caller.user_id, now=self._now, deadline_at=deadline_at
        )
        return await self._send(record, values)

    async def send_power(self, device_id: DeviceId, kind: ActionKind) -> Action:
        """Tell one device to restart or to shut down, or its site's WRS to start it.

        Raises NotFound (`device_unknown`), Conflict (the first finding's name, such as `device_off`), InvalidInput
        (`kind_not_power`).
        """
        self._caller.verify(Permission.ACT)
        if kind is ActionKind.UPDATE:
            raise InvalidInput("kind_not_power", "an update is not a power action")
        record, around = await self._forecaster.load_one(device_id)
        forecast = foretell_power(record, around, kind)
        if forecast.findings:
            raise refuse(forecast.findings[0], kind)
        values = make_values(
            record,
            kind,
            by=self._caller.user_id,
            now=self._now,
            deadline_at=self._now + EXPIRY_WHEN_ON,
            through=forecast.through,
        )
        return await self._send(record, values)

    async def cancel(self, action_id: ActionId) -> Action:
        """Withdraw an action whose release the device has not been started from.

        One the device holds stays open until the device says what became of it. Raises NotFound (`action_unknown`),
        Conflict (`action_over`, `action_begun`).
        """
        self._caller.verify(Permission.ACT)
        device_id = (await get_action(self._unit.connection, self._caller.scope, action_id)).device_id
        # The device's row orders this against the device's own exchange.
        await DeviceRepository(self._unit.connection, self._caller.scope).find(device_id, lock=True)
        action = await get_action(self._unit.connection, self._caller.scope, action_id)
        _verify_cancellable(action)
        if not action.is_withdrawing:
            await self._actions.change(action_id, _withdrawal(action, self._now))
            facts = {"device_id": device_id, "kind": action.kind.value}
            await self._note("action_cancelled", action_id, facts, action)
        return await get_action(self._unit.connection, self._caller.scope, action_id)

    async def _send(self, record: DeviceRecord, values: dict[str, Any]) -> Action:
        await self._actions.add_many([values])
        action = await get_action(self._unit.connection, self._caller.scope, values["id"])
        facts = {
            "action_id": action.id,
            "tag": action.asked_tag,
            "version": str(action.asked_version) if action.asked_version else None,
        }
        await self._note(f"{action.kind}_sent", record.id, facts, action)
        return action

    async def _note(self, verb: str, subject: str, facts: dict[str, Any], action: Action) -> None:
        notify_change(self._unit, action.device_id, action.account_id)
        self._unit.notify(device_topic(action.executor_id))
        await journal.record(self._unit, self._caller, verb, subject, facts, action.account_id, at=self._now)


def refuse(finding: Finding, kind: ActionKind = ActionKind.UPDATE) -> Conflict:
    hint = _HINTS.get(finding, "Look at the device's page for what it would take.")
    if finding is Finding.DEVICE_OFF and kind is not ActionKind.UPDATE:
        hint = "Switch it on first."
    return Conflict(finding.value, f"the device refuses this {kind}: {finding.value.replace('_', ' ')}", hint=hint)


def make_values(
    record: DeviceRecord,
    kind: ActionKind,
    *,
    by: str,
    now: datetime,
    deadline_at: datetime,
    through: Through | None = None,
) -> dict[str, Any]:
    """The row of a new action. `through` is the WRS that is to start the device."""
    is_start = kind is ActionKind.START and through is not None
    return {
        "id": ActionId(f"act_{secrets.token_hex(8)}"),
        "account_id": record.account_id,
        "device_id": record.id,
        "command_id": None,
        "through_id": through.device_id if is_start and through else None,
        "lan_addresses": list(record.lan_addresses) if is_start else None,
        "kind": kind.value,
        "state": ActionState.WAITING.value,
        "is_open": True,
        "at_next_start": False,
        "asked_tag": None,
        "asked_version": None,
        "expected_version": None,
        "expected_source": None,
        "created_by": by,
        "created_at": now,
        "changed_at": now,
        "deadline_at": deadline_at,
    }


def make_update_values(
    record: DeviceRecord, forecast: Forecast, admission: Admission, *, by: str, now: datetime, deadline_at: datetime
) -> dict[str, Any]:
    resolution = forecast.resolution
    return make_values(record, ActionKind.UPDATE, by=by, now=now, deadline_at=deadline_at) | {
        "at_next_start": admission is Admission.QUEUE,
        "asked_tag": resolution.asked_tag,
        "asked_version": str(resolution.asked_version),
        "expected_version": str(resolution.version),
        "expected_source": resolution.source.value,
    }


def choose_expiry(admission: Admission, asked: timedelta | None) -> timedelta:
    """How long an action may wait for its device. Raises InvalidInput (`expiry_out_of_range`)."""
    if asked is None:
        return EXPIRY_AT_NEXT_START if admission is Admission.QUEUE else EXPIRY_WHEN_ON
    if not SHORTEST_EXPIRY <= asked <= LONGEST_EXPIRY:
        raise InvalidInput(
            "expiry_out_of_range",
            "this expiry is too short or too long",
            hint=f"Choose between a minute and {LONGEST_EXPIRY.days} days.",
        )
    return asked


def _verify_expected(forecast: Forecast, expected_version: Version | None) -> None:
    version = forecast.resolution.version
    if expected_version is not None and version != expected_version:
        raise Conflict(
            "forecast_changed",
            f"the device would now take {version}, not {expected_version}",
            hint="Look at the forecast again before sending.",
        )


def _verify_cancellable(action: Action) -> None:
    if not action.is_open:
        raise Conflict("action_over", f"this action is {action.state} already", hint="There is nothing to cancel.")
    if action.state in (ActionState.REBOOTING, ActionState.ON_TRIAL):
        raise Conflict(
            "action_begun",
            f"it is too late to cancel: the device is {action.state}",
            hint="Wait for the outcome; a bad release falls back by itself.",
        )


def _withdrawal(action: Action, now: datetime) -> dict[str, Any]:
    if action.kind is ActionKind.START:
        # The WRS does what it is told within a moment: there is nothing to call back.
        return _end_cancelled(now, is_withdrawing=False)
    if action.is_acknowledged:
        return {"is_withdrawing": True, "changed_at": now}
    # A delivery may be on its way to the device at this moment.
    return _end_cancelled(now, is_withdrawing=action.state is not ActionState.WAITING)


def _end_cancelled(now: datetime, *, is_withdrawing: bool) -> dict[str, Any]:
    return {
        "state": ActionState.CANCELLED.value,
        "is_open": False,
        "is_withdrawing": is_withdrawing,
        "code": "cancelled",
        "changed_at": now,
        "deadline_at": None,
    }
