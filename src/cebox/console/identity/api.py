"""Admin API: who I am, API tokens, users."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request
from pydantic import Field

from cebox.console.database.scope import Scope
from cebox.console.gate import Administrator, ChosenPage, ChosenScope, Owner, TheConsole, Viewer, find_address
from cebox.console.identity.access_lists import revoke_own_token
from cebox.console.identity.factors import find_rule
from cebox.console.identity.passwords import LONGEST_PASSWORD
from cebox.console.identity.records import NewUser, User
from cebox.console.identity.repository import TokenRepository
from cebox.console.identity.service import IdentityService, UserChange, list_users
from cebox.console.identity.sign_in import (
    create_token,
    needs_second_factor,
    renew_proof,
    verify_credentials,
    verify_second_factor,
)
from cebox.console.state import Console
from cebox.console.wire import Answer, Asked, Identifier, Line, Listing, make_listing
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Permission, Role, TokenScope
from cebox.errors import NotAuthenticated, NotPermitted

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
    scope: TokenScope = TokenScope.MANAGE
    code: Annotated[str, Field(max_length=64)] = ""
    """A one-time or recovery code, of a user who has a second factor."""


class TokenAnswer(Answer):
    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    scope: TokenScope


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
async def change_me(caller: Owner, console: TheConsole, body: PreferencesBody) -> None:
    async with console.database.write() as unit:
        service = IdentityService(unit, caller, console.clock)
        await service.set_own_preferences(language=body.language, theme=body.theme)


@router.post("/me/password", status_code=204, summary="Change my password; my other sessions and tokens end")
async def change_my_password(caller: Owner, console: TheConsole, body: OwnPasswordBody, request: Request) -> None:
    await verify_credentials(console, caller.email, body.current, find_address(request))
    password_hash = await console.passwords.hash(body.new)
    async with console.database.write() as unit:
        await IdentityService(unit, caller, console.clock).set_own_password(password_hash)
    if caller.session_id:
        await renew_proof(console, caller)


@router.post("/tokens", status_code=201, summary="Make an API token with an e-mail address and a password")
async def make_token(console: TheConsole, body: Annotated[TokenBody, Body()], request: Request) -> NewTokenAnswer:
    address = find_address(request)
    user = await verify_credentials(console, body.email, body.password, address)
    await _verify_second_factor(console, user, body.code)
    lifetime = timedelta(days=body.expires_in_days)
    token, secret = await create_token(console, user, body.name, lifetime, body.scope, address)
    return NewTokenAnswer(**TokenAnswer.model_validate(token).model_dump(), token=secret)


@router.get("/tokens", summary="My API tokens")
async def list_tokens(caller: Viewer, console: TheConsole) -> Listing[TokenAnswer]:
    async with console.database.read() as connection:
        tokens = await TokenRepository(connection).list_of_user(UserId(caller.user_id))
    return Listing(items=[TokenAnswer.model_validate(token) for token in tokens])


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke one of my API tokens")
async def revoke_token(caller: Owner, console: TheConsole, token_id: str) -> None:
    async with console.database.write() as unit:
        await revoke_own_token(unit, caller, token_id, console.clock)


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


async def _verify_second_factor(console: Console, user: User, code: str) -> None:
    """Raises NotAuthenticated (`second_factor_needed`, `second_factor_refused`), NotPermitted (…`_required`)."""
    if await needs_second_factor(console, user):
        if not code:
            raise NotAuthenticated(
                "second_factor_needed", "this user has a second factor", hint="Send a one-time or recovery `code` too."
            )
        await verify_second_factor(console, user, code)
        return
    async with console.database.read() as connection:
        is_required = (
            await find_rule(connection, Scope.everything(), user.account_id)
            if user.account_id
            else console.settings.vendor_needs_second_factor
        )
    if is_required:
        raise NotPermitted(
            "second_factor_required",
            "this account asks everybody for a second factor",
            hint="Set one up on the page of your own sign-in.",
        )
