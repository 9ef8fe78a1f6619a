"""A box that says what a test tells it to: a real key pair and the real device API, no agent."""

from typing import Any, Self

import httpx
import msgspec

from cebox.kit.clock import utc_now
from cebox.protocol.device import (
    ENROL_PATH,
    SYNC_PATH,
    TOKEN_PATH,
    BoxPhase,
    EnrolRequest,
    EnrolResponse,
    Message,
    Observed,
    Progress,
    Result,
    SyncRequest,
    SyncResponse,
    TokenRequest,
    TokenResponse,
)
from cebox.protocol.identity import DeviceIdentity


class ScriptedBox:
    """`observed` is its last word; `say` changes some of it and tells the console."""

    def __init__(self, client: httpx.Client, identity: DeviceIdentity, enrolled: EnrolResponse) -> None:
        self._client = client
        self._identity = identity
        self._enrolled = enrolled
        self._token = ""
        self.observed = Observed(boot=1, sequence=0, phase=BoxPhase.IDLE, place="away", agent_version="0.1.0")

    @property
    def id(self) -> str:
        return self._enrolled.device_id

    @classmethod
    def enrol(cls, client: httpx.Client, token: str, name: str, kind: str = "cebox") -> Self:
        identity = DeviceIdentity.generate()
        request = EnrolRequest(
            token=token,
            public_key=identity.public_key,
            name=name,
            kind=kind,
            agent_version="0.1.0",
            serial=f"CBX-{name}",
        )
        answer = _post(client, ENROL_PATH, request)
        return cls(client, identity, msgspec.json.decode(answer, type=EnrolResponse))

    def say(
        self,
        *,
        acknowledge: bool = True,
        results: tuple[Result, ...] = (),
        progress: Progress | None = None,
        **changes: Any,
    ) -> SyncResponse:
        """Tell the console; every order it answers with is acknowledged at once, as a box does that saved it."""
        answer = self._exchange(SyncRequest(observed=self._next(**changes), results=results, progress=progress))
        if acknowledge and answer.orders:
            ids = tuple(order.id for order in answer.orders)
            self._exchange(SyncRequest(observed=self._next(), acknowledged=ids))
        return answer

    def leave(self) -> None:
        """Goes off, with a goodbye."""
        self.say(is_leaving=True)

    def _next(self, **changes: Any) -> Observed:
        changes = {"is_leaving": False, "sequence": self.observed.sequence + 1, **changes}
        self.observed = msgspec.structs.replace(self.observed, **changes)
        return self.observed

    def _exchange(self, request: SyncRequest) -> SyncResponse:
        if not self._token:
            self._token = self._fetch_token()
        answer = _post(self._client, SYNC_PATH, request, {"authorization": f"Bearer {self._token}"})
        return msgspec.json.decode(answer, type=SyncResponse)

    def _fetch_token(self) -> str:
        assertion = self._identity.make_assertion(
            device_id=self.id, console_id=self._enrolled.console_id, now=utc_now()
        )
        answer = _post(self._client, TOKEN_PATH, TokenRequest(device_id=self.id, assertion=assertion))
        return msgspec.json.decode(answer, type=TokenResponse).token


def _post(client: httpx.Client, path: str, message: Message, headers: dict[str, str] | None = None) -> bytes:
    answer = client.post(path, content=msgspec.json.encode(message), headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.content
