"""Drafting a campaign: a form whose every change shows who would go when; then the start of what was shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from cebox.console.campaigns.form import (
    CHOSEN,
    EVERYBODY_BEHIND,
    USUAL_RULES,
    name_choice,
    read_list_selection,
    read_rules,
    read_selection,
)
from cebox.console.campaigns.planning import Foreseen, Plan
from cebox.console.campaigns.records import CampaignView
from cebox.console.campaigns.service import (
    CampaignService,
    count_selected,
    get_campaign,
    preview_campaign,
    start_campaign,
)
from cebox.console.campaigns.words import code_words, list_day_names, wave_name
from cebox.console.database.paging import Page
from cebox.console.devices.repository import DeviceRepository
from cebox.console.sites.service import list_sites
from cebox.console.web.status import FINDING, MEMBER, Status, Tone
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.campaign import MemberState
from cebox.domain.campaign_member import Turn
from cebox.domain.campaign_waves import format_shares
from cebox.domain.device import DeviceKind
from cebox.domain.ids import CampaignId, SiteId
from cebox.domain.preflight import Finding
from cebox.domain.role import Permission

_MOST_SITES = 500
_SENT = Status("send", Tone.RUN, _("Will be sent in its turn"))


@dataclass(slots=True)
class Outcome:
    """One line of the preview: what happens to these devices, and why."""

    status: Status
    words: str
    devices: list[Foreseen] = field(default_factory=list)


@page(Permission.ACT)
async def create_draft(visit: Visit) -> Response:
    """From the list's selection, or, from the list of campaigns, for all that are behind."""
    has_selection = "where" in visit.form or "device" in visit.form
    selection = read_list_selection(visit) if has_selection else EVERYBODY_BEHIND
    version = visit.account.version if visit.account else ""
    async with visit.console.database.write() as unit:
        campaign = await CampaignService(unit, visit.caller, visit.console.clock).create_draft(
            visit.account_id, visit.say(_("Production %(version)s"), version=version), selection, USUAL_RULES
        )
    return go_to(visit, campaign.id)


async def show_draft(visit: Visit, view: CampaignView) -> Response:
    campaign = view.campaign
    async with visit.console.database.read() as connection:
        sites = (await list_sites(connection, visit.scope, Page(_MOST_SITES))).items
        chosen = name_choice(campaign.selection)
        count = 0
        if chosen == CHOSEN:
            count = await count_selected(connection, visit.scope, campaign.selection, visit.formats.now)
    return visit.show(
        "campaigns/draft.html",
        view=view,
        campaign=campaign,
        sites=sites,
        chosen=chosen,
        chosen_count=count,
        is_kept=chosen == CHOSEN,
        shares=format_shares(campaign.rules.shares),
        days=list_day_names(visit.formats),
        reader_zone=visit.formats.zone.key,
        zones=sorted(available_timezones()),
    )


@page(Permission.ACT)
async def preview(visit: Visit) -> Response:
    """Every change of the form is kept, so that a reload loses nothing."""
    campaign_id = CampaignId(visit.request.path_params["campaign_id"])
    await _keep(visit, campaign_id)
    async with visit.console.database.read() as connection:
        return await _show_plan(connection, visit, campaign_id)


@page(Permission.ACT)
async def start(visit: Visit) -> Response:
    campaign_id = CampaignId(visit.request.path_params["campaign_id"])
    await _keep(visit, campaign_id)
    expected = visit.field("expected")
    count = int(expected) if expected.isascii() and expected.isdecimal() and len(expected) < 7 else -1
    console = visit.console
    await start_campaign(console.database, visit.caller, console.clock, campaign_id, expected_count=count)
    return go_to(visit, campaign_id)


@page(Permission.ACT)
async def remove(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        campaigns = CampaignService(unit, visit.caller, visit.console.clock)
        await campaigns.remove_draft(CampaignId(visit.request.path_params["campaign_id"]))
    return redirect(visit, "/campaigns")


def go_to(visit: Visit, campaign_id: CampaignId) -> Response:
    return redirect(visit, f"/campaigns/{campaign_id}")


def redirect(visit: Visit, address: str) -> Response:
    if not visit.is_fragment:
        return RedirectResponse(address, status_code=303)
    return Response(status_code=204, headers={"HX-Redirect": address, "Cache-Control": "no-store"})


async def _keep(visit: Visit, campaign_id: CampaignId) -> None:
    async with visit.console.database.write() as unit:
        before = await get_campaign(unit.connection, visit.caller.scope, campaign_id)
        await CampaignService(unit, visit.caller, visit.console.clock).change_draft(
            campaign_id,
            name=visit.field("name"),
            selection=read_selection(visit),
            rules=read_rules(visit, before.campaign.rules),
        )


async def _show_plan(connection: AsyncConnection, visit: Visit, campaign_id: CampaignId) -> Response:
    campaign = (await get_campaign(connection, visit.caller.scope, campaign_id)).campaign
    now, rules = visit.formats.now, campaign.rules
    plan = await preview_campaign(connection, campaign.account_id, campaign.selection, rules, now)
    site_ids = {wave.site_id for wave in plan.waves if wave.site_id}
    names = await DeviceRepository(connection, visit.caller.scope).find_site_names(site_ids)
    opens_at = rules.window.opens_at(now) if rules.window else now
    return visit.show(
        "campaigns/preview.html",
        campaign=campaign,
        plan=plan,
        waves=_list_waves(visit, plan, names),
        outcomes=sum_up(visit, plan.devices.values()),
        boxes=plan.count_kind(DeviceKind.CEBOX),
        servers=plan.count_kind(DeviceKind.WRS),
        opens_at=opens_at if opens_at > now else None,
    )


def _list_waves(visit: Visit, plan: Plan, names: dict[SiteId, str]) -> list[tuple[str, int, int]]:
    """Name, devices, bytes."""
    found = []
    for wave in plan.waves:
        share = format_shares([wave.share]) if wave.share else ""
        site_name = names.get(wave.site_id) if wave.site_id else None
        name = wave_name(visit.formats, wave.kind, wave.number, share, site_name)
        found.append((name, len(wave.device_ids), plan.bytes_of(wave.device_ids)))
    return found


def sum_up(visit: Visit, devices: Iterable[Foreseen]) -> list[Outcome]:
    """What is sent first, then the exceptions, the largest first."""
    found: dict[str, Outcome] = {}
    for one in sorted(devices, key=lambda one: one.name.casefold()):
        status, words = _describe(visit, one)
        found.setdefault(words, Outcome(status, words)).devices.append(one)
    return sorted(found.values(), key=lambda one: (one.status is not _SENT, -len(one.devices)))


def _describe(visit: Visit, one: Foreseen) -> tuple[Status, str]:
    say = visit.say
    match one.verdict.turn:
        case Turn.SEND:
            return _SENT, say(_SENT.message)
        case Turn.ALREADY_STAGED:
            return MEMBER[MemberState.READY], say(_("Ready: they are only restarted"))
        case Turn.ALREADY_DONE:
            return FINDING[Finding.ALREADY_THERE], say(_("Nothing will change: they have this version"))
        case Turn.WAIT if not one.is_on:
            return FINDING[Finding.DEVICE_OFF], say(_("Off: their turn comes when they are on"))
        case Turn.WAIT:
            return FINDING[Finding.DEVICE_BUSY], say(_("Busy: their turn comes when they are free"))
    return MEMBER[MemberState.SKIPPED], code_words(visit.formats, one.verdict.code)
