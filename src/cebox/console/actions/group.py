"""Group commands: the same for many devices, without a tag (R4). What cannot be done is skipped, and said."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.service import open_production
from cebox.console.actions.forecast import Forecaster, choose_blocker
from cebox.console.actions.records import Command, CommandProgress, DeviceForecast, GroupForecast, GroupRefusal
from cebox.console.actions.repository import ActionRepository
from cebox.console.actions.service import choose_expiry, get_command, make_update_values, make_values
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord
from cebox.console.devices.repository import DeviceRepository
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic, device_topic
from cebox.domain.action import ActionKind
from cebox.domain.ids import AccountId, CampaignId, CommandId, DeviceId
from cebox.domain.preflight import Admission
from cebox.domain.role import Permission
from cebox.domain.tag import refuse_group_tag
from cebox.errors import InvalidInput, NotFound
from cebox.kit.clock import Clock

UNKNOWN = "device_unknown"


class GroupService:
    """Commands of one caller. Raises NotPermitted (`role_may_not`) for a role that only looks."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._now = clock()

    async def send_group(
        self,
        kind: ActionKind,
        device_ids: Iterable[DeviceId],
        *,
        tag: str | None = None,
        at_next_start: bool = False,
        expires_in: timedelta | None = None,
        campaign_id: CampaignId | None = None,
    ) -> CommandProgress:
        """One action for each device that can act now (or, at its next start, that is only off). `campaign_id`: on
        whose behalf.

        Raises InvalidInput (`group_takes_no_tag`, `group_empty`, `group_too_large`, `devices_of_several_accounts`,
        `expiry_out_of_range`), NotFound (`device_unknown`) when none of the devices is known.
        """
        self._caller.verify(Permission.ACT)
        refuse_group_tag(tag)
        forecaster = Forecaster(self._unit.connection, self._caller.scope, self._now, lock=True)
        forecast = await forecaster.forecast_group(device_ids, kind, at_next_start=at_next_start)
        ids = [one.device_id for one in forecast.devices]
        records = await DeviceRepository(self._unit.connection, self._caller.scope).find_many(ids)
        account_id = _get_account(records.values())
        acting = [one for one in forecast.devices if one.admission is not Admission.REFUSE]
        command = self._make_command(kind, account_id, forecast, campaign_id, at_next_start=at_next_start)
        actions = ActionRepository(self._unit.connection, self._caller.scope)
        await actions.add_command(command)
        await actions.add_many([self._make_row(command, records[one.device_id], one, expires_in) for one in acting])
        if kind is ActionKind.UPDATE and acting:
            await open_production(self._unit, account_id)
        await self._note(command, acting)
        return await get_command(self._unit.connection, self._caller.scope, command.id)

    def _make_command(
        self,
        kind: ActionKind,
        account_id: AccountId,
        forecast: GroupForecast,
        campaign_id: CampaignId | None,
        *,
        at_next_start: bool,
    ) -> Command:
        refusals = [
            GroupRefusal(one.device_id, choose_blocker(one.findings, at_next_start=at_next_start).value)
            for one in forecast.devices
            if one.admission is Admission.REFUSE
        ]
        refusals += [GroupRefusal(device_id, UNKNOWN) for device_id in forecast.unknown_ids]
        return Command(
            id=CommandId(f"cmd_{secrets.token_hex(8)}"),
            account_id=account_id,
            kind=kind,
            created_by=self._caller.user_id,
            created_at=self._now,
            refusals=tuple(refusals),
            campaign_id=campaign_id,
        )

    def _make_row(
        self, command: Command, record: DeviceRecord, one: DeviceForecast, expires_in: timedelta | None
    ) -> dict[str, Any]:
        deadline_at = self._now + choose_expiry(one.admission, expires_in)
        by = self._caller.user_id
        if one.forecast is None:
            values = make_values(
                record, command.kind, by=by, now=self._now, deadline_at=deadline_at, through=one.through
            )
        else:
            values = make_update_values(
                record, one.forecast, one.admission, by=by, now=self._now, deadline_at=deadline_at
            )
        return values | {"command_id": command.id}

    async def _note(self, command: Command, acting: list[DeviceForecast]) -> None:
        for one in acting:
            self._unit.notify(device_topic(one.through.device_id if one.through else one.device_id))
        self._unit.notify(account_topic(command.account_id))
        facts = {"kind": command.kind.value, "sent": len(acting), "refused": len(command.refusals)}
        if command.campaign_id:
            facts["campaign_id"] = command.campaign_id
        await journal.record(
            self._unit, self._caller, "command_sent", command.id, facts, command.account_id, at=self._now
        )


async def find_running_command(connection: AsyncConnection, scope: Scope) -> CommandProgress | None:
    """The newest group command that still has something under way."""
    actions = ActionRepository(connection, scope)
    command = await actions.find_running_command()
    return CommandProgress(command, await actions.count_states(command.id)) if command else None


def _get_account(records: Iterable[DeviceRecord]) -> AccountId:
    account_ids = {record.account_id for record in records}
    if not account_ids:
        raise NotFound(UNKNOWN, "none of these devices is known", hint="List the devices you see.")
    if len(account_ids) > 1:
        raise InvalidInput(
            "devices_of_several_accounts",
            "a group command is for devices of one account",
            hint="Send one command per account.",
        )
    return account_ids.pop()
