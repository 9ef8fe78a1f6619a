"""Admin API: who I am, API tokens, users."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request
from pydantic import Field

from cebox.console.gate import Administrator, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.identity.passwords import LONGEST_PASSWORD
from cebox.console.identity.records import NewUser
from cebox.console.identity.repository import TokenRepository
from cebox.console.identity.service import IdentityService, UserChange, list_users
from cebox.console.identity.sign_in import create_token, verify_credentials
from cebox.console.journal import service as journal
from cebox.console.wire import Answer, Asked, Identifier, Line, Listing, make_listing
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Permission, Role
from cebox.errors import NotFound

router = APIRouter(tags=["identity"])

Password = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD)]


class MeAnswer(Answer):
    """`account_id` null: one of the vendor's people."""

    user_id: str
    email: str
    name: str
    role: Role
    account_id: str | None
    language: str
    theme: str
    permissions: list[Permission]
    console_id: str


class PreferencesBody(Asked):
    language: Literal["fr", "en"] | None = None
    theme: Literal["auto", "light", "dark"] | None = None


class OwnPasswordBody(Asked):
    current: Password
    new: Password


class TokenBody(Asked):
    email: Line
    password: Password
    name: Line = "api"
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenAnswer(Answer):
    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenAnswer(TokenAnswer):
    token: str
    """Shown now and never again."""


class UserBody(Asked):
    """`account_id` is for the vendor's people, who may make users of any account, and of none."""

    email: Line
    name: Line
    role: Role
    password: Password
    account_id: Identifier | None = None
    language: Literal["fr", "en"] = "fr"


class UserChangeBody(Asked):
    """What is left out stays as it is. A new password ends the user's sessions and tokens."""

    name: Line | None = None
    role: Role | None = None
    is_active: bool | None = None
    password: Password | None = None


class UserAnswer(Answer):
    id: str
    account_id: str | None
    email: str
    name: str
    role: Role
    language: str
    is_active: bool
    created_at: datetime


@router.get("/me", summary="Who I am and what I may do")
async def show_me(caller: Viewer, console: TheConsole) -> MeAnswer:
    return MeAnswer(
        user_id=caller.user_id,
        email=caller.email,
        name=caller.name,
        role=caller.role,
        account_id=caller.account_id,
        language=caller.language,
        theme=caller.theme,
        permissions=[permission for permission in Permission if caller.may(permission)],
        console_id=console.console_id,
    )


@router.patch("/me", status_code=204, summary="Choose my language and theme")
async def change_me(caller: Viewer, console: TheConsole, body: PreferencesBody) -> None:
    async with console.database.write() as unit:
        service = IdentityService(unit, caller, console.clock)
        await service.set_own_preferences(language=body.language, theme=body.theme)


@router.post("/me/password", status_code=204, summary="Change my password; my sessions and tokens end")
async def change_my_password(caller: Viewer, console: TheConsole, body: OwnPasswordBody, request: Request) -> None:
    await verify_credentials(console, caller.email, body.current, _address(request))
    password_hash = await console.passwords.hash(body.new)
    async with console.database.write() as unit:
        await IdentityService(unit, caller, console.clock).set_own_password(password_hash)


@router.post("/tokens", status_code=201, summary="Make an API token with an e-mail address and a password")
async def make_token(console: TheConsole, body: Annotated[TokenBody, Body()], request: Request) -> NewTokenAnswer:
    user = await verify_credentials(console, body.email, body.password, _address(request))
    token, secret = await create_token(console, user, body.name, timedelta(days=body.expires_in_days))
    return NewTokenAnswer(**TokenAnswer.model_validate(token).model_dump(), token=secret)


@router.get("/tokens", summary="My API tokens")
async def list_tokens(caller: Viewer, console: TheConsole) -> Listing[TokenAnswer]:
    async with console.database.read() as connection:
        tokens = await TokenRepository(connection).list_of_user(UserId(caller.user_id))
    return Listing(items=[TokenAnswer.model_validate(token) for token in tokens])


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke one of my API tokens")
async def revoke_token(caller: Viewer, console: TheConsole, token_id: str) -> None:
    async with console.database.write() as unit:
        if not await TokenRepository(unit.connection).remove(token_id, UserId(caller.user_id)):
            raise NotFound("token_not_found", f"you have no API token {token_id!r}")
        await journal.record(unit, caller, "token_revoked", token_id, {}, caller.account_id, at=console.clock())


@router.get("/users", summary="The users of my account; for the vendor, of all or of one")
async def show_users(caller: Viewer, console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[UserAnswer]:
    async with console.database.read() as connection:
        return make_listing(await list_users(connection, caller, scope, page), UserAnswer.model_validate)


@router.post("/users", status_code=201, summary="Make a user")
async def make_user(caller: Administrator, console: TheConsole, body: UserBody) -> UserAnswer:
    password_hash = await console.passwords.hash(body.password)
    account_id = AccountId(body.account_id) if body.account_id is not None else None
    new = NewUser(body.email, body.name, body.role, account_id, body.language)
    async with console.database.write() as unit:
        user = await IdentityService(unit, caller, console.clock).create_user(new, password_hash)
    return UserAnswer.model_validate(user)


@router.patch("/users/{user_id}", summary="Change a user, or put them out of service")
async def change_user(caller: Administrator, console: TheConsole, user_id: str, body: UserChangeBody) -> UserAnswer:
    password_hash = None if body.password is None else await console.passwords.hash(body.password)
    async with console.database.write() as unit:
        service = IdentityService(unit, caller, console.clock)
        user = await service.change_user(UserId(user_id), UserChange(body.name, body.role, body.is_active))
        if password_hash is not None:
            await service.set_password(user.id, password_hash)
    return UserAnswer.model_validate(user)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
