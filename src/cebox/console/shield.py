"""What no request gets past, whatever it is for: bodies without end, and NUL, which no column of ours holds."""

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cebox.console.problems import problem_response
from cebox.protocol.device import Problem

LARGEST_BODY_BYTES = 1 << 20


class Shield:
    """Bodies are counted as they come; the device API has a tighter bound of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            problem = Problem(code="address_malformed", message="an address contains no NUL")
            await problem_response(problem, 422)(scope, receive, send)
        else:
            meter = _Meter(receive, send)
            with suppress(_BodyTooLarge):
                await self._app(scope, meter.receive, meter.send)
            if meter.is_over and not meter.has_answered:
                await _too_large(scope, receive, send)


class _Meter:
    """Ends the reading of a body that grows too large, and keeps back what its reader makes of that."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received_bytes = 0
        self.has_answered = False

    @property
    def is_over(self) -> bool:
        return self._received_bytes > LARGEST_BODY_BYTES

    async def receive(self) -> Message:
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        if self.is_over:
            raise _BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.has_answered or not self.is_over:
            self.has_answered = True
            await self._send(message)


class _BodyTooLarge(Exception):
    """Raised into whatever reads the body."""


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem(code="body_too_large", message=f"a request has at most {LARGEST_BODY_BYTES} bytes")
    # The rest of the body is not read, so the connection cannot serve another request.
    await problem_response(problem, 413, {"connection": "close"})(scope, receive, send)
