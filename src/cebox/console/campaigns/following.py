"""What became of a campaign's devices since somebody last looked: their actions, their own word, their silence."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cebox.console.actions.records import Action, is_busy
from cebox.console.actions.repository import ActionRepository
from cebox.console.campaigns.member_repository import MemberRepository
from cebox.console.campaigns.records import Campaign, CampaignMember
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord
from cebox.console.devices.repository import DeviceRepository
from cebox.domain.campaign import OUTCOMES, UNDER_WAY, MemberEvent, MemberState, next_member_state
from cebox.domain.campaign_member import DEVICE_REMOVED, DeviceWord, Report, find_event
from cebox.domain.campaign_step import Member, list_silent
from cebox.domain.ids import ActionId, DeviceId

_SILENCE = "silence"


class Follower:
    """For one campaign, inside the unit that holds its row."""

    def __init__(self, unit: Unit, campaign: Campaign, now: datetime) -> None:
        self._campaign = campaign
        self._now = now
        scope = Scope.account(campaign.account_id)
        self._members = MemberRepository(unit.connection, campaign.id)
        self._actions = ActionRepository(unit.connection, scope)
        self._devices = DeviceRepository(unit.connection, scope)

    async def follow(self, heard_since: datetime | None) -> tuple[tuple[Member, ...], frozenset[int]]:
        """Those still under way, and the waves of those that moved. `heard_since` None: silence counts for nobody."""
        followed = await self._members.list_followed()
        actions = await self._actions.find_many(_list_action_ids(followed))
        records = await self._devices.find_many(one.device_id for one in followed)
        silent = self._list_silent(followed, records, heard_since)
        under_way, moved = [], set()
        for one in followed:
            state = await self._move(one, actions, records.get(one.device_id), is_silent=one.device_id in silent)
            if state is not one.state:
                moved.add(one.wave)
            if state in UNDER_WAY and one.device_id in records:
                under_way.append(make_member(one, records[one.device_id], state, self._now))
        return tuple(under_way), frozenset(moved)

    def _list_silent(
        self,
        followed: Iterable[CampaignMember],
        records: dict[DeviceId, DeviceRecord],
        heard_since: datetime | None,
    ) -> frozenset[DeviceId]:
        if heard_since is None:
            return frozenset()
        heard = []
        for one in followed:
            record = records.get(one.device_id)
            last = record.last_seen_at if record else None
            heard.append((one.device_id, max(last, one.changed_at) if last else one.changed_at))
        silence = self._campaign.rules.stop_rule.silence_minutes
        return frozenset(list_silent(heard, silence_minutes=silence, heard_since=heard_since, now=self._now))

    async def _move(
        self,
        member: CampaignMember,
        actions: dict[ActionId, Action],
        record: DeviceRecord | None,
        *,
        is_silent: bool,
    ) -> MemberState:
        if record is None:
            await self._end(member, MemberEvent.WITHDRAW, DEVICE_REMOVED, None)
            return MemberState.WITHDRAWN
        assert self._campaign.version is not None
        update, reboot = actions.get(member.update_id or ActionId("")), actions.get(member.reboot_id or ActionId(""))
        event = find_event(
            member.state,
            update=_report(update),
            reboot=_report(reboot),
            device=DeviceWord(
                record.slots,
                record.failed_versions,
                is_busy(_list_open(update, reboot), record.phase, is_on=record.is_on(self._now)),
            ),
            target=self._campaign.version,
        )
        if event is None and is_silent and member.state in UNDER_WAY:
            event = MemberEvent.FALL_SILENT
        if event is None:
            return member.state
        state = next_member_state(member.state, event)
        if state in OUTCOMES:
            ended = _find_ended(update, reboot)
            code = _SILENCE if event is MemberEvent.FALL_SILENT else (ended.code if ended else "")
            await self._end(member, event, code, update)
        else:
            await self._members.change(member.device_id, self._values(state, event))
        return state

    def _values(self, state: MemberState, event: MemberEvent) -> dict[str, Any]:
        values: dict[str, Any] = {"state": state.value, "changed_at": self._now, "over_at": None, "code": ""}
        if event is MemberEvent.PUT_BACK:
            values |= {"reboot_id": None}
            if state is MemberState.PENDING:
                values |= {"update_id": None, "is_counted": False}
        return values

    async def _end(self, member: CampaignMember, event: MemberEvent, code: str, update: Action | None) -> None:
        values: dict[str, Any] = {
            "state": next_member_state(member.state, event).value,
            "code": code,
            "changed_at": self._now,
            "over_at": self._now,
        }
        if update is not None and update.taken is not None:
            values |= {"wan_bytes": update.taken.wan_bytes, "lan_bytes": update.taken.lan_bytes}
        await self._members.change(member.device_id, values)


def make_member(member: CampaignMember, record: DeviceRecord, state: MemberState, now: datetime) -> Member:
    return Member(
        id=member.device_id,
        kind=member.kind,
        site_id=member.site_id,
        place=record.place,
        wave=member.wave,
        state=state,
        is_on=record.is_on(now),
    )


def _list_action_ids(members: Iterable[CampaignMember]) -> list[ActionId]:
    return [action_id for one in members for action_id in (one.update_id, one.reboot_id) if action_id]


def _report(action: Action | None) -> Report | None:
    return Report(action.state, action.code) if action else None


def _list_open(*actions: Action | None) -> list[Action]:
    return [one for one in actions if one is not None and one.is_open]


def _find_ended(update: Action | None, reboot: Action | None) -> Action | None:
    """The one whose code says why."""
    ended = [one for one in (update, reboot) if one is not None and not one.is_open]
    return next((one for one in ended if one.code), ended[0] if ended else None)
