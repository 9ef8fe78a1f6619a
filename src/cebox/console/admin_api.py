"""The admin API under `/api/v1`: every feature's router in one FastAPI app, with one form for every refusal."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cebox.console.accounts import api as accounts
from cebox.console.actions import api as actions
from cebox.console.announcements import api as announcements
from cebox.console.campaigns import api as campaigns
from cebox.console.dashboard import api as dashboard
from cebox.console.deliveries import api as deliveries
from cebox.console.devices import api as devices
from cebox.console.devices import view_api as views
from cebox.console.identity import access_api as access
from cebox.console.identity import api as identity
from cebox.console.journal import api as journal
from cebox.console.keys import api as keys
from cebox.console.problems import answer_crash, answer_http_error, answer_problem, problem_response
from cebox.console.procedure import api as procedure
from cebox.console.releases import api as releases
from cebox.console.sites import api as sites
from cebox.console.state import Console
from cebox.console.webhooks import api as webhooks
from cebox.console.wire import ProblemBody
from cebox.errors import CeboxError
from cebox.protocol.device import Problem

ROUTERS: tuple[APIRouter, ...] = tuple(
    feature.router
    for feature in (
        identity,
        access,
        dashboard,
        accounts,
        procedure,
        sites,
        keys,
        devices,
        views,
        actions,
        campaigns,
        releases,
        announcements,
        deliveries,
        webhooks,
        journal,
    )
)
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemBody, "description": words}
    for status, words in (
        (401, "The caller is not known."),
        (403, "The caller may not."),
        (404, "No such thing, or not for this caller."),
        (409, "Not possible now."),
        (422, "The request is wrong."),
        (503, "Try again later."),
    )
}


def build_admin_api(console: Console) -> FastAPI:
    """No page of documentation is served: it would load its scripts from elsewhere. The description itself is."""
    api = FastAPI(
        title="cebox console",
        summary="Releases, accounts, devices and what is done to them.",
        version="1",
        docs_url=None,
        redoc_url=None,
        responses=_REFUSALS,
        generate_unique_id_function=_name_operation,
        exception_handlers={
            CeboxError: answer_problem,
            RequestValidationError: _answer_malformed,
            HTTPException: answer_http_error,
            Exception: answer_crash,
        },
    )
    api.state.console = console
    for router in ROUTERS:
        api.include_router(router)
    return api


def _name_operation(route: APIRoute) -> str:
    return route.name


async def _answer_malformed(_request: Request, error: Exception) -> Response:
    """What was sent is not repeated: it may be a password."""
    assert isinstance(error, RequestValidationError)
    faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    hint = "See /api/v1/openapi.json."
    return problem_response(Problem(code="request_malformed", message=faults[:1000], hint=hint), 422)
