"""One campaign moved on by one step: what happened is taken in, what comes next is decided by `domain` and done.

All of it is one unit of work that holds the campaign's row: two consoles on one database come one after the other, and
one that dies in the middle has done nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cebox.console.accounts.repository import AccountRepository
from cebox.console.campaigns.following import Follower, make_member
from cebox.console.campaigns.member_repository import MemberRepository
from cebox.console.campaigns.records import Campaign, EventKind, Stop, StopReason, Tally
from cebox.console.campaigns.repository import CampaignRepository
from cebox.console.campaigns.sending import Sender
from cebox.console.campaigns.stored import dump_stop
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic
from cebox.console.releases.service import load_catalogue
from cebox.domain.campaign import LIVE, CampaignEvent, CampaignState, MemberState, next_campaign_state
from cebox.domain.campaign_member import SERVER_NOT_UPDATED
from cebox.domain.campaign_step import CampaignStep, Member, Situation, WaveCount, count_open_waves, plan_step
from cebox.domain.ids import CampaignId, SiteId

# So many are sent in one unit: the database is not held for longer than a breath.
_MOST_AT_ONCE = 100


async def drive(unit: Unit, campaign_id: CampaignId, *, now: datetime, heard_since: datetime) -> None:
    """`heard_since`: before it this console could hear nobody, so silence counts from there."""
    campaign = await CampaignRepository(unit.connection, Scope.everything()).find(campaign_id, lock=True)
    if campaign is not None and campaign.state in LIVE:
        await _Driver(unit, campaign, now).drive(heard_since)


@dataclass(frozen=True, slots=True)
class _Look:
    """The campaign at this moment."""

    situation: Situation

    @property
    def done_sites(self) -> frozenset[SiteId]:
        return frozenset(one for one, state in self.situation.servers.items() if state is MemberState.DONE)


class _Driver:
    def __init__(self, unit: Unit, campaign: Campaign, now: datetime) -> None:
        self._unit = unit
        self._campaign = campaign
        self._now = now
        self._scope = Scope.account(campaign.account_id)
        self._campaigns = CampaignRepository(unit.connection, self._scope)
        self._members = MemberRepository(unit.connection, campaign.id)
        self._sender = Sender(unit, campaign, now)
        self._has_changed = False

    async def drive(self, heard_since: datetime) -> None:
        since = self._find_heard_since(heard_since)
        under_way, moved = await Follower(self._unit, self._campaign, self._now).follow(since)
        await self._touch(moved)
        if self._campaign.state is CampaignState.RUNNING and (stop := await self._find_stop()):
            await self._stop(stop)
        else:
            look = await self._look(under_way)
            step = plan_step(look.situation)
            await self._apply(step, look)
            await self._note_waiting(step)
            await self._note_waves()
        if self._has_changed:
            self._unit.notify(account_topic(self._campaign.account_id))

    def _find_heard_since(self, heard_since: datetime) -> datetime | None:
        """Outside the window nobody is expected to answer."""
        window = self._campaign.rules.window
        if window is None:
            return heard_since
        opening = window.find_opening(self._now)
        return max(heard_since, opening) if opening else None

    async def _find_stop(self) -> Stop | None:
        """Why it must not go on, whatever its devices say."""
        account = await AccountRepository(self._unit.connection, self._scope).get(self._campaign.account_id)
        if account.version != self._campaign.version:
            return Stop(StopReason.VERSION_CHANGED, self._now, {"version": str(account.version)})
        release = (await load_catalogue(self._unit.connection)).get(account.version)
        if release is None or release.is_withdrawn:
            return Stop(StopReason.RELEASE_WITHDRAWN, self._now, {"version": str(account.version)})
        return None

    async def _look(self, under_way: tuple[Member, ...]) -> _Look:
        """Candidates are looked for only where some may be sent."""
        servers = await self._members.find_servers()
        held = frozenset(one for one, state in servers.items() if state is not MemberState.DONE)
        planned = (await self._campaigns.list_waves([self._campaign.id]))[self._campaign.id]
        waves = tuple([await self._count_wave(one.number, one.tally, held) for one in planned])
        situation = Situation(self._campaign.state, self._now, self._campaign.rules, waves, under_way, (), servers)
        return _Look(replace(situation, candidates=await self._find_candidates(situation, held)))

    async def _count_wave(self, number: int, tally: Tally, held: Collection[SiteId]) -> WaveCount:
        pending = tally.of(MemberState.PENDING)
        # Of a wave that moves, or is over, nobody asks who may be reached.
        is_asked = bool(pending) and not tally.under_way
        return WaveCount(
            number=number,
            size=tally.total,
            pending=pending,
            reachable=int(is_asked and await self._members.has_reachable(number, now=self._now, held_sites=held)),
            under_way=tally.under_way,
            counted=tally.counted,
            anomalies=tally.anomalies,
            held=int(is_asked and await self._members.has_held(number, held)),
            over_at=tally.over_at,
        )

    async def _find_candidates(self, situation: Situation, held: Collection[SiteId]) -> tuple[Member, ...]:
        room = min(_MOST_AT_ONCE, situation.rules.pace.in_all - len(situation.under_way))
        if situation.state is not CampaignState.RUNNING or room <= 0:
            return ()
        turns = await self._members.list_turns(
            count_open_waves(situation.waves, situation.rules, self._now),
            now=self._now,
            closed_sites=_list_full_sites(situation),
            held_sites=held,
            limit=room,
        )
        records = await DeviceRepository(self._unit.connection, self._scope).find_many(one.device_id for one in turns)
        gone = [one.device_id for one in turns if one.device_id not in records]
        if gone:
            await self._sender.start([one for one in turns if one.device_id in gone], ())
            await self._touch({one.wave for one in turns})
        return tuple(
            make_member(one, records[one.device_id], one.state, self._now) for one in turns if one.device_id in records
        )

    async def _apply(self, step: CampaignStep, look: _Look) -> None:
        skipped = await self._members.skip_sites(step.lost_sites, SERVER_NOT_UPDATED, self._now)
        if skipped:
            self._has_changed = True
            await self._members.recount()
        for device_id in step.closes:
            values = {"state": MemberState.INSTALLED.value, "changed_at": self._now, "over_at": self._now}
            await self._members.change(device_id, values)
        if step.closes:
            self._has_changed = True
            await self._members.recount()
        if step.breach:
            facts = {
                "wave": step.breach.wave,
                "anomalies": step.breach.anomalies,
                "counted": step.breach.counted,
                "percent": step.breach.percent,
            }
            await self._stop(Stop(StopReason.THRESHOLD, self._now, facts))
            return
        if step.restarts and await self._sender.restart(step.restarts):
            wave_of = {one.id: one.wave for one in look.situation.under_way}
            await self._touch({wave_of[one] for one in step.restarts})
        if step.starts:
            members = await self._members.find_many(step.starts)
            await self._sender.start([members[one] for one in step.starts], look.done_sites)
            await self._touch({one.wave for one in members.values()})
        if step.is_over:
            await self._complete()

    async def _touch(self, waves: Collection[int]) -> None:
        if waves:
            self._has_changed = True
            await self._members.recount(waves)

    async def _stop(self, stop: Stop) -> None:
        await self._move(CampaignEvent.STOP, {"stop": dump_stop(stop)})
        await self._note(EventKind.STOPPED, {"reason": stop.reason.value, **stop.facts})

    async def _complete(self) -> None:
        await self._note_waves()
        is_ended = self._campaign.state is CampaignState.ENDING
        await self._move(CampaignEvent.COMPLETE, {"over_at": self._now})
        await self._members.release()
        await self._note(EventKind.ENDED if is_ended else EventKind.COMPLETED, {})

    async def _move(self, event: CampaignEvent, values: dict[str, Any]) -> None:
        state = next_campaign_state(self._campaign.state, event)
        await self._campaigns.change(self._campaign.id, {"state": state.value, "changed_at": self._now, **values})
        self._has_changed = True

    async def _note_waves(self) -> None:
        """When each began and was over, for the history."""
        if not self._has_changed:
            return
        for wave in (await self._campaigns.list_waves([self._campaign.id]))[self._campaign.id]:
            tally = wave.tally
            is_begun = wave.begun_at is not None or tally.counted > 0 or tally.under_way > 0
            is_over = not tally.of(MemberState.PENDING) and not tally.under_way
            if is_begun and wave.begun_at is None:
                await self._note_wave(wave.number, "begun_at", EventKind.WAVE_BEGUN, {"devices": wave.size})
            if is_over and wave.over_at is None:
                facts = {"done": tally.of(MemberState.DONE), "devices": wave.size}
                await self._note_wave(wave.number, "over_at", EventKind.WAVE_OVER, facts)
            if not is_over and wave.over_at is not None:
                await self._campaigns.note_wave(self._campaign.id, wave.number, {"over_at": None})

    async def _note_wave(self, number: int, column: str, kind: EventKind, facts: dict[str, Any]) -> None:
        await self._campaigns.note_wave(self._campaign.id, number, {column: self._now})
        said = {"wave": number, **facts}
        await self._campaigns.add_event(self._campaign, kind, journal.JOB, said, self._now)
        self._has_changed = True

    async def _note_waiting(self, step: CampaignStep) -> None:
        if (step.waiting, step.waits_until) == (self._campaign.waiting, self._campaign.waits_until):
            return
        values = {"waiting": step.waiting.value, "waits_until": step.waits_until}
        await self._campaigns.change(self._campaign.id, values)
        self._has_changed = True

    async def _note(self, kind: EventKind, facts: dict[str, Any]) -> None:
        await self._campaigns.add_event(self._campaign, kind, journal.JOB, facts, self._now)
        said = {"name": self._campaign.name, **facts}
        verb = f"campaign_{kind}"
        await journal.record(
            self._unit, journal.JOB, verb, self._campaign.id, said, self._campaign.account_id, at=self._now
        )


def _list_full_sites(situation: Situation) -> frozenset[SiteId]:
    busy: dict[SiteId, int] = {}
    for one in situation.under_way:
        if one.site_id is not None:
            busy[one.site_id] = busy.get(one.site_id, 0) + 1
    return frozenset(site for site, many in busy.items() if many >= situation.rules.pace.per_site)
