"""How an error leaves this program: one HTTP status per family, and a Problem body."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cebox.errors import (
    CeboxError,
    Conflict,
    Exhausted,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Unavailable,
    Untrusted,
)
from cebox.protocol.device import Problem

STATUSES: Mapping[type[CeboxError], int] = MappingProxyType(
    {
        InvalidInput: 400,
        NotAuthenticated: 401,
        NotPermitted: 403,
        NotFound: 404,
        Conflict: 409,
        Untrusted: 502,
        Unavailable: 503,
        Exhausted: 507,
    }
)


def describe_problem(error: CeboxError) -> Problem:
    return Problem(code=error.code, message=error.message, hint=error.hint)


def answer_json(value: object, *, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


async def answer_problem(_request: Request, error: Exception) -> Response:
    """The exception handler of both apps."""
    assert isinstance(error, CeboxError)
    return answer_json(describe_problem(error), status=STATUSES[type(error)])
