"""How an error leaves the console: `protocol.problems` has the status and the body, this module the answers."""

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cebox.errors import CeboxError, NotAuthenticated
from cebox.protocol.device import Problem
from cebox.protocol.problems import STATUSES, describe_problem

RETRY_AFTER_SECONDS = 5
_HTTP_CODES = {400: "request_malformed", 404: "route_unknown", 405: "method_not_allowed", 413: "body_too_large"}


def problem_response(problem: Problem, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(problem),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


async def answer_problem(_request: Request, error: Exception) -> Response:
    """The exception handler for CeboxError of every app of the console."""
    assert isinstance(error, CeboxError)
    headers = {}
    if error.is_transient:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, NotAuthenticated):
        headers["www-authenticate"] = "Bearer"
    return problem_response(describe_problem(error), STATUSES[type(error)], headers)


async def answer_http_error(_request: Request, error: Exception) -> Response:
    """The handler for what the framework itself refuses: no such route, no such method, too large a body."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, f"http_{error.status_code}")
    return problem_response(Problem(code=code, message=error.detail), error.status_code, error.headers)


async def answer_crash(_request: Request, _error: Exception) -> Response:
    """The handler for what nobody foresaw. The server logs the error; the caller learns nothing of it."""
    problem = Problem(code="internal_error", message="the console made a mistake", hint="Its log says more.")
    return problem_response(problem, 500)
