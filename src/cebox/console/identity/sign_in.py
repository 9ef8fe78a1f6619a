"""Signing in and staying signed in: an edge, shared by the pages, the API and the gate.

It opens its own transactions, because a password is checked for long and no transaction may wait for it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cebox.console.access import Caller
from cebox.console.database.scope import Scope
from cebox.console.identity.factors import load_factors, verify_code
from cebox.console.identity.records import ApiToken, FoundSession, Session, SignInMethod, User
from cebox.console.identity.repository import TokenRepository, UserRepository
from cebox.console.identity.session_repository import SessionRepository
from cebox.console.journal import service as journal
from cebox.console.secret import hash_secret, make_secret
from cebox.console.state import Console
from cebox.domain.ids import UserId
from cebox.domain.role import TokenScope
from cebox.errors import InvalidInput, NotAuthenticated

TOKEN_PREFIX = "cbt_"  # noqa: S105 - says what the secret is for, is none
LONGEST_TOKEN_LIFETIME = timedelta(days=366)
# Knowing the hour of a token's last use is enough; a write per request is not worth more. A person looks closer.
_NOTE_USE_EVERY = timedelta(hours=1)
_NOTE_SEEN_EVERY = timedelta(minutes=5)
_LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from, as far as anybody can tell."""

    address: str = ""
    agent: str = ""


async def verify_credentials(console: Console, email: str, password: str, address: str) -> User:
    """An unknown address and a wrong password look and last the same.

    Raises NotAuthenticated (`sign_in_refused`), Unavailable (`sign_in_throttled`).
    """
    email = email.strip().casefold()[:200].replace("\0", "")
    console.attempts.take(email, address, console.clock())
    async with console.database.read() as connection:
        found = await UserRepository(connection, Scope.everything()).find_by_email(email)
    user, password_hash = found or (None, None)
    is_right = await console.passwords.is_right(password, password_hash)
    if user is None or not is_right or not user.is_active:
        raise NotAuthenticated(
            "sign_in_refused", "the address or the password is wrong", hint="Ask an administrator for a new password."
        )
    console.attempts.clear(email, address)
    return user


async def verify_second_factor(console: Console, user: User, code: str) -> None:
    """Guesses are counted against the user, wherever they come from: whoever makes them knows the password.

    Raises NotAuthenticated (`second_factor_refused`), Unavailable (`sign_in_throttled`).
    """
    name, now = f"second factor of {user.id}", console.clock()
    console.attempts.take_alone(name, now)
    async with console.database.write() as unit:
        await verify_code(unit, console.secret, user.id, code, now)
    console.attempts.clear_alone(name)


async def needs_second_factor(console: Console, user: User) -> bool:
    async with console.database.read() as connection:
        return (await load_factors(connection, user.id)).any


async def start_session(
    console: Console, user: User, method: SignInMethod = SignInMethod.PASSWORD, origin: Origin | None = None
) -> Session:
    """Whoever calls has checked who it is, a second factor included."""
    now, origin = console.clock(), origin or Origin()
    lifetime = timedelta(seconds=console.settings.session_lifetime_seconds)
    session = Session(make_secret(), secrets.token_hex(32), now + lifetime)
    values = {
        "secret_sha256": hash_secret(session.secret),
        "user_id": user.id,
        "form_secret": session.form_secret,
        "created_at": now,
        "expires_at": session.expires_at,
        "method": method,
        "address": origin.address[:_LONGEST_AGENT],
        "agent": origin.agent[:_LONGEST_AGENT],
        "last_seen_at": now,
        "proved_at": now,
    }
    caller = user.to_caller(address=origin.address)
    async with console.database.write() as unit:
        await SessionRepository(unit.connection).add(values)
        await journal.record(unit, caller, "signed_in", user.id, {"method": method}, user.account_id, at=now)
    return session


