"""The list of devices as a file: what the page's filters find, in its order."""

from collections.abc import Mapping

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from cebox.console.devices.export import load_first_piece, stream_rows
from cebox.console.devices.query import Query
from cebox.console.web.status import ACTION, BOX
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.device import DeviceKind, Place
from cebox.domain.resolution import Source

HEADS = (
    _("Name"),
    _("Serial number"),
    _("Kind"),
    _("Account"),
    _("Site"),
    _("Place"),
    _("On"),
    _("Last sign"),
    _("Running"),
    _("Installed, waits for the restart"),
    _("Would take"),
    _("Source"),
    _("Behind"),
    _("Phase"),
    _("Last action"),
    _("Changed at"),
    _("Agent"),
    _("Id"),
)
_FILE = _("devices")
_TRUTH = {"yes": _("yes"), "no": _("no")}
# The words of what the file says in codes, by column.
CODES: Mapping[str, Mapping[str, str]] = {
    "kind": {DeviceKind.CEBOX: "ceBox", DeviceKind.WRS: "WRS"},
    "place": {Place.SITE: _("On site"), Place.AWAY: _("Telework")},
    "source": {Source.CLOUD: _("from the cloud"), Source.WRS: _("from the WRS")},
    "phase": {phase: status.message for phase, status in BOX.items()},
    "last_action": {state: status.message for state, status in ACTION.items()},
    "is_on": _TRUTH,
    "is_behind": _TRUTH,
}
# By this mark a spreadsheet knows that the file is UTF-8.
_MARK = "\ufeff"


@page()
async def export_devices(visit: Visit) -> Response:
    filters, now = Query.read(visit.request.query_params).to_filters(), visit.formats.now
    first = await load_first_piece(visit.console, visit.scope, filters, now)
    # A spreadsheet in French separates with semicolons.
    delimiter = ";" if visit.formats.language == "fr" else ","
    heads = [_MARK + visit.say(HEADS[0]), *map(visit.say, HEADS[1:])]

    def tell(column: str, code: str) -> str:
        message = CODES.get(column, {}).get(code)
        return visit.say(message) if message else code

    rows = stream_rows(visit.console, visit.scope, filters, first, now, heads=heads, delimiter=delimiter, tell=tell)
    name = f"{visit.say(_FILE)}-{now.astimezone(visit.formats.zone):%Y-%m-%d}.csv"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(rows, media_type="text/csv", headers=headers)


def build_routes() -> list[BaseRoute]:
    return [Route("/devices/export.csv", export_devices, methods=["GET"])]
