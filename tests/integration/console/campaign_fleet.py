"""A customer with a small fleet on the account's former version, and a campaign towards the new one, moved by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette

from cebox.console.access import Caller, local_operator
from cebox.console.accounts.records import Account
from cebox.console.campaigns import service
from cebox.console.campaigns.jobs import CampaignDriver
from cebox.console.campaigns.records import CampaignMember, CampaignView, Selection
from cebox.console.campaigns.service import CampaignService, start_campaign
from cebox.console.campaigns.steering import Steering
from cebox.console.database.paging import Page
from cebox.console.state import Console
from cebox.domain.campaign import MemberState
from cebox.domain.campaign_rules import CampaignRules
from cebox.domain.device import DeviceKind
from cebox.domain.ids import CampaignId, SiteId
from cebox.protocol.device import BoxPhase, Order, ReportedEvent
from tests.integration.console.box import ScriptedBox, add_box, took
from tests.integration.console.office import NEW, OLD, add_site, open_account, open_client
from tests.servers.clock import HandClock

EVERYBODY = Selection(where="")


@dataclass
class Fleet:
    console: Console
    app: Starlette
    clock: HandClock
    account: Account
    boxes: dict[str, ScriptedBox] = field(default_factory=dict)
    began_at: datetime | None = None

    async def add(
        self, *names: str, site_id: SiteId | None = None, kind: DeviceKind = DeviceKind.CEBOX, **state: Any
    ) -> None:
        for name in names:
            self.boxes[name] = await add_box(
                self.console, open_client(self.app), self.account, name, kind=kind, site_id=site_id, **state
            )

    async def add_site(self, name: str, boxes: Sequence[str]) -> SiteId:
        """With its WRS, which serves the former version."""
        site = await add_site(self.console, self.account, name)
        wrs = {"running": str(OLD), "served": str(OLD), "server_url": f"http://{name}:8480"}
        await self.add(f"{name}-WRS", site_id=site.id, kind=DeviceKind.WRS, **wrs)
        await self.add(*boxes, site_id=site.id)
        return site.id

    async def draft(
        self, rules: CampaignRules | None = None, selection: Selection = EVERYBODY, caller: Caller | None = None
    ) -> CampaignId:
        async with self.console.database.write() as unit:
            campaigns = CampaignService(unit, caller or local_operator(), self.clock)
            campaign = await campaigns.create_draft(self.account.id, "Production", selection, rules or CampaignRules())
        return campaign.id

    async def start(self, rules: CampaignRules | None = None, selection: Selection = EVERYBODY) -> CampaignId:
        campaign_id = await self.draft(rules, selection)
        await start_campaign(self.console.database, local_operator(), self.clock, campaign_id)
        return campaign_id

    async def steer(self, campaign_id: CampaignId, verb: str, **words: Any) -> None:
        async with self.console.database.write() as unit:
            await getattr(Steering(unit, local_operator(), self.clock), verb)(campaign_id, **words)

    async def tick(self, times: int = 1) -> None:
        """What the job does, with everybody that was ever on still there."""
        driver = CampaignDriver(self.began_at or self.clock())
        for _ in range(times):
            await self.console.heartbeats.flush(self.console.database)
            await driver.drive_campaigns(self.console)

    async def wait(self, step: timedelta, *, silent: Sequence[str] = ()) -> None:
        """Time passes, and everybody else is heard of."""
        self.clock.advance(step)
        for name, box in self.boxes.items():
            if name not in silent and not box.state.get("is_leaving"):
                await self.hear(box)

    async def hear(self, box: ScriptedBox) -> None:
        box.token = ""
        await box.sync()

    async def look(self, campaign_id: CampaignId) -> CampaignView:
        async with self.console.database.read() as connection:
            return await service.get_campaign(connection, local_operator().scope, campaign_id)

    async def members(self, campaign_id: CampaignId) -> dict[str, CampaignMember]:
        async with self.console.database.read() as connection:
            listed = await service.list_members(connection, local_operator().scope, campaign_id, Page(500))
        return {one.name: one for one in listed.items}

    async def states(self, campaign_id: CampaignId) -> dict[str, MemberState]:
        return {name: one.state for name, one in (await self.members(campaign_id)).items()}

    async def order_of(self, name: str, kind: str) -> Order | None:
        """Delivers what waits; the newest order of that kind that the box has."""
        box = self.boxes[name]
        await self.hear(box)
        await self.hear(box)
        return next((one for one in reversed(box.orders.values()) if one.kind == kind), None)

    async def install(self, name: str) -> None:
        box, order = self.boxes[name], await self.order_of(name, "update")
        assert order is not None, f"{name} was told nothing"
        box.note(ReportedEvent.STAGE, order.id, taken=took(NEW))
        await box.sync(staged=str(NEW), phase=BoxPhase.STAGED)

    async def restart(self, name: str, *, is_bad: bool = False) -> None:
        """Into the new version, which proves itself or does not."""
        box, order = self.boxes[name], await self.order_of(name, "reboot")
        assert order is not None, f"{name} was not told to restart"
        update = next(one for one in reversed(box.orders.values()) if one.kind == "update")
        box.note(ReportedEvent.FINISH, order.id)
        if is_bad:
            box.note(ReportedEvent.ROLL_BACK, update.id)
            box.restart(staged=None, phase=BoxPhase.IDLE, failed_versions=(str(NEW),))
        else:
            box.note(ReportedEvent.FINISH, update.id)
            served = {"served": str(NEW)} if box.kind is DeviceKind.WRS else {}
            box.restart(running=str(NEW), previous=str(OLD), staged=None, phase=BoxPhase.IDLE, **served)
        await self.hear(box)

    async def update(self, name: str, *, is_bad: bool = False) -> None:
        """From the order to the proof, the campaign driven in between."""
        await self.install(name)
        await self.tick(2)
        await self.restart(name, is_bad=is_bad)
        await self.tick()


async def open_fleet(console: Console, app: Starlette, clock: HandClock, *names: str) -> Fleet:
    """An account that was just moved to the new version; its devices run the former one."""
    fleet = Fleet(console, app, clock, await open_account(console, "Atelier Nord", NEW))
    await fleet.add(*names)
    return fleet
