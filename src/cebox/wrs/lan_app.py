"""What the LAN gets: the site's signed statement and the served release. Nothing here changes anything."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cebox.errors import CeboxError, NotFound
from cebox.kit.clock import format_utc
from cebox.protocol.site import REPOSITORY_PATH, SITE_PATH
from cebox.wrs.file_response import RepositoryFileResponse, open_repository_file
from cebox.wrs.mirror import Mirror
from cebox.wrs.problems import answer_json, answer_problem
from cebox.wrs.statement import SiteSigner


class LanApp:
    def __init__(self, mirror: Mirror, signer: SiteSigner) -> None:
        self._mirror = mirror
        self._signer = signer

    def build(self) -> Starlette:
        return Starlette(
            routes=[
                Route(SITE_PATH, self.tell_site),
                Route(REPOSITORY_PATH + "/{path:path}", self.send_file),
                Route("/healthz", self.tell_health),
            ],
            exception_handlers={CeboxError: answer_problem},
        )

    async def tell_site(self, request: Request) -> Response:
        since = self._mirror.store.find_served_since()
        statement = self._signer.sign_statement(
            version=self._mirror.store.find_served(),
            since=format_utc(since) if since else "",
            nonce=request.query_params.get("nonce", ""),
        )
        return answer_json(statement)

    async def send_file(self, request: Request) -> Response:
        # Resolved once: a switch in the middle of an answer must not mix two releases.
        served = self._mirror.store.find_served()
        if served is None:
            raise NotFound(
                "nothing_served",
                "this site server serves no release yet",
                hint="Update the site server and reboot it.",
            )
        file = open_repository_file(self._mirror.store.release_folder(served), request.path_params["path"])
        return RepositoryFileResponse(file, count=self._mirror.count_lan_bytes)

    async def tell_health(self, _request: Request) -> Response:
        state = self._mirror.get_state()
        return answer_json({"status": "ok", "phase": state.phase, "served": state.served})
