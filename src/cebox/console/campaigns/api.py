"""Admin API: campaigns, from the draft to the report."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from cebox.console.campaigns import service
from cebox.console.campaigns.answers import (
    CampaignAnswer,
    CampaignBody,
    CampaignChangeBody,
    CampaignDeviceAnswer,
    CampaignEventAnswer,
    CampaignPreviewAnswer,
    ResumeBody,
    RulesBody,
    StartBody,
    make_campaign_answer,
    make_event_answer,
    make_member_answer,
    make_preview_answer,
)
from cebox.console.campaigns.report import CSV_TYPE, load_report, write_csv
from cebox.console.campaigns.service import CampaignService
from cebox.console.campaigns.steering import Steering
from cebox.console.database.scope import Scope
from cebox.console.gate import ChosenAccount, ChosenPage, ChosenScope, Operator, TheConsole, Viewer
from cebox.console.state import Console
from cebox.console.wire import Listing, make_listing
from cebox.domain.campaign import MemberState
from cebox.domain.ids import CampaignId, SiteId

router = APIRouter(tags=["campaigns"])


@router.get("/campaigns", summary="Campaigns, the newest first")
async def list_campaigns(console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[CampaignAnswer]:
    async with console.database.read() as connection:
        return make_listing(await service.list_campaigns(connection, scope, page), make_campaign_answer)


@router.post("/campaigns", status_code=201, summary="Draft a campaign")
async def draft_campaign(
    caller: Operator, console: TheConsole, account_id: ChosenAccount, body: CampaignBody
) -> CampaignAnswer:
    async with console.database.write() as unit:
        campaigns = CampaignService(unit, caller, console.clock)
        campaign = await campaigns.create_draft(account_id, body.name, body.selection.make(), body.rules.make())
    return await _show(console, campaign.id)


@router.post("/campaigns/preview", summary="Who would go when in a campaign, and what stands in the way")
async def preview_campaign(
    caller: Viewer, console: TheConsole, account_id: ChosenAccount, body: CampaignBody
) -> CampaignPreviewAnswer:
    caller.account_of(account_id)
    async with console.database.read() as connection:
        plan = await service.preview_campaign(
            connection, account_id, body.selection.make(), body.rules.make(), console.clock()
        )
    return make_preview_answer(plan)


@router.get("/campaigns/{campaign_id}", summary="One campaign and how far it is")
async def show_campaign(caller: Viewer, console: TheConsole, campaign_id: str) -> CampaignAnswer:
    async with console.database.read() as connection:
        view = await service.get_campaign(connection, caller.scope, CampaignId(campaign_id))
    return make_campaign_answer(view)


@router.patch("/campaigns/{campaign_id}", summary="Change the draft of a campaign")
async def change_campaign(
    caller: Operator, console: TheConsole, campaign_id: str, body: CampaignChangeBody
) -> CampaignAnswer:
    async with console.database.write() as unit:
        campaign = await CampaignService(unit, caller, console.clock).change_draft(
            CampaignId(campaign_id),
            name=body.name,
            selection=body.selection.make() if body.selection else None,
            rules=body.rules.make() if body.rules else None,
        )
    return await _show(console, campaign.id)


@router.delete("/campaigns/{campaign_id}", status_code=204, summary="Remove the draft of a campaign")
async def remove_campaign(caller: Operator, console: TheConsole, campaign_id: str) -> None:
    async with console.database.write() as unit:
        await CampaignService(unit, caller, console.clock).remove_draft(CampaignId(campaign_id))


@router.post("/campaigns/{campaign_id}/start", summary="Start a campaign")
async def start_campaign(caller: Operator, console: TheConsole, campaign_id: str, body: StartBody) -> CampaignAnswer:
    campaign = await service.start_campaign(
        console.database, caller, console.clock, CampaignId(campaign_id), expected_count=body.expected_count
    )
    return await _show(console, campaign.id)


@router.post("/campaigns/{campaign_id}/pause", summary="Send nothing more for now")
async def pause_campaign(caller: Operator, console: TheConsole, campaign_id: str) -> CampaignAnswer:
    async with console.database.write() as unit:
        campaign = await Steering(unit, caller, console.clock).pause(CampaignId(campaign_id))
    return await _show(console, campaign.id)


@router.post("/campaigns/{campaign_id}/resume", summary="Go on after a pause or a stop")
async def resume_campaign(caller: Operator, console: TheConsole, campaign_id: str, body: ResumeBody) -> CampaignAnswer:
    site_id = SiteId(body.without_site) if body.without_site else None
    async with console.database.write() as unit:
        campaign = await Steering(unit, caller, console.clock).resume(CampaignId(campaign_id), without_site=site_id)
    return await _show(console, campaign.id)


@router.post("/campaigns/{campaign_id}/retry", summary="Try those again that failed, kept silent or were skipped")
async def retry_campaign(caller: Operator, console: TheConsole, campaign_id: str) -> CampaignAnswer:
    async with console.database.write() as unit:
        campaign = await Steering(unit, caller, console.clock).retry(CampaignId(campaign_id))
    return await _show(console, campaign.id)


@router.post("/campaigns/{campaign_id}/end", summary="End a campaign: nothing more is sent")
async def end_campaign(caller: Operator, console: TheConsole, campaign_id: str) -> CampaignAnswer:
    async with console.database.write() as unit:
        campaign = await Steering(unit, caller, console.clock).end(CampaignId(campaign_id))
    return await _show(console, campaign.id)


@router.put("/campaigns/{campaign_id}/rules", summary="Change window, limits and stop of a campaign under way")
async def change_campaign_rules(
    caller: Operator, console: TheConsole, campaign_id: str, body: RulesBody
) -> CampaignAnswer:
    async with console.database.write() as unit:
        campaign = await Steering(unit, caller, console.clock).change_rules(CampaignId(campaign_id), body.make())
    return await _show(console, campaign.id)


@router.get("/campaigns/{campaign_id}/devices", summary="The devices of a campaign, in the order of their turn")
async def list_campaign_devices(
    caller: Viewer,
    console: TheConsole,
    campaign_id: str,
    page: ChosenPage,
    state: MemberState | None = None,
    wave: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Listing[CampaignDeviceAnswer]:
    states = (state,) if state else ()
    async with console.database.read() as connection:
        listed = await service.list_members(
            connection, caller.scope, CampaignId(campaign_id), page, states=states, wave=wave
        )
    return make_listing(listed, make_member_answer)


@router.get("/campaigns/{campaign_id}/events", summary="What happened to a campaign")
async def list_campaign_events(
    caller: Viewer, console: TheConsole, campaign_id: str, page: ChosenPage
) -> Listing[CampaignEventAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_events(connection, caller.scope, CampaignId(campaign_id), page)
    return make_listing(listed, make_event_answer)


@router.get(
    "/campaigns/{campaign_id}/report",
    summary="The outcome of every device of a campaign, as CSV",
    response_class=Response,
    responses={200: {"content": {CSV_TYPE: {"schema": {"type": "string"}}}}},
)
async def report_campaign(caller: Viewer, console: TheConsole, campaign_id: str) -> Response:
    async with console.database.read() as connection:
        report = await load_report(connection, caller.scope, CampaignId(campaign_id))
    return Response(write_csv(report), media_type=CSV_TYPE)


async def _show(console: Console, campaign_id: CampaignId) -> CampaignAnswer:
    """As it is now; whose it is was checked by whoever changed it."""
    async with console.database.read() as connection:
        return make_campaign_answer(await service.get_campaign(connection, Scope.everything(), campaign_id))
