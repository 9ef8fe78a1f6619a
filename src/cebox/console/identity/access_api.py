"""Admin API: invitations, links, second factors, passkeys, sessions, tokens made by who is signed in."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from cebox.console.database.scope import Scope
from cebox.console.gate import (
    Administrator,
    ChosenAccount,
    ChosenPage,
    ChosenScope,
    Owner,
    TheConsole,
    Viewer,
    find_address,
    find_console_url,
)
from cebox.console.identity import passkeys
from cebox.console.identity.access_lists import (
    end_other_own_sessions,
    end_others_session,
    end_own_session,
    load_access,
    load_own_access,
    revoke_others_token,
)
from cebox.console.identity.api import NewTokenAnswer, Password, TokenAnswer, UserAnswer
from cebox.console.identity.factors import FactorService, find_rule, reset_factors, set_rule
from cebox.console.identity.links import LinkService, list_invitations, use_link
from cebox.console.identity.records import AccessLink, Factors, IssuedLink, LinkState, SignInMethod, UserSession
from cebox.console.identity.service import get_user
from cebox.console.identity.sign_in import create_token
from cebox.console.identity.webauthn import Place
from cebox.console.state import Console
from cebox.console.wire import Answer, Asked, Identifier, Line, Listing, make_listing
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Role, TokenScope

router = APIRouter(tags=["identity"])

Code = Annotated[str, Field(min_length=1, max_length=64)]
Secret = Annotated[str, Field(min_length=1, max_length=200)]


class InvitationBody(Asked):
    """`account_id` is for the vendor's people; none for one of their own."""

    email: Line
    role: Role
    account_id: Identifier | None = None
    language: Annotated[str, Field(pattern="^(fr|en)$")] = "fr"


class LinkAnswer(Answer):
    id: str
    account_id: str | None
    email: str
    role: Role
    maker: str
    created_at: datetime
    expires_at: datetime
    state: LinkState


class NewLinkAnswer(LinkAnswer):
    address: str
    """Shown now and never again."""


class UseLinkBody(Asked):
    """`secret`: the last part of the link's address. `name` is for an invitation."""

    secret: Secret
    password: Password
    name: str = ""


class FactorsAnswer(Answer):
    has_codes: bool
    recovery_codes_left: int
    passkeys: list["PasskeyAnswer"]


class PasskeyAnswer(Answer):
    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


class NewCodesAnswer(Answer):
    """`address` is what the QR code says."""

    secret: str
    address: str


class CodeBody(Asked):
    code: Code


class RecoveryCodesAnswer(Answer):
    """Shown now and never again; each opens once."""

    codes: list[str]


class ChallengeAnswer(Answer):
    step: str
    options: dict[str, Any]


class PasskeyBody(Asked):
    """`credential`: what the browser's `navigator.credentials.create` gave."""

    step: Secret
    name: Line
    credential: dict[str, Any]


class NameBody(Asked):
    name: Line


class SessionAnswer(Answer):
    id: str
    method: SignInMethod
    address: str
    agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_this: bool


class RuleBody(Asked):
    requires_second_factor: bool


class RuleAnswer(Answer):
    requires_second_factor: bool


class OwnTokenBody(Asked):
    name: Line
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90
    scope: TokenScope = TokenScope.READ


@router.get("/invitations", summary="Who was invited, the newest first")
async def show_invitations(
    caller: Viewer, console: TheConsole, scope: ChosenScope, page: ChosenPage
) -> Listing[LinkAnswer]:
    async with console.database.read() as connection:
        listed = await list_invitations(connection, caller, scope, page)
    return make_listing(listed, lambda link: _link_answer(console, link))


@router.post("/invitations", status_code=201, summary="Invite somebody; the link is shown once")
async def make_invitation(
    caller: Administrator, console: TheConsole, body: InvitationBody, request: Request
) -> NewLinkAnswer:
    account_id = AccountId(body.account_id) if body.account_id is not None else None
    async with console.database.write() as unit:
        service = LinkService(unit, caller, console.clock)
        issued = await service.invite(body.email, body.role, account_id, language=body.language)
    return _new_link_answer(console, issued, request)


@router.post("/invitations/{link_id}/renew", status_code=201, summary="Make a new link; the old one opens nothing")
async def renew_invitation(caller: Administrator, console: TheConsole, link_id: str, request: Request) -> NewLinkAnswer:
    async with console.database.write() as unit:
        issued = await LinkService(unit, caller, console.clock).renew(link_id)
    return _new_link_answer(console, issued, request)


@router.delete("/invitations/{link_id}", status_code=204, summary="Revoke an invitation")
async def revoke_invitation(caller: Administrator, console: TheConsole, link_id: str) -> None:
    async with console.database.write() as unit:
        await LinkService(unit, caller, console.clock).revoke(link_id)


