"""The device API over HTTP: `protocol.device` says what travels, the services what happens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

from cebox.console.boxes.enrolment import enrol
from cebox.console.boxes.exchange import Exchanges
from cebox.console.boxes.tokens import issue_token, read_token
from cebox.console.live.hub import Subscription
from cebox.console.problems import answer_problem, problem_response
from cebox.console.state import Console
from cebox.errors import CeboxError, InvalidInput
from cebox.protocol.device import (
    ENROL_PATH,
    LONGEST_WAIT_SECONDS,
    SYNC_PATH,
    TOKEN_PATH,
    EnrolRequest,
    Message,
    Problem,
    SyncRequest,
    TokenRequest,
)

LARGEST_BODY = 64 * 1024
Wanted = TypeVar("Wanted", bound=Message)
Endpoint = Callable[[Request], Awaitable[Response]]
_TOO_LARGE = Problem(
    code="message_too_large", message=f"a message has at most {LARGEST_BODY} bytes", hint="Send it in parts."
)


class _TooLarge(Exception):
    """The body goes on past the bound; the rest is not read."""


class BoxConnection:
    """Whether the device still waits for its answer."""

    def __init__(self) -> None:
        self.is_gone = False

    @asynccontextmanager
    async def watch(self, receive: Receive, subscription: Subscription) -> AsyncIterator["BoxConnection"]:
        watcher = asyncio.create_task(self._follow(receive, subscription))
        try:
            yield self
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _follow(self, receive: Receive, subscription: Subscription) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        subscription.wake()


def build_routes(console: Console) -> list[Route]:
    exchanges = Exchanges(console)

    async def post_enrolment(request: Request) -> Response:
        return _answer(await enrol(console, await _read(request, EnrolRequest)))

    async def post_token(request: Request) -> Response:
        return _answer(await issue_token(console, await _read(request, TokenRequest)))

    async def post_sync(request: Request) -> Response:
        bearer = read_token(console, request.headers.get("authorization", ""))
        message = await _read(request, SyncRequest)
        answer = await exchanges.exchange(
            bearer,
            message,
            wait_seconds=parse_wait(request.headers.getlist("prefer")),
            watch=lambda subscription: BoxConnection().watch(request.receive, subscription),
        )
        return _answer(answer)

    endpoints: tuple[tuple[str, Endpoint], ...] = (
        (ENROL_PATH, post_enrolment),
        (TOKEN_PATH, post_token),
        (SYNC_PATH, post_sync),
    )
    return [Route(path, _guard(endpoint), methods=["POST"]) for path, endpoint in endpoints]


def parse_wait(prefer: list[str]) -> float:
    """The seconds of `Prefer: wait=N` (RFC 7240), bounded; 0 for anything else."""
    for preference in ",".join(prefer).split(","):
        name, _, value = preference.split(";")[0].partition("=")
        digits = value.strip().strip('"')
        if name.strip().lower() == "wait" and digits.isascii() and digits.isdigit():
            return float(min(int(digits[:9]), LONGEST_WAIT_SECONDS))
    return 0.0


def _guard(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except CeboxError as error:
            return await answer_problem(request, error)
        except _TooLarge:
            return problem_response(_TOO_LARGE, 413, {"connection": "close"})
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=400)

    return guarded


async def _read(request: Request, wanted: type[Wanted]) -> Wanted:
    """Raises InvalidInput (`message_malformed`)."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _TooLarge
    try:
        return msgspec.json.decode(bytes(body), type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "message_malformed", f"this is no {wanted.__name__}: {error}", hint="See the device API's messages."
        ) from error


def _answer(message: Message) -> Response:
    return Response(msgspec.json.encode(message), media_type="application/json", headers={"cache-control": "no-store"})
