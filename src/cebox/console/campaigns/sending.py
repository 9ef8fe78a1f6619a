"""Whose turn it is gets its update, and its restart, through the same group commands that people send (R4)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cebox.console.access import Caller
from cebox.console.actions.forecast import Forecaster
from cebox.console.actions.group import GroupService
from cebox.console.actions.repository import ActionRepository
from cebox.console.actions.service import SHORTEST_EXPIRY
from cebox.console.campaigns.member_repository import MemberRepository
from cebox.console.campaigns.records import Campaign, CampaignMember
from cebox.console.campaigns.service import ALREADY_THERE
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository
from cebox.console.journal.service import JOB
from cebox.domain.action import EXPIRY_WHEN_ON, ActionKind, ActionState
from cebox.domain.campaign import MemberState
from cebox.domain.campaign_member import DEVICE_REMOVED, Turn, Verdict, judge_turn
from cebox.domain.ids import ActionId, CommandId, DeviceId, SiteId
from cebox.domain.preflight import Admission
from cebox.domain.role import Role

# One that was busy, or off again, is looked at once more after so long.
_LOOK_AGAIN = timedelta(seconds=30)


class Sender:
    """For one campaign, inside the unit that holds its row."""

    def __init__(self, unit: Unit, campaign: Campaign, now: datetime) -> None:
        self._unit = unit
        self._campaign = campaign
        self._now = now
        self._scope = Scope.account(campaign.account_id)
        self._members = MemberRepository(unit.connection, campaign.id)
        # The campaign acts for whoever started it, with no more rights than it takes.
        self._caller = Caller(JOB, "", JOB, Role.ACCOUNT_OPERATOR, campaign.account_id)

    async def start(self, members: Sequence[CampaignMember], done_sites: Collection[SiteId]) -> int:
        """Their turn has come: most are sent an update. Returns how many are under way now."""
        by_id = {one.device_id: one for one in members}
        forecaster = Forecaster(self._unit.connection, self._scope, self._now, lock=True)
        forecast = await forecaster.forecast_group(by_id)
        records = await DeviceRepository(self._unit.connection, self._scope).find_many(by_id)
        verdicts = {one: Verdict(Turn.SKIP, DEVICE_REMOVED) for one in forecast.unknown_ids}
        for one in forecast.devices:
            assert one.forecast is not None
            assert self._campaign.version is not None
            is_server_done = by_id[one.device_id].site_id in done_sites
            verdicts[one.device_id] = judge_turn(
                one.forecast, records[one.device_id].slots, self._campaign.version, is_server_done=is_server_done
            )
        sent = await self._send_updates(_pick(verdicts, Turn.SEND), by_id)
        staged = await self._adopt(_pick(verdicts, Turn.ALREADY_STAGED), by_id)
        await self._end(_pick(verdicts, Turn.ALREADY_DONE), MemberState.DONE, ALREADY_THERE)
        for device_id in _pick(verdicts, Turn.SKIP):
            await self._end([device_id], MemberState.SKIPPED, verdicts[device_id].code)
        waiting = {"not_before": self._now + _LOOK_AGAIN}
        await self._members.change_many(_pick(verdicts, Turn.WAIT), waiting)
        return sent + staged

    async def restart(self, device_ids: Sequence[DeviceId]) -> int:
        """Those that can be restarted now are; returns how many."""
        forecaster = Forecaster(self._unit.connection, self._scope, self._now, lock=True)
        forecast = await forecaster.forecast_group(device_ids, ActionKind.REBOOT)
        able = [one.device_id for one in forecast.devices if one.admission is Admission.SEND]
        if not able:
            return 0
        sent = await self._send(ActionKind.REBOOT, able)
        for device_id, action_id in sent.items():
            values = self._values(MemberState.RESTARTING) | {"reboot_id": action_id}
            await self._members.change(device_id, values)
        return len(sent)

    async def _send_updates(self, device_ids: Sequence[DeviceId], members: dict[DeviceId, CampaignMember]) -> int:
        if not device_ids:
            return 0
        sent = await self._send(ActionKind.UPDATE, device_ids)
        for device_id, action_id in sent.items():
            await self._members.change(device_id, self._begin(MemberState.UPDATING, action_id, members[device_id]))
        return len(sent)

    async def _adopt(self, device_ids: Sequence[DeviceId], members: dict[DeviceId, CampaignMember]) -> int:
        """Installed already, by somebody's update or by a shutdown: only the restart is missing."""
        open_ones = await ActionRepository(self._unit.connection, self._scope).list_open(device_ids)
        for device_id in device_ids:
            action_id = next(
                (
                    one.id
                    for one in open_ones.get(device_id, ())
                    if one.kind is ActionKind.UPDATE and one.state is ActionState.STAGED
                ),
                None,
            )
            await self._members.change(device_id, self._begin(MemberState.READY, action_id, members[device_id]))
        return len(device_ids)

    async def _send(self, kind: ActionKind, device_ids: Iterable[DeviceId]) -> dict[DeviceId, ActionId]:
        progress = await GroupService(self._unit, self._caller, lambda: self._now).send_group(
            kind, device_ids, expires_in=self._choose_expiry(), campaign_id=self._campaign.id
        )
        actions = ActionRepository(self._unit.connection, self._scope)
        return await actions.list_of_command(CommandId(progress.command.id))

    def _choose_expiry(self) -> timedelta:
        """What is not heard inside the window is not done after it."""
        window = self._campaign.rules.window
        closing = window.find_closing(self._now) if window else None
        if closing is None:
            return EXPIRY_WHEN_ON
        return max(SHORTEST_EXPIRY, min(EXPIRY_WHEN_ON, closing - self._now))

    def _begin(self, state: MemberState, action_id: ActionId | None, member: CampaignMember) -> dict[str, Any]:
        return self._values(state) | {
            "update_id": action_id,
            "reboot_id": None,
            "is_counted": True,
            "tries": member.tries + 1,
        }

    def _values(self, state: MemberState) -> dict[str, Any]:
        return {"state": state.value, "code": "", "changed_at": self._now, "not_before": None}

    async def _end(self, device_ids: Sequence[DeviceId], state: MemberState, code: str) -> None:
        values = {"state": state.value, "code": code, "changed_at": self._now, "over_at": self._now}
        await self._members.change_many(device_ids, values)


def _pick(verdicts: dict[DeviceId, Verdict], turn: Turn) -> list[DeviceId]:
    return [device_id for device_id, verdict in verdicts.items() if verdict.turn is turn]
