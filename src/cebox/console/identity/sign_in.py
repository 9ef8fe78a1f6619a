"""Signing in and staying signed in: an edge, shared by the pages, the API and the gate.

It opens its own transactions, because a password is checked for long and no transaction may wait for it.
"""

import secrets
from datetime import datetime, timedelta

from cebox.console.access import Caller
from cebox.console.database.scope import Scope
from cebox.console.identity.records import ApiToken, Session, User
from cebox.console.identity.repository import SessionRepository, TokenRepository, UserRepository
from cebox.console.journal import service as journal
from cebox.console.secret import hash_secret, make_secret
from cebox.console.state import Console
from cebox.errors import InvalidInput, NotAuthenticated

TOKEN_PREFIX = "cbt_"  # noqa: S105 - says what the secret is for, is none
LONGEST_TOKEN_LIFETIME = timedelta(days=366)
# Knowing the hour of a token's last use is enough; a write per request is not worth more.
_NOTE_USE_EVERY = timedelta(hours=1)


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


async def start_session(console: Console, user: User) -> Session:
    now = console.clock()
    lifetime = timedelta(seconds=console.settings.session_lifetime_seconds)
    session = Session(make_secret(), secrets.token_hex(32), now + lifetime)
    values = {
        "secret_sha256": hash_secret(session.secret),
        "user_id": user.id,
        "form_secret": session.form_secret,
        "created_at": now,
        "expires_at": session.expires_at,
    }
    async with console.database.write() as unit:
        await SessionRepository(unit.connection).add(values)
        await journal.record(unit, user.to_caller(), "signed_in", user.id, {}, user.account_id, at=now)
    return session


async def find_session_caller(console: Console, secret: str) -> Caller | None:
    async with console.database.read() as connection:
        found = await SessionRepository(connection).find_user(hash_secret(secret), console.clock())
    if found is None:
        return None
    user, form_secret = found
    return user.to_caller(form_secret)


async def end_session(console: Console, secret: str) -> None:
    async with console.database.write() as unit:
        await SessionRepository(unit.connection).remove(hash_secret(secret))


async def create_token(console: Console, user: User, name: str, lifetime: timedelta) -> tuple[ApiToken, str]:
    """The token's text is known now and never again. Raises InvalidInput (`token_lifetime_out_of_range`)."""
    if not timedelta(0) < lifetime <= LONGEST_TOKEN_LIFETIME:
        raise InvalidInput("token_lifetime_out_of_range", f"a token lives up to {LONGEST_TOKEN_LIFETIME.days} days")
    now = console.clock()
    secret = make_secret(TOKEN_PREFIX)
    token = ApiToken(f"tok_{secrets.token_hex(8)}", name, now, now + lifetime, None)
    values = {
        "id": token.id,
        "secret_sha256": hash_secret(secret),
        "user_id": user.id,
        "name": name,
        "created_at": now,
        "expires_at": token.expires_at,
    }
    async with console.database.write() as unit:
        await TokenRepository(unit.connection).add(values)
        await journal.record(unit, user.to_caller(), "token_created", token.id, {"name": name}, user.account_id, at=now)
    return token, secret


async def get_token_caller(console: Console, secret: str) -> Caller:
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
    return user.to_caller()


async def _note_use(console: Console, token: ApiToken, now: datetime) -> None:
    if token.last_used_at is not None and now - token.last_used_at < _NOTE_USE_EVERY:
        return
    async with console.database.write() as unit:
        await TokenRepository(unit.connection).note_use(token.id, now)
