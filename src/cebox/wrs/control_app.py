"""What the agent on this machine gets over the unix socket: orders, progress, and the release being prepared.

The socket's file mode is the authorisation. `/prepared/` is here and not on the LAN's port, so that no box of the site
can take a release before its server runs it.
"""

from pathlib import Path
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cebox.domain.version import Version
from cebox.errors import CeboxError, InvalidInput, NotFound
from cebox.protocol.site import (
    FOLLOW_PATH,
    PREPARE_PATH,
    PREPARED_PATH,
    SERVE_PATH,
    STATE_PATH,
    PrepareRequest,
    ServeRequest,
)
from cebox.wrs.file_response import RepositoryFileResponse, open_repository_file
from cebox.wrs.mirror import Mirror
from cebox.wrs.problems import answer_json, answer_problem

_LONGEST_REQUEST_BYTES = 1 << 20
_M = TypeVar("_M")


class ControlApp:
    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def build(self) -> Starlette:
        return Starlette(
            routes=[
                Route(PREPARE_PATH, self.prepare, methods=["POST"]),
                Route(FOLLOW_PATH, self.follow, methods=["POST"]),
                Route(SERVE_PATH, self.serve, methods=["POST"]),
                Route(STATE_PATH, self.tell_state),
                Route(PREPARED_PATH + "/{version}/{path:path}", self.send_file),
            ],
            exception_handlers={CeboxError: answer_problem},
        )

    async def prepare(self, request: Request) -> Response:
        order = await _read(request, PrepareRequest)
        return answer_json(await run_in_threadpool(self._mirror.prepare, order))

    async def follow(self, request: Request) -> Response:
        order = await _read(request, PrepareRequest)
        return answer_json(await run_in_threadpool(self._mirror.follow, order))

    async def serve(self, request: Request) -> Response:
        order = await _read(request, ServeRequest)
        return answer_json(await run_in_threadpool(self._mirror.serve, str(Version.parse(order.version))))

    async def tell_state(self, _request: Request) -> Response:
        return answer_json(self._mirror.get_state())

    async def send_file(self, request: Request) -> Response:
        file = open_repository_file(self._find_whole(request.path_params["version"]), request.path_params["path"])
        return RepositoryFileResponse(file, count=_count_nothing)

    def _find_whole(self, version: str) -> Path:
        store = self._mirror.store
        if version not in (store.find_prepared(), store.find_served()):
            raise NotFound("prepared_missing", f"release {version!r} is not prepared here")
        return store.release_folder(version)


def _count_nothing(_length: int) -> None:
    """This machine's own copy never crosses the LAN."""


async def _read(request: Request, form: type[_M]) -> _M:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_REQUEST_BYTES:
            raise InvalidInput("request_too_large", "an order to the mirror is at most 1 MiB")
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.DecodeError as error:
        raise InvalidInput("request_malformed", f"the order to the mirror is malformed: {error}") from error
