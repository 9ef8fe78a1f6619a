"""Passkeys at work: challenges handed out and answered. An edge: it opens its own transactions."""

from dataclasses import dataclass
from typing import Any

from cebox.console.access import Caller
from cebox.console.database.scope import Scope
from cebox.console.identity import steps, webauthn
from cebox.console.identity.factor_repository import PasskeyRepository
from cebox.console.identity.factors import FactorService, load_factors
from cebox.console.identity.records import Passkey, User
from cebox.console.identity.service import get_user
from cebox.console.identity.webauthn import Credential, Place
from cebox.console.secret import hash_secret
from cebox.console.state import Console
from cebox.domain.ids import UserId
from cebox.errors import NotAuthenticated


@dataclass(frozen=True, slots=True)
class Challenge:
    """`step` comes back with the answer; `options` are for the browser."""

    step: str
    options: dict[str, Any]


async def ask_set_up(console: Console, caller: Caller, place: Place) -> Challenge:
    """Raises NotPermitted (`proof_too_old`)."""
    caller.verify_proved_lately(console.clock())
    async with console.database.read() as connection:
        known = (await load_factors(connection, UserId(caller.user_id))).passkeys
    step = await steps.begin_step(console, steps.PASSKEY_SET_UP, user_id=caller.user_id)
    challenge = steps.derive_challenge(console, steps.PASSKEY_SET_UP, step)
    options = webauthn.ask_registration(
        place, challenge, user_id=caller.user_id, email=caller.email, name=caller.name, known=known
    )
    return Challenge(step, options)


async def set_up(console: Console, caller: Caller, place: Place, step: str, name: str, credential: Credential) -> str:
    """The new passkey's id. Raises InvalidInput (`passkey_refused`), NotAuthenticated (`sign_in_step_over`), …"""
    await steps.take_step(console, steps.PASSKEY_SET_UP, step, user_id=caller.user_id)
    challenge = steps.derive_challenge(console, steps.PASSKEY_SET_UP, step)
    registered = webauthn.verify_registration(place, challenge, credential)
    async with console.database.write() as unit:
        return await FactorService(unit, caller, console.clock, console.secret).add_passkey(registered, name)


async def ask_anybody(console: Console, place: Place, next_address: str) -> Challenge:
    """For a sign-in without a name: nobody learns who has passkeys."""
    step = await steps.begin_step(console, steps.PASSKEY_SIGN_IN, next_address=next_address)
    options = webauthn.ask_sign_in(place, steps.derive_challenge(console, steps.PASSKEY_SIGN_IN, step))
    return Challenge(step, options)


async def ask_user(console: Console, place: Place, kind: str, user_id: str) -> Challenge:
    """For a user who is known already, by a password or a session."""
    async with console.database.read() as connection:
        known = (await load_factors(connection, UserId(user_id))).passkeys
    if not known:
        raise NotAuthenticated("passkey_refused_at_sign_in", "there is no passkey", hint="Use another way.")
    step = await steps.begin_step(console, kind, user_id=user_id)
    return Challenge(step, webauthn.ask_sign_in(place, steps.derive_challenge(console, kind, step), known))


async def verify_anybody(console: Console, place: Place, step: str, credential: Credential) -> tuple[User, str]:
    """Who it is, and where they were going. Raises NotAuthenticated (`passkey_refused_at_sign_in`, …)."""
    taken = await steps.take_step(console, steps.PASSKEY_SIGN_IN, step)
    challenge = steps.derive_challenge(console, steps.PASSKEY_SIGN_IN, step)
    passkey = await _verify(console, place, challenge, credential, needs_verification=True)
    async with console.database.read() as connection:
        user = await get_user(connection, Scope.everything(), passkey.user_id)
    if not user.is_active:
        raise NotAuthenticated("passkey_refused_at_sign_in", "this user is out of service")
    return user, taken.next_address


async def verify_user(
    console: Console, place: Place, kind: str, step: str, credential: Credential, user_id: str
) -> None:
    """Raises NotAuthenticated (`passkey_refused_at_sign_in`, `sign_in_step_over`)."""
    await steps.take_step(console, kind, step, user_id=user_id)
    challenge = steps.derive_challenge(console, kind, step)
    passkey = await _verify(console, place, challenge, credential, needs_verification=False)
    if passkey.user_id != user_id:
        raise NotAuthenticated("passkey_refused_at_sign_in", "this passkey is somebody else's")


async def _verify(
    console: Console, place: Place, challenge: bytes, credential: Credential, *, needs_verification: bool
) -> Passkey:
    credential_sha256 = hash_secret(webauthn.read_credential_id(credential))
    async with console.database.write() as unit:
        passkeys = PasskeyRepository(unit.connection)
        passkey = await passkeys.find(credential_sha256)
        if passkey is None:
            raise NotAuthenticated(
                "passkey_refused_at_sign_in", "this passkey opens nothing here", hint="Use another one, or a password."
            )
        sign_count = webauthn.verify_sign_in(
            place, challenge, credential, passkey, needs_verification=needs_verification
        )
        await passkeys.note_use(passkey.id, sign_count, console.clock())
    return passkey
