"""A scripted box: a real identity and the real messages, no system beneath. It does what a test tells it.

It keeps what a box must keep (orders executed once, results until they are received), so that tests see deliveries from
the box's side.
"""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from cebox.console.access import local_operator
from cebox.console.accounts.records import Account
from cebox.console.actions.records import Action
from cebox.console.actions.service import ActionService, get_action
from cebox.console.devices.records import DeviceView
from cebox.console.devices.service import get_device
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.version import Version
from cebox.kit.clock import Clock, format_utc
from cebox.protocol.device import (
    ENROL_PATH,
    SYNC_PATH,
    TOKEN_PATH,
    BoxPhase,
    EnrolRequest,
    EnrolResponse,
    Observed,
    Order,
    Progress,
    ReportedEvent,
    Result,
    SyncRequest,
    SyncResponse,
    Taken,
    TokenRequest,
    TokenResponse,
)
from cebox.protocol.identity import DeviceIdentity
from tests.integration.console.office import OLD, make_key


@dataclass
class ScriptedBox:
    client: httpx.AsyncClient
    clock: Clock
    kind: DeviceKind = DeviceKind.CEBOX
    name: str = "box"
    identity: DeviceIdentity = field(default_factory=DeviceIdentity.generate)
    device_id: DeviceId = field(default_factory=lambda: DeviceId(""))
    console_id: str = ""
    token: str = ""
    boot: int = 1
    sequence: int = 0
    state: dict[str, Any] = field(
        default_factory=lambda: {"phase": BoxPhase.IDLE, "place": "away", "running": str(OLD), "slot_bytes": 1 << 30}
    )
    orders: dict[str, Order] = field(default_factory=dict)
    unacknowledged: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)

    async def enrol(self, key_token: str) -> EnrolResponse:
        request = EnrolRequest(
            token=key_token,
            public_key=self.identity.public_key,
            name=self.name,
            kind=self.kind.value,
            agent_version="0.1.0",
        )
        answer = await self.post(ENROL_PATH, request)
        assert answer.status_code == 200, answer.text
        enrolled = msgspec.json.decode(answer.content, type=EnrolResponse)
        self.device_id, self.console_id = DeviceId(enrolled.device_id), enrolled.console_id
        return enrolled

    async def renew_token(self) -> None:
        assertion = self.identity.make_assertion(device_id=self.device_id, console_id=self.console_id, now=self.clock())
        answer = await self.post(TOKEN_PATH, TokenRequest(device_id=self.device_id, assertion=assertion))
        assert answer.status_code == 200, answer.text
        self.token = msgspec.json.decode(answer.content, type=TokenResponse).token

    async def sync(self, wait: int = 0, *, progress: Progress | None = None, **changes: Any) -> SyncResponse:
        """One exchange whose answer arrives. `changes` are of its observed state, and last."""
        return self.take_in(await self.ask(self.prepare(progress=progress, **changes), wait))

    def prepare(self, *, progress: Progress | None = None, **changes: Any) -> SyncRequest:
        self.state |= changes
        self.sequence += 1
        return SyncRequest(
            observed=Observed(boot=self.boot, sequence=self.sequence, **self.state),
            acknowledged=tuple(self.unacknowledged),
            results=tuple(self.results),
            progress=progress,
        )

    async def ask(self, request: SyncRequest, wait: int = 0) -> SyncResponse:
        """Send it; what is done with the answer is the caller's: dropping it is a lost answer."""
        if not self.token:
            await self.renew_token()
        answer = await self.post(SYNC_PATH, request, self._headers(wait))
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=SyncResponse)

    def take_in(self, answer: SyncResponse) -> SyncResponse:
        self.unacknowledged = []
        for order in answer.orders:
            self.orders.setdefault(order.id, order)
            self.unacknowledged.append(order.id)
        self.results = [result for result in self.results if result.id not in answer.received_results]
        self.withdrawn |= set(answer.cancelled)
        return answer

    def note(self, event: ReportedEvent, action_id: str | None = None, **fields: Any) -> Result:
        """A result to send with the next exchange."""
        result = Result(
            id=f"res_{secrets.token_hex(4)}", event=event, at=format_utc(self.clock()), action_id=action_id, **fields
        )
        self.results.append(result)
        return result

    async def report(self, event: ReportedEvent, action_id: str | None = None, **fields: Any) -> SyncResponse:
        self.note(event, action_id, **fields)
        return await self.sync()

    async def post(
        self, path: str, message: msgspec.Struct | bytes, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        content = message if isinstance(message, bytes) else msgspec.json.encode(message)
        return await self.client.post(path, content=content, headers=headers)

    def restart(self, **changes: Any) -> None:
        self.boot += 1
        self.sequence = 0
        self.state |= changes

    def _headers(self, wait: int) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", **({"prefer": f"wait={wait}"} if wait else {})}


def took(version: Version, source: str = "cloud") -> Taken:
    return Taken(version=str(version), source=source, reason="account", wan_bytes=40_000_000, way="full")


async def add_box(
    console: Console,
    client: httpx.AsyncClient,
    account: Account,
    name: str = "box",
    *,
    kind: DeviceKind = DeviceKind.CEBOX,
    site_id: SiteId | None = None,
    is_on: bool = True,
    **state: Any,
) -> ScriptedBox:
    """An enrolled box that has been heard once, or never."""
    _, token = await make_key(console, account, kind=kind, site_id=site_id)
    box = ScriptedBox(client, console.clock, kind, name)
    await box.enrol(token)
    box.state |= {"place": "site" if site_id else "away", **state}
    if is_on:
        await box.sync()
    return box


async def send_update(
    console: Console, box: ScriptedBox, tag: str | None = None, *, at_next_start: bool = False
) -> Action:
    async with console.database.write() as unit:
        service = ActionService(unit, local_operator(), console.clock)
        return await service.send_update(box.device_id, tag, at_next_start=at_next_start)


async def look_at(console: Console, box: ScriptedBox) -> DeviceView:
    """The device as pages show it, with what is still to be written."""
    await console.heartbeats.flush(console.database)
    async with console.database.read() as connection:
        return await get_device(connection, local_operator().scope, box.device_id, console.clock())


async def reload_action(console: Console, action: Action) -> Action:
    async with console.database.read() as connection:
        return await get_action(connection, local_operator().scope, action.id)


async def wait_for_waiters(console: Console, count: int) -> None:
    """Until so many exchanges are being held."""
    deadline = time.monotonic() + 5
    while console.hub.waiting_count != count:
        assert time.monotonic() < deadline, f"{console.hub.waiting_count} waiters, not {count}"
        await asyncio.sleep(0.005)
