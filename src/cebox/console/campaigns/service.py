"""Campaigns for people: looking at them, drafting, starting. Steering a started one is `steering`'s, moving it on
`driving`'s.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.campaigns.member_repository import MemberRepository, add_tallies, in_another_campaign
from cebox.console.campaigns.planning import Plan, find_selected, foresee
from cebox.console.campaigns.records import (
    Campaign,
    CampaignEventRecord,
    CampaignMember,
    CampaignView,
    EventKind,
    Selection,
    WaveView,
)
from cebox.console.campaigns.repository import CampaignRepository
from cebox.console.campaigns.stored import dump_rules, dump_selection
from cebox.console.database.engine import Database, Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic
from cebox.console.releases.service import load_catalogue
from cebox.console.texts import clean_line
from cebox.domain.campaign import CampaignEvent, CampaignState, MemberState, next_campaign_state
from cebox.domain.campaign_member import Turn
from cebox.domain.campaign_rules import CampaignRules, verify_rules
from cebox.domain.ids import AccountId, CampaignId
from cebox.domain.role import Permission
from cebox.errors import Conflict
from cebox.kit.clock import Clock

_STATE_AT_START = {
    Turn.SEND: MemberState.PENDING,
    Turn.WAIT: MemberState.PENDING,
    Turn.ALREADY_STAGED: MemberState.PENDING,
    Turn.ALREADY_DONE: MemberState.DONE,
    Turn.SKIP: MemberState.SKIPPED,
}
ALREADY_THERE = "already_there"


async def list_campaigns(connection: AsyncConnection, scope: Scope, page: Page) -> Listed[CampaignView]:
    """The newest first. Raises InvalidInput (`cursor_malformed`)."""
    listed = await CampaignRepository(connection, scope).list_campaigns(page)
    return Listed(await _describe(connection, scope, listed.items), listed.next, listed.previous)


async def get_campaign(connection: AsyncConnection, scope: Scope, campaign_id: CampaignId) -> CampaignView:
    """Raises NotFound (`campaign_unknown`)."""
    campaign = await CampaignRepository(connection, scope).get(campaign_id)
    (view,) = await _describe(connection, scope, (campaign,))
    return view


async def list_members(
    connection: AsyncConnection,
    scope: Scope,
    campaign_id: CampaignId,
    page: Page,
    *,
    states: Sequence[MemberState] = (),
    wave: int | None = None,
) -> Listed[CampaignMember]:
    """In the order of their turn. Raises NotFound (`campaign_unknown`), InvalidInput (`cursor_malformed`)."""
    await CampaignRepository(connection, scope).get(campaign_id)
    return await MemberRepository(connection, campaign_id).list_members(page, states, wave)


async def list_latest_anomalies(
    connection: AsyncConnection, scope: Scope, campaign_id: CampaignId, limit: int
) -> tuple[CampaignMember, ...]:
    """Raises NotFound (`campaign_unknown`)."""
    await CampaignRepository(connection, scope).get(campaign_id)
    return await MemberRepository(connection, campaign_id).list_latest_anomalies(limit)


async def list_events(
    connection: AsyncConnection, scope: Scope, campaign_id: CampaignId, page: Page
) -> Listed[CampaignEventRecord]:
    """The newest first. Raises NotFound (`campaign_unknown`)."""
    repository = CampaignRepository(connection, scope)
    await repository.get(campaign_id)
    return await repository.list_events(campaign_id, page)


async def count_live(connection: AsyncConnection, scope: Scope) -> dict[CampaignState, int]:
    """How many campaigns are running, paused, stopped or ending."""
    return await CampaignRepository(connection, scope).count_live()


async def count_selected(connection: AsyncConnection, scope: Scope, selection: Selection, now: datetime) -> int:
    """Without the WRS that come along. Raises InvalidInput (`campaign_too_large`)."""
    return len(await find_selected(connection, scope, selection, now))


async def preview_campaign(
    connection: AsyncConnection, account_id: AccountId, selection: Selection, rules: CampaignRules, now: datetime
) -> Plan:
    """Who would go when, and what stands in the way.

    Raises NotFound (`account_unknown`), InvalidInput (`campaign_empty`, `campaign_too_large`, and the rules' own).
    """
    verify_rules(rules)
    scope = Scope.account(account_id)
    version = (await AccountRepository(connection, scope).get(account_id)).version
    return await foresee(connection, scope, selection, rules, version, now)


async def start_campaign(
    database: Database, caller: Caller, clock: Clock, campaign_id: CampaignId, *, expected_count: int | None = None
) -> Campaign:
    """Foresees it without holding the database up, however large it is; then starts what was foreseen.

    Raises what `preview_campaign` and `CampaignService.start` raise.
    """
    caller.verify(Permission.ACT)
    async with database.read() as connection:
        draft = await CampaignRepository(connection, caller.scope).get(campaign_id)
        verify_draft(draft)
        plan = await preview_campaign(connection, draft.account_id, draft.selection, draft.rules, clock())
    async with database.write() as unit:
        return await CampaignService(unit, caller, clock).start(draft, plan, expected_count=expected_count)


def verify_draft(campaign: Campaign) -> None:
    """Raises Conflict (`campaign_begun`)."""
    if campaign.state is not CampaignState.DRAFT:
        raise Conflict("campaign_begun", "this campaign has begun", hint="Pause, resume or end it instead.")


class CampaignService:
    """Every call raises NotPermitted (`role_may_not`) for who may not act."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._now = clock()
        self._campaigns = CampaignRepository(unit.connection, caller.scope)

    async def create_draft(
        self, account_id: AccountId, name: str, selection: Selection, rules: CampaignRules
    ) -> Campaign:
        """Nothing is sent before it starts.

        Raises NotFound (`account_unknown`), InvalidInput (`campaign_name_malformed`, and the rules' own).
        """
        self._caller.verify(Permission.ACT)
        account_id = self._caller.account_of(account_id)
        await AccountRepository(self._unit.connection, self._caller.scope).get(account_id)
        verify_rules(rules)
        campaign = Campaign(
            id=CampaignId(f"cam_{secrets.token_hex(8)}"),
            account_id=account_id,
            name=clean_line(name, "campaign_name"),
            state=CampaignState.DRAFT,
            version=None,
            selection=selection,
            rules=rules,
            created_by=self._caller.user_id,
            created_at=self._now,
            started_at=None,
            changed_at=self._now,
            over_at=None,
            stop=None,
        )
        await self._campaigns.add(campaign)
        await self._record("campaign_drafted", campaign, {"name": campaign.name})
        return campaign

    async def change_draft(
        self,
        campaign_id: CampaignId,
        *,
        name: str | None = None,
        selection: Selection | None = None,
        rules: CampaignRules | None = None,
    ) -> Campaign:
        """None leaves as it is. Raises NotFound (`campaign_unknown`), Conflict (`campaign_begun`), and as
        `create_draft`.
        """
        campaign = await self._get_draft(campaign_id)
        changed = replace(
            campaign,
            name=campaign.name if name is None else clean_line(name, "campaign_name"),
            selection=selection or campaign.selection,
            rules=rules or campaign.rules,
            changed_at=self._now,
        )
        verify_rules(changed.rules)
        await self._campaigns.change(
            campaign_id,
            {
                "name": changed.name,
                "selection": dump_selection(changed.selection),
                "rules": dump_rules(changed.rules),
                "changed_at": self._now,
            },
        )
        self._unit.notify(account_topic(campaign.account_id))
        return changed

    async def remove_draft(self, campaign_id: CampaignId) -> None:
        """Raises NotFound (`campaign_unknown`), Conflict (`campaign_begun`)."""
        campaign = await self._get_draft(campaign_id)
        await self._campaigns.remove(campaign_id)
        await self._record("campaign_draft_removed", campaign, {"name": campaign.name})

    async def start(self, draft: Campaign, plan: Plan, *, expected_count: int | None = None) -> Campaign:
        """Its devices are fixed from here on; `expected_count` is how many its starter was shown.

        Raises NotFound (`campaign_unknown`), Conflict (`campaign_begun`, `devices_in_another_campaign`,
        `forecast_changed`, `nothing_to_send`, `release_withdrawn`).
        """
        campaign = await self._get_draft(draft.id)
        if (campaign.selection, campaign.rules) != (draft.selection, draft.rules):
            raise _changed(len(plan.devices), expected_count)
        await self._verify_plan(plan, expected_count)
        await self._campaigns.add_waves(campaign.id, plan.waves)
        members = MemberRepository(self._unit.connection, campaign.id)
        await members.add_many(_make_rows(campaign, plan, self._now))
        await members.recount()
        state = next_campaign_state(campaign.state, CampaignEvent.START)
        values: dict[str, Any] = {
            "state": state.value,
            "version": str(plan.version),
            "started_at": self._now,
            "changed_at": self._now,
        }
        await self._campaigns.change(campaign.id, values)
        facts = {"name": campaign.name, "devices": len(plan.devices), "version": str(plan.version)}
        await self._campaigns.add_event(campaign, EventKind.STARTED, self._caller.user_id, facts, self._now)
        await self._record("campaign_started", campaign, facts)
        return await self._campaigns.get(campaign.id)

    async def _verify_plan(self, plan: Plan, expected_count: int | None) -> None:
        release = (await load_catalogue(self._unit.connection)).get(plan.version)
        if release is not None and release.is_withdrawn:
            raise Conflict(
                "release_withdrawn",
                f"{plan.version} was withdrawn",
                hint="The vendor moves the account to another version.",
            )
        if plan.elsewhere:
            raise in_another_campaign()
        if expected_count is not None and expected_count != len(plan.devices):
            raise _changed(len(plan.devices), expected_count)
        if not plan.sent_count:
            raise Conflict(
                "nothing_to_send",
                "none of these devices has anything to receive",
                hint="Look at the preview: it says why, device by device.",
            )

    async def _get_draft(self, campaign_id: CampaignId) -> Campaign:
        self._caller.verify(Permission.ACT)
        campaign = await self._campaigns.get(campaign_id, lock=True)
        verify_draft(campaign)
        return campaign

    async def _record(self, verb: str, campaign: Campaign, facts: dict[str, Any]) -> None:
        await journal.record(self._unit, self._caller, verb, campaign.id, facts, campaign.account_id, at=self._now)
        self._unit.notify(account_topic(campaign.account_id))


def _changed(count: int, expected_count: int | None) -> Conflict:
    return Conflict(
        "forecast_changed",
        f"the campaign would now be for {count} devices, not {expected_count}",
        hint="Look at the preview again before starting.",
    )


def _make_rows(campaign: Campaign, plan: Plan, now: datetime) -> list[dict[str, Any]]:
    rows = []
    for wave in plan.waves:
        for position, device_id in enumerate(wave.device_ids):
            one = plan.devices[device_id]
            state = _STATE_AT_START[one.verdict.turn]
            is_over = state is not MemberState.PENDING
            code = ALREADY_THERE if state is MemberState.DONE else one.verdict.code
            rows.append(
                {
                    "device_id": one.id,
                    "account_id": campaign.account_id,
                    "name": one.name,
                    "kind": one.kind.value,
                    "site_id": one.site_id,
                    "wave": wave.number,
                    "position": position,
                    "state": state.value,
                    "code": code,
                    "from_version": str(one.running) if one.running else None,
                    "is_live": True,
                    "changed_at": now,
                    "over_at": now if is_over else None,
                }
            )
    return rows


async def _describe(
    connection: AsyncConnection, scope: Scope, campaigns: Sequence[Campaign]
) -> tuple[CampaignView, ...]:
    ids = [one.id for one in campaigns]
    repository = CampaignRepository(connection, scope)
    waves = await repository.list_waves(ids)
    people = await repository.find_names(one.created_by for one in campaigns)
    site_ids = {wave.site_id for many in waves.values() for wave in many if wave.site_id}
    site_names = await DeviceRepository(connection, scope).find_site_names(site_ids)

    return tuple(
        CampaignView(
            campaign=one,
            tally=add_tallies(wave.tally for wave in waves[one.id]),
            waves=tuple(
                WaveView(wave, site_names.get(wave.site_id) if wave.site_id else None) for wave in waves[one.id]
            ),
            created_by_name=people.get(one.created_by, ""),
        )
        for one in campaigns
    )
