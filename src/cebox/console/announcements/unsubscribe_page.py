"""No more e-mails of one kind, by the link in each: for people, and for mail programs that do it in one click."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.announcements.preferences import mute
from cebox.console.deliveries.unsubscribe import PATH, read_token
from cebox.console.gate import get_console
from cebox.console.web.formats import Formats, find_zone
from cebox.console.web.refusals import find_refusal
from cebox.console.web.render import render
from cebox.console.web.status import ANNOUNCEMENT
from cebox.console.web.visit import find_here_zone
from cebox.console.web.words import choose_language, load_words
from cebox.errors import NotFound
from cebox.protocol.problems import STATUSES

_TEMPLATE = "announcements/unsubscribe.html"


async def show_unsubscription(request: Request) -> Response:
    """Asks first: programs that look at links must not end anything."""
    return await _answer(request, is_done=False)


async def unsubscribe(request: Request) -> Response:
    return await _answer(request, is_done=True)


def build_routes() -> list[BaseRoute]:
    return [
        Route(PATH, show_unsubscription, methods=["GET"]),
        Route(PATH, unsubscribe, methods=["POST"]),
    ]


async def _answer(request: Request, *, is_done: bool) -> Response:
    console = get_console(request)
    words = load_words(choose_language(request.headers.get("accept-language", "")))
    formats = Formats(words, find_zone(find_here_zone(request)), console.clock())
    token = request.query_params.get("token", "")
    context = {"reader": _Stranger, "events": "", "token": token}
    try:
        asked = read_token(console.secret, token)
        if is_done:
            async with console.database.write() as unit:
                await mute(unit, console.clock, asked.user_id, asked.kind)
    except NotFound as error:
        refused = {**context, "refusal": find_refusal(error.code)}
        return render(formats, "refused-alone.html", refused, status=STATUSES[NotFound])
    kind = ANNOUNCEMENT[asked.kind]
    return render(formats, _TEMPLATE, {**context, "kind": kind, "is_done": is_done, "path": PATH})


class _Stranger:
    """Whoever holds the e-mail: the page follows the system's theme."""

    theme = "auto"
