"""SQL of campaigns, their waves and events. Their devices are `member_repository`'s."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.campaigns.records import (
    Campaign,
    CampaignEventRecord,
    EventKind,
    PlannedWave,
    campaign_unknown,
)
from cebox.console.campaigns.stored import dump_rules, dump_selection, load_rules, load_selection, load_stop, load_tally
from cebox.console.campaigns.tables import campaign_events, campaign_waves, campaigns
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.identity.tables import users
from cebox.domain.campaign import LIVE, CampaignState
from cebox.domain.campaign_step import Waiting
from cebox.domain.campaign_waves import Wave, WaveKind, format_shares
from cebox.domain.ids import AccountId, CampaignId, SiteId
from cebox.domain.version import Version


class CampaignRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, campaign: Campaign) -> None:
        await self._connection.execute(
            insert(campaigns).values(
                id=campaign.id,
                account_id=campaign.account_id,
                name=campaign.name,
                state=campaign.state.value,
                selection=dump_selection(campaign.selection),
                rules=dump_rules(campaign.rules),
                created_by=campaign.created_by,
                created_at=campaign.created_at,
                changed_at=campaign.changed_at,
            )
        )

    async def find(self, campaign_id: CampaignId, *, lock: bool = False) -> Campaign | None:
        """With `lock`, nobody else changes or drives it before the unit ends."""
        if "\0" in campaign_id:
            return None
        statement = self._select().where(campaigns.c.id == campaign_id)
        if lock:
            statement = statement.with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_campaign(row) if row else None

    async def get(self, campaign_id: CampaignId, *, lock: bool = False) -> Campaign:
        """Raises NotFound (`campaign_unknown`)."""
        campaign = await self.find(campaign_id, lock=lock)
        if campaign is None:
            raise campaign_unknown(campaign_id)
        return campaign

    async def list_campaigns(self, page: Page) -> Listed[Campaign]:
        """The newest first. Raises InvalidInput (`cursor_malformed`)."""
        keys = [campaigns.c.created_at, campaigns.c.id]
        return await list_page(self._connection, self._select(), keys, page, _make_campaign, is_descending=True)

    async def list_live_ids(self) -> tuple[CampaignId, ...]:
        """Those whose devices are looked after, the longest unchanged first."""
        states = sorted(state.value for state in LIVE)
        statement = (
            select(campaigns.c.id)
            .where(campaigns.c.state.in_(states), self._scope.filter(campaigns.c.account_id))
            .order_by(campaigns.c.changed_at, campaigns.c.id)
        )
        return tuple(CampaignId(one) for one in (await self._connection.execute(statement)).scalars())

    async def count_live(self) -> dict[CampaignState, int]:
        states = sorted(state.value for state in LIVE)
        statement = (
            select(campaigns.c.state, func.count().label("many"))
            .where(campaigns.c.state.in_(states), self._scope.filter(campaigns.c.account_id))
            .group_by(campaigns.c.state)
        )
        return {CampaignState(row.state): row.many for row in await self._connection.execute(statement)}

    async def change(self, campaign_id: CampaignId, values: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(campaigns)
            .where(campaigns.c.id == campaign_id, self._scope.filter(campaigns.c.account_id))
            .values(**values)
        )

    async def remove(self, campaign_id: CampaignId) -> None:
        await self._connection.execute(
            delete(campaigns).where(campaigns.c.id == campaign_id, self._scope.filter(campaigns.c.account_id))
        )

    async def add_waves(self, campaign_id: CampaignId, waves: Sequence[Wave]) -> None:
        rows = [
            {
                "campaign_id": campaign_id,
                "number": wave.number,
                "kind": wave.kind.value,
                "site_id": wave.site_id,
                "share": format_shares([wave.share]) if wave.share else "",
                "size": len(wave.device_ids),
            }
            for wave in waves
        ]
        if rows:
            await self._connection.execute(insert(campaign_waves), rows)

    async def list_waves(self, campaign_ids: Iterable[CampaignId]) -> dict[CampaignId, list[PlannedWave]]:
        """In their order."""
        ids = list(campaign_ids)
        statement = (
            select(campaign_waves)
            .where(campaign_waves.c.campaign_id.in_(ids))
            .order_by(campaign_waves.c.campaign_id, campaign_waves.c.number)
        )
        found: dict[CampaignId, list[PlannedWave]] = {one: [] for one in ids}
        for row in await self._connection.execute(statement):
            found[CampaignId(row.campaign_id)].append(_make_wave(row))
        return found

    async def note_wave(self, campaign_id: CampaignId, number: int, values: Mapping[str, datetime | None]) -> None:
        await self._connection.execute(
            update(campaign_waves)
            .where(campaign_waves.c.campaign_id == campaign_id, campaign_waves.c.number == number)
            .values(**values)
        )

    async def add_event(
        self, campaign: Campaign, kind: EventKind, by: str, facts: Mapping[str, Any], at: datetime
    ) -> None:
        await self._connection.execute(
            insert(campaign_events).values(
                campaign_id=campaign.id,
                account_id=campaign.account_id,
                at=at,
                kind=kind.value,
                by=by,
                facts=dict(facts),
            )
        )

    async def list_events(self, campaign_id: CampaignId, page: Page) -> Listed[CampaignEventRecord]:
        """The newest first."""
        statement = (
            select(campaign_events, users.c.name.label("person"))
            .outerjoin(users, users.c.id == campaign_events.c.by)
            .where(campaign_events.c.campaign_id == campaign_id, self._scope.filter(campaign_events.c.account_id))
        )
        return await list_page(
            self._connection, statement, [campaign_events.c.id], page, _make_event, is_descending=True
        )

    async def find_names(self, user_ids: Iterable[str]) -> dict[str, str]:
        statement = select(users.c.id, users.c.name).where(users.c.id.in_(set(user_ids)))
        return {row.id: row.name for row in await self._connection.execute(statement)}

    def _select(self) -> Select[Any]:
        return select(campaigns).where(self._scope.filter(campaigns.c.account_id))


def _make_campaign(row: Row[Any]) -> Campaign:
    return Campaign(
        id=CampaignId(row.id),
        account_id=AccountId(row.account_id),
        name=row.name,
        state=CampaignState(row.state),
        version=Version.parse(row.version) if row.version else None,
        selection=load_selection(row.selection),
        rules=load_rules(row.rules),
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        changed_at=row.changed_at,
        over_at=row.over_at,
        stop=load_stop(row.stop),
        waiting=Waiting(row.waiting),
        waits_until=row.waits_until,
    )


def _make_wave(row: Row[Any]) -> PlannedWave:
    return PlannedWave(
        number=row.number,
        kind=WaveKind(row.kind),
        site_id=SiteId(row.site_id) if row.site_id else None,
        share=row.share,
        size=row.size,
        begun_at=row.begun_at,
        over_at=row.over_at,
        tally=load_tally(row.tally),
    )


def _make_event(row: Row[Any]) -> CampaignEventRecord:
    return CampaignEventRecord(row.id, row.at, EventKind(row.kind), row.person or "", row.facts)
