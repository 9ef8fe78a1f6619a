"""Keeping and removing a view of the list of devices."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.devices.query import Query
from cebox.console.devices.saved_views import ViewService
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _


@page()
async def show_new_view(visit: Visit) -> Response:
    return visit.show_dialog("devices/new-view.html", query=Query.parse(visit.asked("query")))


@page()
async def save_view(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = ViewService(unit, visit.caller, visit.console.clock, visit.account_id)
        view = await service.save(visit.field("name"), visit.field("query"))
    return visit.done(visit.say(_("The view “%(name)s” is kept."), name=view.name), address=f"/devices?{view.query}")


@page()
async def remove_view(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        service = ViewService(unit, visit.caller, visit.console.clock, visit.account_id)
        await service.remove(visit.request.path_params["view_id"])
    return visit.done(visit.say(_("The view is removed.")), address="/devices")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/devices/views/new", show_new_view, methods=["GET"]),
        Route("/devices/views/new", save_view, methods=["POST"]),
        Route("/devices/views/{view_id}/remove", remove_view, methods=["POST"]),
    ]
