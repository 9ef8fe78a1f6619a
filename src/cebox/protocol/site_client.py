"""What a box asks its site's WRS, and what the agent of a WRS tells the mirror on its own machine."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from cebox.errors import Unavailable, Untrusted
from cebox.kit.tls import get_tls_context
from cebox.protocol.device import Message, SiteServerInfo
from cebox.protocol.identity import verify_signature
from cebox.protocol.problems import read_answer
from cebox.protocol.site import (
    FOLLOW_PATH,
    PREPARE_PATH,
    SERVE_PATH,
    SITE_PATH,
    STATE_PATH,
    MirrorState,
    PrepareRequest,
    ServeRequest,
    SignedStatement,
    SiteStatement,
)

Answer = TypeVar("Answer")

# No name resolution happens on a unix socket; the host only has to be a valid one.
_SOCKET_BASE = "http://mirror.invalid"


def fetch_statement(server: SiteServerInfo, *, site_id: str, timeout_seconds: float = 3.0) -> SiteStatement:
    """Ask the site's WRS what it serves.

    Raises Unavailable (`wrs_unreachable`) when it does not answer, Untrusted (`site_statement_invalid`) when the answer
    is not this WRS's word about this site, now.
    """
    nonce = secrets.token_urlsafe(16)
    try:
        with httpx.Client(timeout=timeout_seconds, trust_env=False, verify=get_tls_context()) as http:
            response = http.get(f"{server.url.rstrip('/')}{SITE_PATH}", params={"nonce": nonce})
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise _unreachable(error) from error
    if response.status_code >= 500:
        raise _unreachable(response.status_code)
    try:
        return verify_statement(read_answer(response, SignedStatement), server=server, site_id=site_id, nonce=nonce)
    except Untrusted as error:
        raise _invalid(error.message) from error


def verify_statement(signed: SignedStatement, *, server: SiteServerInfo, site_id: str, nonce: str) -> SiteStatement:
    """Raises Untrusted (`site_statement_invalid`)."""
    try:
        verify_signature(server.public_key, signed.statement.encode(), signed.signature)
        statement = msgspec.json.decode(signed.statement, type=SiteStatement)
    except (Untrusted, msgspec.DecodeError, ValueError) as error:
        raise _invalid("it is not signed by the site's WRS") from error
    if statement.nonce != nonce:
        raise _invalid("it answers another question: an old statement was replayed")
    if (statement.device_id, statement.site) != (server.device_id, site_id):
        raise _invalid("it speaks for another machine or site")
    return statement


def _unreachable(reason: object) -> Unavailable:
    return Unavailable(
        "wrs_unreachable",
        f"the site's WRS does not answer: {reason or type(reason).__name__}",
        hint="The box takes the site's version from the cloud meanwhile.",
    )


def _invalid(reason: str) -> Untrusted:
    return Untrusted(
        "site_statement_invalid",
        f"the statement of the site's WRS does not hold: {reason}",
        hint="Check which machine answers at the WRS's address, and enrol the WRS again if it was replaced.",
    )


class MirrorControl:
    """The mirror on this machine, over its unix socket.

    Every call raises what the mirror answers, Unavailable (`mirror_unreachable`) when it does not.
    """

    def __init__(self, socket: Path, *, timeout_seconds: float = 10.0) -> None:
        self._http = open_socket_client(socket, timeout_seconds=timeout_seconds)

    def prepare(self, request: PrepareRequest) -> MirrorState:
        return self._ask("POST", PREPARE_PATH, request)

    def follow(self, request: PrepareRequest) -> MirrorState:
        """Of a release that is there whole, keep exactly the patches that `box_versions` need, from now on."""
        return self._ask("POST", FOLLOW_PATH, request)

    def serve(self, request: ServeRequest) -> MirrorState:
        return self._ask("POST", SERVE_PATH, request)

    def get_state(self) -> MirrorState:
        return self._ask("GET", STATE_PATH, None)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, message: Message | None) -> MirrorState:
        content = msgspec.json.encode(message) if message is not None else None
        try:
            response = self._http.request(method, path, content=content, headers={"content-type": "application/json"})
        except httpx.TransportError as error:
            raise Unavailable(
                "mirror_unreachable",
                f"the mirror on this machine does not answer: {error or type(error).__name__}",
                hint="Look whether the WRS program runs on this machine.",
            ) from error
        return read_answer(response, MirrorState)


def open_socket_client(socket: Path, *, timeout_seconds: float = 10.0) -> httpx.Client:
    """A client of the mirror's unix socket, for its control calls and for `/prepared/<version>`."""
    # Nothing crosses a network here, so no authorities are read in for it.
    transport = httpx.HTTPTransport(uds=str(socket), verify=False)
    return httpx.Client(transport=transport, base_url=_SOCKET_BASE, timeout=timeout_seconds)