@router.post("/links/use", status_code=201, summary="Use a link: become a user, or set a new password")
async def follow_link(console: TheConsole, body: UseLinkBody, request: Request) -> UserAnswer:
    console.attempts.take_alone(f"link opened from {find_address(request)}", console.clock(), most=50)
    password_hash = await console.passwords.hash(body.password)
    async with console.database.write() as unit:
        user = await use_link(unit, body.secret, body.name, password_hash, console.clock)
    return UserAnswer.model_validate(user)


@router.post("/users/{user_id}/password-link", status_code=201, summary="Make a link for a new password")
async def make_password_link(
    caller: Administrator, console: TheConsole, user_id: str, request: Request
) -> NewLinkAnswer:
    async with console.database.write() as unit:
        issued = await LinkService(unit, caller, console.clock).issue_password_link(UserId(user_id))
    return _new_link_answer(console, issued, request)


@router.delete("/users/{user_id}/second-factors", status_code=204, summary="Take a user's second factors away")
async def reset_second_factors(caller: Administrator, console: TheConsole, user_id: str) -> None:
    async with console.database.write() as unit:
        await reset_factors(unit, caller, UserId(user_id), console.clock)


@router.get("/users/{user_id}/second-factors", summary="What a user has beside a password")
async def show_second_factors(caller: Viewer, console: TheConsole, user_id: str) -> FactorsAnswer:
    async with console.database.read() as connection:
        access = await load_access(connection, caller, UserId(user_id), console.clock())
    return _factors_answer(access.factors)


@router.get("/users/{user_id}/sessions", summary="Where a user is signed in")
async def show_sessions(caller: Viewer, console: TheConsole, user_id: str) -> Listing[SessionAnswer]:
    async with console.database.read() as connection:
        access = await load_access(connection, caller, UserId(user_id), console.clock())
    return Listing(items=[_session_answer(one, caller.session_id) for one in access.sessions])


@router.delete("/users/{user_id}/sessions/{session_id}", status_code=204, summary="End a user's session")
async def end_session(caller: Administrator, console: TheConsole, user_id: str, session_id: str) -> None:
    async with console.database.write() as unit:
        await end_others_session(unit, caller, UserId(user_id), session_id, console.clock)


@router.get("/users/{user_id}/tokens", summary="A user's API tokens")
async def show_tokens(caller: Viewer, console: TheConsole, user_id: str) -> Listing[TokenAnswer]:
    async with console.database.read() as connection:
        access = await load_access(connection, caller, UserId(user_id), console.clock())
    return Listing(items=[TokenAnswer.model_validate(one) for one in access.tokens])


@router.delete("/users/{user_id}/tokens/{token_id}", status_code=204, summary="Revoke a user's API token")
async def revoke_token_of_user(caller: Administrator, console: TheConsole, user_id: str, token_id: str) -> None:
    async with console.database.write() as unit:
        await revoke_others_token(unit, caller, UserId(user_id), token_id, console.clock)


@router.get("/sign-in-rules", summary="What the account asks of whoever signs in")
async def show_rules(caller: Viewer, console: TheConsole, account_id: ChosenAccount) -> RuleAnswer:
    async with console.database.read() as connection:
        return RuleAnswer(requires_second_factor=await find_rule(connection, caller.scope, account_id))


@router.put("/sign-in-rules", summary="Ask everybody of the account for a second factor, or no longer")
async def change_rules(
    caller: Administrator, console: TheConsole, account_id: ChosenAccount, body: RuleBody
) -> RuleAnswer:
    is_required = body.requires_second_factor
    async with console.database.write() as unit:
        await set_rule(unit, caller, account_id, is_required=is_required, clock=console.clock)
    return RuleAnswer(requires_second_factor=is_required)


@router.get("/me/second-factors", summary="What I have beside a password")
async def show_my_factors(caller: Viewer, console: TheConsole) -> FactorsAnswer:
    async with console.database.read() as connection:
        access = await load_own_access(connection, caller, console.clock())
    return _factors_answer(access.factors)


@router.post("/me/codes", status_code=201, summary="Begin to set up one-time codes")
async def begin_codes(caller: Owner, console: TheConsole) -> NewCodesAnswer:
    async with console.database.write() as unit:
        new = await FactorService(unit, caller, console.clock, console.secret).begin_codes("ceBox Console")
    return NewCodesAnswer(secret=new.secret, address=new.address)


@router.post("/me/codes/confirm", summary="Finish with a first code; answers recovery codes")
async def confirm_codes(caller: Owner, console: TheConsole, body: CodeBody) -> RecoveryCodesAnswer:
    name = f"second factor of {caller.user_id}"
    console.attempts.take_alone(name, console.clock())
    async with console.database.write() as unit:
        made = await FactorService(unit, caller, console.clock, console.secret).confirm_codes(body.code)
    console.attempts.clear_alone(name)
    return RecoveryCodesAnswer(codes=list(made))


