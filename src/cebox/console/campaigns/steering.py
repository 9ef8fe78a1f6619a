"""What people do with a campaign that has begun: pause, resume, retry, end, set other rules."""

from dataclasses import replace
from typing import Any

from cebox.console.access import Caller
from cebox.console.campaigns.member_repository import MemberRepository
from cebox.console.campaigns.records import Campaign, EventKind
from cebox.console.campaigns.repository import CampaignRepository
from cebox.console.campaigns.stored import dump_rules
from cebox.console.database.engine import Unit
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic
from cebox.domain.campaign import LIVE, CampaignEvent, CampaignState, next_campaign_state
from cebox.domain.campaign_rules import CampaignRules, verify_rules
from cebox.domain.campaign_step import Waiting
from cebox.domain.ids import CampaignId, SiteId
from cebox.domain.role import Permission
from cebox.errors import Conflict
from cebox.kit.clock import Clock


class Steering:
    """Every call raises NotPermitted (`role_may_not`), NotFound (`campaign_unknown`) and, when the campaign is not in
    a state for it, Conflict (`campaign_event_refused`).
    """

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._now = clock()
        self._campaigns = CampaignRepository(unit.connection, caller.scope)

    async def pause(self, campaign_id: CampaignId) -> Campaign:
        """Nothing more is sent or restarted; what is under way goes on."""
        campaign = await self._take(campaign_id)
        return await self._move(campaign, CampaignEvent.PAUSE, EventKind.PAUSED, {})

    async def resume(self, campaign_id: CampaignId, *, without_site: SiteId | None = None) -> Campaign:
        """After a stop the anomalies so far count no more. `without_site`: what has not been sent there is left out."""
        campaign = await self._take(campaign_id)
        members = MemberRepository(self._unit.connection, campaign_id)
        facts: dict[str, Any] = {}
        if without_site is not None:
            facts = {"left_out": await members.leave_site_out(without_site, self._now)}
        if campaign.state is CampaignState.STOPPED:
            await members.reset_counts()
        await members.recount()
        return await self._move(campaign, CampaignEvent.RESUME, EventKind.RESUMED, facts)

    async def retry(self, campaign_id: CampaignId) -> Campaign:
        """Those that failed, kept silent, refused or were skipped have their turn again, and the campaign goes on. A
        rollback is not tried again: on that device the version is set aside.

        Raises Conflict (`nothing_to_retry`, `devices_in_another_campaign`).
        """
        campaign = await self._take(campaign_id)
        next_campaign_state(campaign.state, CampaignEvent.RETRY)
        members = MemberRepository(self._unit.connection, campaign_id)
        count = await members.retry(self._now)
        if not count:
            raise Conflict("nothing_to_retry", "none of its devices may be tried again", hint="Look at their outcomes.")
        await members.reset_counts()
        await members.recount()
        return await self._move(campaign, CampaignEvent.RETRY, EventKind.RETRIED, {"devices": count})

    async def end(self, campaign_id: CampaignId) -> Campaign:
        """Nothing more is sent; what is under way is followed to its end, then the campaign has ended for good."""
        campaign = await self._take(campaign_id)
        next_campaign_state(campaign.state, CampaignEvent.END)
        members = MemberRepository(self._unit.connection, campaign_id)
        count = await members.close_pending(self._now)
        await members.recount()
        return await self._move(campaign, CampaignEvent.END, EventKind.ENDING, {"not_sent": count})

    async def change_rules(self, campaign_id: CampaignId, rules: CampaignRules) -> Campaign:
        """Its waves stay as they are. Raises Conflict (`campaign_over`), InvalidInput (the rules' own)."""
        campaign = await self._take(campaign_id)
        if campaign.state not in LIVE:
            raise Conflict("campaign_over", "this campaign is not under way", hint="Look at the campaign again.")
        rules = replace(rules, order=campaign.rules.order, shares=campaign.rules.shares)
        verify_rules(rules)
        await self._campaigns.change(campaign_id, {"rules": dump_rules(rules), "changed_at": self._now})
        await self._note(campaign, EventKind.CHANGED, {})
        return await self._campaigns.get(campaign_id)

    async def _take(self, campaign_id: CampaignId) -> Campaign:
        self._caller.verify(Permission.ACT)
        return await self._campaigns.get(campaign_id, lock=True)

    async def _move(self, campaign: Campaign, event: CampaignEvent, kind: EventKind, facts: dict[str, Any]) -> Campaign:
        state = next_campaign_state(campaign.state, event)
        values = {
            "state": state.value,
            "changed_at": self._now,
            "over_at": None,
            "stop": None,
            "waiting": Waiting.NOTHING.value,
            "waits_until": None,
        }
        await self._campaigns.change(campaign.id, values)
        await self._note(campaign, kind, facts)
        return await self._campaigns.get(campaign.id)

    async def _note(self, campaign: Campaign, kind: EventKind, facts: dict[str, Any]) -> None:
        await self._campaigns.add_event(campaign, kind, self._caller.user_id, facts, self._now)
        verb = f"campaign_{kind}"
        said = {"name": campaign.name, **facts}
        await journal.record(self._unit, self._caller, verb, campaign.id, said, campaign.account_id, at=self._now)
        self._unit.notify(account_topic(campaign.account_id))