async def find_session_caller(console: Console, secret: str, address: str = "") -> Caller | None:
    now = console.clock()
    async with console.database.read() as connection:
        found = await SessionRepository(connection).find(hash_secret(secret), now)
    if found is None:
        return None
    if now - found.session.last_seen_at >= _NOTE_SEEN_EVERY:
        async with console.database.write() as unit:
            values = {"last_seen_at": now, "address": address[:_LONGEST_AGENT] or found.session.address}
            await SessionRepository(unit.connection).change(found.session.id, found.user.id, values)
    return _make_caller(console, found, address)


async def renew_proof(console: Console, caller: Caller, method: SignInMethod | None = None) -> None:
    """The user of this session just proved again who they are."""
    values: dict[str, object] = {"proved_at": console.clock()}
    if method is not None:
        values["method"] = method
    async with console.database.write() as unit:
        await SessionRepository(unit.connection).change(caller.session_id, UserId(caller.user_id), values)


async def end_session(console: Console, secret: str) -> None:
    async with console.database.write() as unit:
        await SessionRepository(unit.connection).remove(hash_secret(secret))


async def create_token(
    console: Console,
    user: User,
    name: str,
    lifetime: timedelta,
    scope: TokenScope = TokenScope.MANAGE,
    address: str = "",
) -> tuple[ApiToken, str]:
    """The token's text is known now and never again. Raises InvalidInput (`token_lifetime_out_of_range`)."""
    if not timedelta(0) < lifetime <= LONGEST_TOKEN_LIFETIME:
        raise InvalidInput("token_lifetime_out_of_range", f"a token lives up to {LONGEST_TOKEN_LIFETIME.days} days")
    now = console.clock()
    secret = make_secret(TOKEN_PREFIX)
    token = ApiToken(f"tok_{secrets.token_hex(8)}", name, now, now + lifetime, None, scope)
    values = {
        "id": token.id,
        "secret_sha256": hash_secret(secret),
        "user_id": user.id,
        "name": name,
        "created_at": now,
        "expires_at": token.expires_at,
        "scope": scope,
    }
    caller, facts = user.to_caller(address=address), {"name": name, "scope": scope}
    async with console.database.write() as unit:
        await TokenRepository(unit.connection).add(values)
        await journal.record(unit, caller, "token_created", token.id, facts, user.account_id, at=now)
    return token, secret


async def get_token_caller(console: Console, secret: str, address: str = "") -> Caller:
    """Raises NotAuthenticated (`token_unknown`, `token_expired`)."""
    now = console.clock()
    async with console.database.read() as connection:
        found = await TokenRepository(connection).find_user(hash_secret(secret))
    if found is None:
        raise NotAuthenticated(
            "token_unknown",
            "this console did not issue this token, or it was revoked",
            hint="A token belongs to one console: check the address, or make one here with POST /api/v1/tokens.",
        )
    user, token = found
    if now >= token.expires_at:
        raise NotAuthenticated("token_expired", "this token has expired", hint="Make a new one.")
    await _note_use(console, token, now)
    return Caller(
        user.id,
        user.email,
        user.name,
        user.role,
        user.account_id,
        user.language,
        user.theme,
        address=address,
        proved_at=token.created_at,
        is_program=True,
        token_scope=token.scope,
    )


async def _note_use(console: Console, token: ApiToken, now: datetime) -> None:
    if token.last_used_at is not None and now - token.last_used_at < _NOTE_USE_EVERY:
        return
    async with console.database.write() as unit:
        await TokenRepository(unit.connection).note_use(token.id, now)


def _make_caller(console: Console, found: FoundSession, address: str) -> Caller:
    user, session = found.user, found.session
    is_required = found.requires_second_factor if user.account_id else console.settings.vendor_needs_second_factor
    return Caller(
        user.id,
        user.email,
        user.name,
        user.role,
        user.account_id,
        user.language,
        user.theme,
        found.form_secret,
        address,
        session.id,
        session.proved_at,
        must_enrol=is_required and not session.method.is_strong,
    )