@router.delete("/me/codes", status_code=204, summary="Remove my one-time codes")
async def remove_codes(caller: Owner, console: TheConsole) -> None:
    async with console.database.write() as unit:
        await FactorService(unit, caller, console.clock, console.secret).remove_codes()


@router.post("/me/recovery-codes", status_code=201, summary="Make new recovery codes; the old ones end")
async def renew_recovery_codes(caller: Owner, console: TheConsole) -> RecoveryCodesAnswer:
    async with console.database.write() as unit:
        made = await FactorService(unit, caller, console.clock, console.secret).renew_recovery_codes()
    return RecoveryCodesAnswer(codes=list(made))


@router.post("/me/passkeys/options", status_code=201, summary="What the browser is asked to set a passkey up")
async def ask_passkey(caller: Owner, console: TheConsole, request: Request) -> ChallengeAnswer:
    challenge = await passkeys.ask_set_up(console, caller, _place(request))
    return ChallengeAnswer(step=challenge.step, options=challenge.options)


@router.post("/me/passkeys", status_code=201, summary="Set a passkey up with the browser's answer")
async def add_passkey(caller: Owner, console: TheConsole, body: PasskeyBody, request: Request) -> PasskeyAnswer:
    passkey_id = await passkeys.set_up(console, caller, _place(request), body.step, body.name, body.credential)
    return PasskeyAnswer(id=passkey_id, name=body.name, created_at=console.clock(), last_used_at=None)


@router.patch("/me/passkeys/{passkey_id}", status_code=204, summary="Rename one of my passkeys")
async def rename_passkey(caller: Owner, console: TheConsole, passkey_id: str, body: NameBody) -> None:
    async with console.database.write() as unit:
        await FactorService(unit, caller, console.clock, console.secret).rename_passkey(passkey_id, body.name)


@router.delete("/me/passkeys/{passkey_id}", status_code=204, summary="Remove one of my passkeys")
async def remove_passkey(caller: Owner, console: TheConsole, passkey_id: str) -> None:
    async with console.database.write() as unit:
        await FactorService(unit, caller, console.clock, console.secret).remove_passkey(passkey_id)


@router.get("/me/sessions", summary="Where I am signed in")
async def show_my_sessions(caller: Viewer, console: TheConsole) -> Listing[SessionAnswer]:
    async with console.database.read() as connection:
        access = await load_own_access(connection, caller, console.clock())
    return Listing(items=[_session_answer(one, caller.session_id) for one in access.sessions])


@router.delete("/me/sessions", status_code=204, summary="End my sessions, but for the one that asks")
async def end_my_other_sessions(caller: Owner, console: TheConsole) -> None:
    async with console.database.write() as unit:
        await end_other_own_sessions(unit, caller, console.clock)


@router.delete("/me/sessions/{session_id}", status_code=204, summary="End one of my sessions")
async def end_my_session(caller: Owner, console: TheConsole, session_id: str) -> None:
    async with console.database.write() as unit:
        await end_own_session(unit, caller, session_id, console.clock)


@router.post("/me/tokens", status_code=201, summary="Make an API token; asks for a recent sign-in")
async def make_my_token(caller: Owner, console: TheConsole, body: OwnTokenBody) -> NewTokenAnswer:
    caller.verify_proved_lately(console.clock())
    async with console.database.read() as connection:
        user = await get_user(connection, Scope.everything(), UserId(caller.user_id))
    lifetime = timedelta(days=body.expires_in_days)
    token, secret = await create_token(console, user, body.name, lifetime, body.scope, caller.address)
    return NewTokenAnswer(**TokenAnswer.model_validate(token).model_dump(), token=secret)


def _link_answer(console: Console, link: AccessLink) -> LinkAnswer:
    return LinkAnswer(**_link_facts(console, link))


def _new_link_answer(console: Console, issued: IssuedLink, request: Request) -> NewLinkAnswer:
    address = issued.address(find_console_url(request))
    return NewLinkAnswer(**_link_facts(console, issued.link), address=address)


def _link_facts(console: Console, link: AccessLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "account_id": link.account_id,
        "email": link.email,
        "role": link.role,
        "maker": link.maker,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "state": link.judge(console.clock()),
    }


def _factors_answer(factors: Factors) -> FactorsAnswer:
    return FactorsAnswer(
        has_codes=factors.has_codes,
        recovery_codes_left=factors.recovery_codes_left,
        passkeys=[PasskeyAnswer.model_validate(one) for one in factors.passkeys],
    )


def _session_answer(session: UserSession, own_id: str) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        method=session.method,
        address=session.address,
        agent=session.agent,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        is_this=session.id == own_id,
    )


def _place(request: Request) -> Place:
    return Place(f"{request.url.scheme}://{request.url.netloc}")
