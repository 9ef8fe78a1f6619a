"""Admin API: installation keys."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.accounts.service import get_account
from cebox.console.gate import Administrator, ChosenAccount, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.keys import service
from cebox.console.keys.preparing import Preparation, PreparationState
from cebox.console.keys.repository import KeyUses, NamedKey
from cebox.console.keys.service import LONGEST_LIFETIME, MOST_USES, KeyService
from cebox.console.wire import Answer, Asked, Identifier, Line, Listing, VersionText, make_listing
from cebox.domain.device import DeviceKind
from cebox.domain.ids import KeyId, SiteId
from cebox.domain.version import Version

router = APIRouter(tags=["keys"])


class KeyUseAnswer(Answer):
    """A device that enrolled with the key, and is still there."""

    id: str
    name: str


class KeyAnswer(Answer):
    """`is_out_of_date`: made for another version than the account's; make a new one. `used_by` names the latest ones of
    `used_count` devices.
    """

    id: str
    account_id: str
    site_id: str | None
    name: str
    kind: DeviceKind
    version: VersionText
    uses: int
    uses_left: int
    is_revoked: bool
    is_out_of_date: bool
    created_by: str
    created_by_name: str
    created_at: datetime
    expires_at: datetime
    used_count: int
    used_by: tuple[KeyUseAnswer, ...]


class KeySourceAnswer(Answer):
    """What a key needs to know besides; empty: the console was not told."""

    repository_url: str
    """Where the releases are. They are believed because they are signed, not for this word."""
    console_url: str
    """Where machines reach the console, if not where you do."""


class NewKeyAnswer(Answer):
    id: str
    version: VersionText
    expires_at: datetime
    token: str
    """Goes onto the key; shown now and never again."""


class KeyBody(Asked):
    """A key for a WRS names its site."""

    name: Line
    kind: DeviceKind = DeviceKind.CEBOX
    site_id: Identifier | None = None
    uses: Annotated[int, Field(ge=1, le=MOST_USES)] = 1
    expires_in_days: Annotated[int, Field(ge=1, le=LONGEST_LIFETIME.days)] = 30


class RemakeBody(Asked):
    """`revoke`: the old one enrols nothing any more."""

    revoke: bool = False


class PreparationAnswer(Answer):
    """How far the images of the account's version are on their way to this console, whose sticks are made of them."""

    version: VersionText
    state: PreparationState
    done_bytes: int
    total_bytes: int
    code: str


@router.get("/keys", summary="The installation keys I see, the newest first")
async def list_keys(console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[KeyAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_keys(connection, scope, page)
        uses = await service.find_uses(connection, scope, listed.items)
    return make_listing(listed, lambda one: _answer_key(one, uses.get(one.key.id, KeyUses())))


@router.get("/keys/source", summary="Where the releases are that keys install, and where machines enrol")
async def get_key_source(_caller: Viewer, console: TheConsole) -> KeySourceAnswer:
    settings = console.settings
    return KeySourceAnswer(repository_url=settings.public_repository_url, console_url=settings.public_url)


@router.get("/keys/preparation", summary="How far the images are that a stick is made of")
async def show_preparation(caller: Viewer, console: TheConsole, account_id: ChosenAccount) -> PreparationAnswer:
    async with console.database.read() as connection:
        account = await get_account(connection, caller.scope, account_id)
    return _answer_preparation(account.version, console.sticks.look(account.version))


@router.post("/keys/preparation", status_code=202, summary="Bring the images of the account's version here, for sticks")
async def start_preparation(caller: Administrator, console: TheConsole, account_id: ChosenAccount) -> PreparationAnswer:
    async with console.database.read() as connection:
        account = await get_account(connection, caller.scope, account_id)
    return _answer_preparation(account.version, console.sticks.start(console.settings, account.version, console.clock))


@router.post("/keys", status_code=201, summary="Make an installation key for the account's version")
async def create_key(
    caller: Administrator, console: TheConsole, account_id: ChosenAccount, body: KeyBody
) -> NewKeyAnswer:
    async with console.database.write() as unit:
        key, token = await KeyService(unit, caller, console.clock).create_key(
            account_id,
            body.name,
            body.kind,
            site_id=SiteId(body.site_id) if body.site_id is not None else None,
            uses=body.uses,
            lifetime=timedelta(days=body.expires_in_days),
        )
    return NewKeyAnswer(id=key.id, version=str(key.version), expires_at=key.expires_at, token=token)


@router.post("/keys/{key_id}/remake", status_code=201, summary="Make a key like this one for the account's version")
async def remake_key(caller: Administrator, console: TheConsole, key_id: str, body: RemakeBody) -> NewKeyAnswer:
    async with console.database.write() as unit:
        service = KeyService(unit, caller, console.clock)
        key, token = await service.remake_key(KeyId(key_id), is_replaced=body.revoke)
    return NewKeyAnswer(id=key.id, version=str(key.version), expires_at=key.expires_at, token=token)


@router.delete("/keys/{key_id}", status_code=204, summary="Revoke a key; machines that used it stay")
async def revoke_key(caller: Administrator, console: TheConsole, key_id: str) -> None:
    async with console.database.write() as unit:
        await KeyService(unit, caller, console.clock).revoke_key(KeyId(key_id))


def _answer_preparation(version: Version, found: Preparation) -> PreparationAnswer:
    return PreparationAnswer(
        version=str(version),
        state=found.state,
        done_bytes=found.done_bytes,
        total_bytes=found.total_bytes,
        code=found.code,
    )


def _answer_key(named: NamedKey, uses: KeyUses) -> KeyAnswer:
    key = named.key
    return KeyAnswer(
        id=key.id,
        account_id=key.account_id,
        site_id=key.site_id,
        name=named.name,
        kind=key.kind,
        version=str(key.version),
        uses=named.uses,
        uses_left=key.uses_left,
        is_revoked=key.is_revoked,
        is_out_of_date=named.is_out_of_date,
        created_by=named.created_by,
        created_by_name=named.maker,
        created_at=named.created_at,
        expires_at=key.expires_at,
        used_count=uses.count,
        used_by=tuple(KeyUseAnswer(id=use.device_id, name=use.name) for use in uses.latest),
    )
