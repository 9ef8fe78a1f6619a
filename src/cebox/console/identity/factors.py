"""A user's second factors: set up and taken away by themselves, taken away by who administers, checked at sign-in."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.identity import codes
from cebox.console.identity.factor_repository import FactorRepository, PasskeyRepository, RuleRepository
from cebox.console.identity.records import Factors, SignInMethod, User
from cebox.console.identity.sealing import seal, unseal
from cebox.console.identity.service import end_access, get_user, verify_giving
from cebox.console.identity.session_repository import SessionRepository
from cebox.console.identity.webauthn import Registered
from cebox.console.journal import service as journal
from cebox.console.secret import hash_secret
from cebox.console.texts import clean_line
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Permission
from cebox.errors import Conflict, NotAuthenticated, NotFound
from cebox.kit.clock import Clock

_SEALED_FOR = "one-time codes"
MOST_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class NewCodes:
    """`address` is the QR code's content, `secret` the same to be typed."""

    secret: str = field(repr=False)
    address: str = field(repr=False)


async def load_factors(connection: AsyncConnection, user_id: UserId) -> Factors:
    return await FactorRepository(connection, user_id).load()


async def verify_code(unit: Unit, console_secret: bytes, user_id: UserId, text: str, now: datetime) -> None:
    """A one-time code or a recovery code, used up by it. Raises NotAuthenticated (`second_factor_refused`)."""
    factors, code = FactorRepository(unit.connection, user_id), codes.clean_code(text)
    if codes.is_totp(code):
        sealed = await factors.find_codes(is_confirmed=True)
        step = codes.find_step(unseal(console_secret, _SEALED_FOR, user_id, sealed), code, now) if sealed else None
        is_right = step is not None and await factors.use_step(step)
    else:
        is_right = await factors.use_recovery_code(codes.hash_recovery_code(code))
    if not is_right:
        raise NotAuthenticated(
            "second_factor_refused",
            "this code is wrong, too old or was used already",
            hint="Wait for the next code, or use a recovery code.",
        )


