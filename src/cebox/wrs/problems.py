"""How an error leaves the WRS: `protocol.problems` has the status and the body, this module the answers."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cebox.errors import CeboxError
from cebox.protocol.problems import STATUSES, describe_problem


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
