"""The dialogs of a campaign under way: pause, resume, retry, end, other rules. Each names its consequence first."""

from zoneinfo import available_timezones

from starlette.responses import Response

from cebox.console.campaigns.form import read_rules
from cebox.console.campaigns.service import get_campaign
from cebox.console.campaigns.steering import Steering
from cebox.console.campaigns.words import list_day_names
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.ids import CampaignId, SiteId
from cebox.domain.role import Permission
from cebox.errors import NotFound

_DONE = {
    "pause": _("The campaign is paused."),
    "resume": _("The campaign goes on."),
    "retry": _("The campaign tries them again."),
    "end": _("The campaign ends."),
}


@page(Permission.ACT)
async def show_steering(visit: Visit) -> Response:
    verb = _read_verb(visit)
    async with visit.console.database.read() as connection:
        view = await get_campaign(connection, visit.caller.scope, _campaign_id(visit))
    site_id = visit.asked("site")
    site_name = next((one.site_name for one in view.waves if one.wave.site_id == site_id), None)
    return visit.show_dialog(
        "campaigns/steer.html",
        view=view,
        campaign=view.campaign,
        verb=verb,
        site_id=site_id,
        site_name=visit.asked("name") or site_name or "",
    )


@page(Permission.ACT)
async def steer(visit: Visit) -> Response:
    verb, campaign_id = _read_verb(visit), _campaign_id(visit)
    async with visit.console.database.write() as unit:
        steering = Steering(unit, visit.caller, visit.console.clock)
        match verb:
            case "pause":
                await steering.pause(campaign_id)
            case "resume":
                site_id = visit.field("site")
                await steering.resume(campaign_id, without_site=SiteId(site_id) if site_id else None)
            case "retry":
                await steering.retry(campaign_id)
            case _:
                await steering.end(campaign_id)
    return visit.done(visit.say(_DONE[verb]), address=f"/campaigns/{campaign_id}")


@page(Permission.ACT)
async def show_rules(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        view = await get_campaign(connection, visit.caller.scope, _campaign_id(visit))
    return visit.show_dialog(
        "campaigns/rules.html",
        campaign=view.campaign,
        days=list_day_names(visit.formats),
        reader_zone=visit.formats.zone.key,
        zones=sorted(available_timezones()),
    )


@page(Permission.ACT)
async def change_rules(visit: Visit) -> Response:
    campaign_id = _campaign_id(visit)
    async with visit.console.database.write() as unit:
        before = await get_campaign(unit.connection, visit.caller.scope, campaign_id)
        rules = read_rules(visit, before.campaign.rules)
        await Steering(unit, visit.caller, visit.console.clock).change_rules(campaign_id, rules)
    return visit.done(visit.say(_("The rules of the campaign are changed.")), address=f"/campaigns/{campaign_id}")


def _campaign_id(visit: Visit) -> CampaignId:
    return CampaignId(visit.request.path_params["campaign_id"])


def _read_verb(visit: Visit) -> str:
    """Raises NotFound (`campaign_unknown`)."""
    verb = str(visit.request.path_params["verb"])
    if verb not in _DONE:
        raise NotFound("campaign_unknown", f"a campaign knows no {verb!r}")
    return verb