class FactorService:
    """Those of `caller`: every change asks for a recent proof of who they are."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock, console_secret: bytes) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._secret = console_secret
        self._user_id = UserId(caller.user_id)
        self._factors = FactorRepository(unit.connection, self._user_id)

    async def begin_codes(self, issuer: str) -> NewCodes:
        """They count once a first code was right. Raises Conflict (`codes_exist`), NotPermitted (`proof_too_old`)."""
        self._verify()
        if (await self._factors.load()).has_codes:
            raise Conflict("codes_exist", "one-time codes are set up already", hint="Remove them first.")
        secret = codes.make_totp_secret()
        await self._factors.begin_codes(seal(self._secret, _SEALED_FOR, self._user_id, secret), self._clock())
        return NewCodes(secret, codes.totp_address(secret, self._caller.email, issuer))

    async def confirm_codes(self, text: str) -> tuple[str, ...]:
        """New recovery codes, shown now and never again.

        Raises NotAuthenticated (`second_factor_refused`), NotFound (`codes_not_begun`), NotPermitted (`proof_too_old`).
        """
        self._verify()
        sealed = await self._factors.find_codes(is_confirmed=False)
        if sealed is None:
            raise NotFound("codes_not_begun", "no one-time codes are being set up", hint="Begin again.")
        secret = unseal(self._secret, _SEALED_FOR, self._user_id, sealed)
        step = codes.find_step(secret, codes.clean_code(text), self._clock())
        if step is None or not await self._factors.use_step(step):
            raise NotAuthenticated(
                "second_factor_refused", "this code is wrong", hint="Check the clock of the authenticator."
            )
        await self._factors.confirm_codes(self._clock())
        await self._strengthen()
        await self._record("codes_set_up", {})
        return await self._make_recovery_codes()

    async def remove_codes(self) -> None:
        """Raises NotFound (`codes_not_begun`), NotPermitted (`proof_too_old`)."""
        self._verify()
        if not await self._factors.remove_codes():
            raise NotFound("codes_not_begun", "there are no one-time codes")
        await self._drop_recovery_codes_of_nothing()
        await self._record("codes_removed", {})

    async def renew_recovery_codes(self) -> tuple[str, ...]:
        """The old ones end. Raises NotFound (`second_factor_missing`), NotPermitted (`proof_too_old`)."""
        self._verify()
        if not (await self._factors.load()).any:
            raise NotFound("second_factor_missing", "there is no second factor to recover", hint="Set one up first.")
        await self._record("recovery_codes_made", {})
        return await self._make_recovery_codes()

    async def add_passkey(self, registered: Registered, name: str) -> str:
        """The passkey's id. Raises Conflict (`passkey_exists`, `too_many_passkeys`), InvalidInput, NotPermitted."""
        self._verify()
        if len(await self._factors.list_passkeys()) >= MOST_PASSKEYS:
            raise Conflict("too_many_passkeys", f"a user has at most {MOST_PASSKEYS} passkeys")
        passkey_id, line = f"pky_{secrets.token_hex(8)}", clean_line(name, "passkey_name")
        values: Mapping[str, Any] = {
            "id": passkey_id,
            "user_id": self._user_id,
            "credential_sha256": hash_secret(registered.credential_id),
            "credential_id": registered.credential_id,
            "public_key": registered.public_key,
            "sign_count": registered.sign_count,
            "rp_id": registered.rp_id,
            "transports": " ".join(registered.transports),
            "name": line,
            "created_at": self._clock(),
        }
        if not await PasskeyRepository(self._unit.connection).add(dict(values)):
            raise Conflict("passkey_exists", "this passkey is set up already")
        await self._strengthen()
        await self._record("passkey_added", {"name": line})
        return passkey_id

    async def rename_passkey(self, passkey_id: str, name: str) -> None:
        """Raises NotFound (`passkey_unknown`), InvalidInput (`passkey_name_malformed`)."""
        line = clean_line(name, "passkey_name")
        if not await self._factors.rename_passkey(passkey_id, line):
            raise _passkey_unknown(passkey_id)
        await self._record("passkey_renamed", {"name": line})

    async def remove_passkey(self, passkey_id: str) -> None:
        """Raises NotFound (`passkey_unknown`), NotPermitted (`proof_too_old`)."""
        self._verify()
        if not await self._factors.remove_passkey(passkey_id):
            raise _passkey_unknown(passkey_id)
        await self._drop_recovery_codes_of_nothing()
        await self._record("passkey_removed", {"passkey": passkey_id})

    async def _make_recovery_codes(self) -> tuple[str, ...]:
        made = codes.make_recovery_codes()
        await self._factors.replace_recovery_codes(map(codes.hash_recovery_code, made), self._clock())
        return made

    async def _drop_recovery_codes_of_nothing(self) -> None:
        if not (await self._factors.load()).any:
            await self._factors.remove_recovery_codes()

    async def _strengthen(self) -> None:
        """Whoever just proved that they hold the new factor need not sign in again with it."""
        if self._caller.session_id:
            values = {"method": SignInMethod.SECOND_FACTOR}
            await SessionRepository(self._unit.connection).change(self._caller.session_id, self._user_id, values)

    def _verify(self) -> None:
        self._caller.verify_proved_lately(self._clock())

    async def _record(self, verb: str, facts: dict[str, object]) -> None:
        at, caller = self._clock(), self._caller
        await journal.record(self._unit, caller, verb, self._user_id, facts, caller.account_id, at=at)


async def reset_factors(unit: Unit, caller: Caller, user_id: UserId, clock: Clock) -> User:
    """For a user who lost them all: what they had is gone, and so is whoever is signed in as them.

    Raises NotFound (`user_unknown`), NotPermitted (`role_may_not`, `role_not_yours_to_give`, `proof_too_old`).
    """
    caller.verify(Permission.ADMINISTER)
    caller.verify_proved(clock())
    user = await get_user(unit.connection, caller.scope, user_id)
    verify_giving(caller, user.role)
    await FactorRepository(unit.connection, user_id).remove_all()
    await end_access(unit, user_id)
    await journal.record(unit, caller, "second_factors_reset", user_id, {}, user.account_id, at=clock())
    unit.notify("users")
    return user


async def find_rule(connection: AsyncConnection, scope: Scope, account_id: AccountId) -> bool:
    """Whether everybody of the account needs a second factor."""
    return await RuleRepository(connection, scope).requires_second_factor(account_id)


async def set_rule(unit: Unit, caller: Caller, account_id: AccountId, *, is_required: bool, clock: Clock) -> None:
    """Whoever has no second factor sets one up at once. Raises NotPermitted (`role_may_not`, `proof_too_old`)."""
    caller.verify(Permission.ADMINISTER)
    caller.verify_proved(clock())
    rules = RuleRepository(unit.connection, caller.scope)
    before = await rules.requires_second_factor(account_id)
    if before == is_required:
        return
    await rules.set_second_factor(account_id, is_required=is_required)
    facts, was = {"second_factor_required": is_required}, {"second_factor_required": before}
    await journal.record(unit, caller, "sign_in_rule_changed", account_id, facts, account_id, at=clock(), before=was)
    unit.notify("users")


def _passkey_unknown(passkey_id: str) -> NotFound:
    return NotFound("passkey_unknown", f"you have no passkey {passkey_id!r}")
