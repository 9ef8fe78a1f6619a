"""Steps on the way to a session: between a password and a second factor, between a challenge and its answer.

A browser holds a step's secret; the console keeps its hash, and derives from it what nobody else may know.
"""

from datetime import timedelta
from typing import Final

from cebox.console.identity.sealing import derive
from cebox.console.identity.session_repository import Step, StepRepository
from cebox.console.secret import hash_secret, make_secret
from cebox.console.state import Console
from cebox.domain.ids import UserId
from cebox.errors import NotAuthenticated

LIFETIME = timedelta(minutes=10)
SECOND_FACTOR: Final = "second-factor"
PASSKEY_SIGN_IN: Final = "passkey-sign-in"
PASSKEY_SECOND: Final = "passkey-second"
PASSKEY_PROOF: Final = "passkey-proof"
PASSKEY_SET_UP: Final = "passkey-set-up"
OIDC: Final = "oidc"


async def begin_step(console: Console, kind: str, *, user_id: str | None = None, next_address: str = "/") -> str:
    """The step's secret."""
    secret = make_secret()
    values = {
        "secret_sha256": hash_secret(secret),
        "kind": kind,
        "user_id": user_id,
        "next_address": next_address,
        "expires_at": console.clock() + LIFETIME,
    }
    async with console.database.write() as unit:
        await StepRepository(unit.connection).add(values)
    return secret


async def get_step(console: Console, kind: str, secret: str) -> Step:
    """The step, still to be taken. Raises NotAuthenticated (`sign_in_step_over`)."""
    async with console.database.read() as connection:
        step = await StepRepository(connection).find(hash_secret(secret), kind, console.clock())
    if step is None:
        raise _over()
    return step


async def take_step(console: Console, kind: str, secret: str, *, user_id: str | None = None) -> Step:
    """The step, once. `user_id`: whose it has to be. Raises NotAuthenticated (`sign_in_step_over`)."""
    async with console.database.write() as unit:
        step = await StepRepository(unit.connection).take(hash_secret(secret), kind, console.clock())
    if step is None or (user_id is not None and step.user_id != UserId(user_id)):
        raise _over()
    return step


def derive_challenge(console: Console, kind: str, secret: str) -> bytes:
    return derive(console.secret, f"challenge {kind}", secret)


def _over() -> NotAuthenticated:
    return NotAuthenticated("sign_in_step_over", "this sign-in took too long or is over", hint="Start again.")
