"""What a box says to its console: the device API as typed calls.

Owns the short bearer token: asks for it with a signed assertion, renews it before it ends and once when the console no
longer takes it. When to call, and what to do about an error, is the agent's.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from cebox.errors import NotAuthenticated, Unavailable
from cebox.kit.clock import Clock
from cebox.kit.tls import get_tls_context
from cebox.protocol.device import (
    ENROL_PATH,
    SYNC_PATH,
    TOKEN_PATH,
    EnrolRequest,
    EnrolResponse,
    Message,
    SyncRequest,
    SyncResponse,
    TokenRequest,
    TokenResponse,
)
from cebox.protocol.identity import DeviceIdentity
from cebox.protocol.problems import read_answer

Answer = TypeVar("Answer")

# A token is renewed when this part of its life is over, so that a held request never outlives it.
_RENEW_AT = 0.8


class DeviceClient:
    """One box's way to its console; may be shared by threads.

    Every call raises the family and code the console answers with, Unavailable (`console_unreachable`) when it does
    not answer, Untrusted (`answer_malformed`) when something else does.
    """

    def __init__(
        self,
        console_url: str,
        identity: DeviceIdentity,
        *,
        clock: Clock,
        timeout_seconds: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._monotonic = monotonic
        self._timeout_seconds = timeout_seconds
        self._http = httpx.Client(base_url=console_url, timeout=timeout_seconds, verify=get_tls_context())
        self._lock = threading.Lock()
        self._device_id = ""
        self._console_id = ""
        self._token = ""
        self._renew_at = 0.0

    def enrol(self, *, token: str, name: str, kind: str, agent_version: str, serial: str = "") -> EnrolResponse:
        """Make this key pair known. Asking again with the same token gives the same device."""
        request = EnrolRequest(
            token=token,
            public_key=self._identity.public_key,
            name=name,
            kind=kind,
            agent_version=agent_version,
            serial=serial,
        )
        return self._post(ENROL_PATH, request, EnrolResponse)

    def use_enrolment(self, *, device_id: str, console_id: str) -> None:
        """Speak as this device from now on; needed before the first `sync`, harmless when repeated."""
        with self._lock:
            if (self._device_id, self._console_id) != (device_id, console_id):
                self._device_id, self._console_id, self._token = device_id, console_id, ""

    def sync(self, request: SyncRequest, *, wait_seconds: int = 0) -> SyncResponse:
        """One exchange; the console may hold its answer for `wait_seconds`."""
        token = self._get_token()
        try:
            return self._sync_with(token, request, wait_seconds)
        except NotAuthenticated:
            return self._sync_with(self._renew_token(refused=token), request, wait_seconds)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sync_with(self, token: str, request: SyncRequest, wait_seconds: int) -> SyncResponse:
        headers = {"authorization": f"Bearer {token}"}
        if wait_seconds:
            headers["prefer"] = f"wait={wait_seconds}"
        return self._post(SYNC_PATH, request, SyncResponse, headers=headers, wait_seconds=wait_seconds)

    def _get_token(self) -> str:
        with self._lock:
            if self._token and self._monotonic() < self._renew_at:
                return self._token
        return self._renew_token(refused=self._token)

    def _renew_token(self, *, refused: str) -> str:
        with self._lock:
            if self._token not in ("", refused):
                return self._token  # another thread has renewed it meanwhile
            if not self._device_id:
                raise NotAuthenticated(
                    "not_enrolled", "this box has not enrolled yet", hint="Give it an installation key's token."
                )
            assertion = self._identity.make_assertion(
                device_id=self._device_id, console_id=self._console_id, now=self._clock()
            )
            request = TokenRequest(device_id=self._device_id, assertion=assertion)
            answer = self._post(TOKEN_PATH, request, TokenResponse)
            self._token = answer.token
            self._renew_at = self._monotonic() + _RENEW_AT * answer.expires_in_seconds
            return self._token

    def _post(
        self,
        path: str,
        message: Message,
        wanted: type[Answer],
        *,
        headers: dict[str, str] | None = None,
        wait_seconds: int = 0,
    ) -> Answer:
        try:
            response = self._http.post(
                path,
                content=msgspec.json.encode(message),
                headers={"content-type": "application/json", **(headers or {})},
                timeout=httpx.Timeout(self._timeout_seconds, read=self._timeout_seconds + wait_seconds),
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unavailable(
                "console_unreachable",
                f"the console does not answer: {error or type(error).__name__}",
                hint="The box goes on by itself and reports when the console is back.",
            ) from error
        return read_answer(response, wanted)
