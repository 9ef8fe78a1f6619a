"""Official communications, in the reader's words: a new version, a migration (R12, R14)."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.announcements.service import list_announcements, mark_read
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.role import Permission


@page()
async def show_announcements(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        listed = await list_announcements(connection, visit.scope, visit.piece(30))
    template = "announcements/list-part.html" if visit.is_fragment else "announcements/list.html"
    return visit.show(template, listed=listed)


@page(Permission.ACT)
async def read_announcement(visit: Visit) -> Response:
    announcement_id = visit.request.path_params["announcement_id"]
    async with visit.console.database.write() as unit:
        await mark_read(unit, visit.caller, visit.console.clock, announcement_id, visit.account_id)
    return visit.done(visit.say(_("Marked as read.")), address="/announcements")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/announcements", show_announcements, methods=["GET"]),
        Route("/announcements/{announcement_id}/read", read_announcement, methods=["POST"]),
    ]
