"""Campaigns: the list, one of them live, its devices, its report."""

from functools import partial
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.campaigns import draft_pages, steer_pages
from cebox.console.campaigns.common import list_common
from cebox.console.campaigns.records import CampaignView
from cebox.console.campaigns.report import CSV_TYPE, load_report, write_csv
from cebox.console.campaigns.service import (
    get_campaign,
    list_campaigns,
    list_events,
    list_latest_anomalies,
    list_members,
)
from cebox.console.campaigns.words import (
    EVENT_LOOKS,
    code_words,
    event_words,
    find_wave_state,
    name_wave,
    report_words,
    stop_words,
    waiting_words,
    window_words,
    zone_words,
)
from cebox.console.database.paging import Page
from cebox.console.devices.repository import DeviceRepository
from cebox.console.web.security import PAGE_HEADERS
from cebox.console.web.visit import Visit, page
from cebox.domain.campaign import LIVE, RETRIABLE, CampaignEvent, CampaignState, MemberState, is_allowed
from cebox.domain.ids import CampaignId

_PIECE = 100
_MOST_EXCEPTIONS = 50
_MOST_EVENTS = 12


@page()
async def show_campaigns(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        listed = await list_campaigns(connection, visit.scope, visit.piece(50))
    template = "campaigns/list-part.html" if visit.is_fragment else "campaigns/list.html"
    waits = {one.campaign.id: waiting_words(visit.formats, one.campaign) for one in listed.items}
    return visit.show(template, listed=listed, waits=waits)


@page()
async def show_campaign(visit: Visit) -> Response:
    """A draft is a form for who may act, and its settings for who may not."""
    async with visit.console.database.read() as connection:
        view = await get_campaign(connection, visit.caller.scope, _campaign_id(visit))
    if view.campaign.state is CampaignState.DRAFT and not visit.is_fragment:
        return await draft_pages.show_draft(visit, view)
    return await _show_live(visit, view)


async def _show_live(visit: Visit, view: CampaignView) -> Response:
    campaign, scope, formats = view.campaign, visit.caller.scope, visit.formats
    async with visit.console.database.read() as connection:
        exceptions = await list_latest_anomalies(connection, scope, campaign.id, _MOST_EXCEPTIONS)
        events = await list_events(connection, scope, campaign.id, Page(_MOST_EVENTS))
        devices = DeviceRepository(connection, scope)
        records = await devices.find_many(one.device_id for one in exceptions)
        common = await list_common(connection, scope, campaign) if campaign.stop else ()
        site_ids = {one.site_id for one in exceptions if one.site_id}
        site_names = await devices.find_site_names(site_ids)
    template = "campaigns/campaign-part.html" if visit.is_fragment else "campaigns/campaign.html"
    return visit.show(
        template,
        view=view,
        campaign=campaign,
        tally=view.tally,
        waves=[(one, name_wave(formats, one), find_wave_state(campaign, one)) for one in view.waves],
        exceptions=exceptions,
        records=records,
        site_names=site_names,
        events_of=[(one, event_words(formats, one), EVENT_LOOKS[one.kind]) for one in events.items],
        common=common,
        waiting=waiting_words(formats, campaign),
        stopped=stop_words(formats, view, campaign.stop) if campaign.stop else "",
        window=window_words(formats, campaign.rules.window),
        zone=zone_words(campaign.rules.window),
        code_words=partial(code_words, formats),
        is_live=campaign.state in LIVE,
        retriable=sum(view.tally.of(state) for state in RETRIABLE),
        allowed={event.value for event in CampaignEvent if is_allowed(campaign.state, event)},
    )


@page()
async def show_devices(visit: Visit) -> Response:
    state, wave = visit.asked("state"), visit.asked("wave")
    states = (MemberState(state),) if state in set(MemberState) else ()
    number = int(wave) if wave.isascii() and wave.isdecimal() and len(wave) < 6 else None
    async with visit.console.database.read() as connection:
        view = await get_campaign(connection, visit.caller.scope, _campaign_id(visit))
        listed = await list_members(
            connection, visit.caller.scope, view.campaign.id, visit.piece(_PIECE), states=states, wave=number
        )
        site_ids = {one.site_id for one in listed.items if one.site_id}
        site_names = await DeviceRepository(connection, visit.caller.scope).find_site_names(site_ids)
    return visit.show(
        "campaigns/devices.html",
        view=view,
        campaign=view.campaign,
        listed=listed,
        site_names=site_names,
        chosen=state if states else "",
        waves=[(one.wave.number, name_wave(visit.formats, one)) for one in view.waves],
        wave=number,
        code_words=partial(code_words, visit.formats),
    )


@page()
async def show_report(visit: Visit) -> Response:
    """For paper: every device with its outcome."""
    async with visit.console.database.read() as connection:
        report = await load_report(connection, visit.caller.scope, _campaign_id(visit))
    return visit.show(
        "campaigns/report.html",
        report=report,
        view=report.view,
        campaign=report.view.campaign,
        waves=[(one, name_wave(visit.formats, one)) for one in report.view.waves],
        window=window_words(visit.formats, report.view.campaign.rules.window),
        code_words=partial(code_words, visit.formats),
    )


@page()
async def download_report(visit: Visit) -> Response:
    """With a mark that tells spreadsheets how the letters are written."""
    async with visit.console.database.read() as connection:
        report = await load_report(connection, visit.caller.scope, _campaign_id(visit))
    formats = visit.formats
    text = write_csv(
        report,
        say=partial(report_words, formats),
        format_time=lambda moment: f"{moment.astimezone(formats.zone):%Y-%m-%d %H:%M:%S}",
        # What spreadsheets expect where the comma is the decimal one.
        delimiter=";" if formats.language == "fr" else ",",
    )
    name = quote(f"{report.view.campaign.name}.csv", safe="")
    headers = {**PAGE_HEADERS, "Content-Disposition": f"attachment; filename=\"campaign.csv\"; filename*=UTF-8''{name}"}
    return Response("\ufeff" + text, media_type=CSV_TYPE, headers=headers)


def build_routes() -> list[BaseRoute]:
    one = "/campaigns/{campaign_id}"
    return [
        Route("/campaigns", show_campaigns, methods=["GET"]),
        Route("/campaigns/new", draft_pages.create_draft, methods=["POST"]),
        Route(one, show_campaign, methods=["GET"]),
        Route(f"{one}/preview", draft_pages.preview, methods=["POST"]),
        Route(f"{one}/start", draft_pages.start, methods=["POST"]),
        Route(f"{one}/remove", draft_pages.remove, methods=["POST"]),
        Route(f"{one}/devices", show_devices, methods=["GET"]),
        Route(f"{one}/report", show_report, methods=["GET"]),
        Route(f"{one}/report.csv", download_report, methods=["GET"]),
        Route(f"{one}/rules", steer_pages.show_rules, methods=["GET"]),
        Route(f"{one}/rules", steer_pages.change_rules, methods=["POST"]),
        Route(f"{one}/steer/{{verb}}", steer_pages.show_steering, methods=["GET"]),
        Route(f"{one}/steer/{{verb}}", steer_pages.steer, methods=["POST"]),
    ]


def _campaign_id(visit: Visit) -> CampaignId:
    return CampaignId(visit.request.path_params["campaign_id"])
