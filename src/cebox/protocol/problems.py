"""How an error travels over HTTP: the one table between families and statuses, and the body that says the rest.

A body that is no `Problem` comes from something in between (a proxy, a gateway): its 5xx means the other side is away.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import httpx
import msgspec

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

Answer = TypeVar("Answer")

STATUSES: Mapping[type[CeboxError], int] = MappingProxyType(
    {
        InvalidInput: 422,
        NotFound: 404,
        NotAuthenticated: 401,
        NotPermitted: 403,
        Conflict: 409,
        Untrusted: 502,
        Unavailable: 503,
        Exhausted: 507,
    }
)
# What others answer: a framework to a malformed request, a proxy to too many.
FAMILIES: Mapping[int, type[CeboxError]] = MappingProxyType(
    {400: InvalidInput, 429: Unavailable} | {status: family for family, status in STATUSES.items()}
)


def describe_problem(error: CeboxError) -> Problem:
    """The body of a refusal."""
    return Problem(code=error.code, message=error.message, hint=error.hint)


def read_problem(status: int, content: bytes) -> CeboxError:
    """The error that a refusal stands for."""
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except (msgspec.DecodeError, ValueError):
        return _guess_problem(status)
    return _get_family(status)(problem.code, problem.message, hint=problem.hint)


def read_answer(response: httpx.Response, wanted: type[Answer]) -> Answer:
    """The decoded body. Raises what `read_problem` reads, Untrusted (`answer_malformed`) for a body of another kind."""
    if not response.is_success:
        raise read_problem(response.status_code, response.content)
    try:
        return msgspec.json.decode(response.content, type=wanted)
    except (msgspec.DecodeError, ValueError) as error:
        raise Untrusted(
            "answer_malformed",
            f"the answer of {response.request.url.path} is not a {wanted.__name__}",
            hint="Check that the address is the right one and no proxy answers in its place.",
        ) from error


def _guess_problem(status: int) -> CeboxError:
    family = Unavailable if status >= 500 else _get_family(status)
    return family(
        "answer_unexpected",
        f"the other side answered {status} without a reason",
        hint="Check that the address is the right one and no proxy answers in its place.",
    )


def _get_family(status: int) -> type[CeboxError]:
    return FAMILIES.get(status) or (Unavailable if status >= 500 else InvalidInput)
