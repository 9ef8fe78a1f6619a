"""The console as one ASGI app: device API, admin API, pages, and the two addresses a watchdog asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from cebox.console.admin_api import build_admin_api
from cebox.console.boxes import api as boxes
from cebox.console.gate import get_console
from cebox.console.jobs.loop import JobLoop
from cebox.console.problems import answer_crash, answer_http_error, answer_problem
from cebox.console.shield import Shield
from cebox.console.state import Console
from cebox.console.web import routes as pages
from cebox.errors import CeboxError, Unavailable

API_PATH = "/api/v1"
DATABASE_ANSWERS_SECONDS = 5.0


def build_app(console: Console) -> Starlette:
    """The lifespan runs the jobs; whoever opened `console` closes it."""
    app = Starlette(
        routes=[
            Route("/healthz", say_alive, methods=["GET"]),
            Route("/readyz", say_ready, methods=["GET"]),
            *boxes.build_routes(console),
            Mount(API_PATH, build_admin_api(console)),
            *pages.build_routes(console),
        ],
        middleware=[Middleware(Shield)],
        exception_handlers={CeboxError: answer_problem, HTTPException: answer_http_error, Exception: answer_crash},
        lifespan=_lifespan,
    )
    app.state.console = console
    return app


async def say_alive(_request: Request) -> Response:
    """The process runs; asks nothing else, so that a slow database restarts no console."""
    return JSONResponse({"status": "alive"})


async def say_ready(request: Request) -> Response:
    """Raises Unavailable (`database_unreachable`, `console_stopping`): send no work here now."""
    console = get_console(request)
    if console.hub.is_closed:
        raise Unavailable("console_stopping", "this console is about to stop")
    try:
        async with asyncio.timeout(DATABASE_ANSWERS_SECONDS):
            await console.database.ping()
    except TimeoutError as error:
        raise Unavailable("database_unreachable", "the console's database does not answer in time") from error
    return JSONResponse({"status": "ready"})


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    console: Console = app.state.console
    try:
        async with JobLoop(console):
            yield
    finally:
        await console.heartbeats.close(console.database)
