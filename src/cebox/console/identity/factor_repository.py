"""SQL of second factors: one-time codes, recovery codes, passkeys; and of who has to have one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.scope import Scope
from cebox.console.database.statements import insert_if_absent
from cebox.console.identity.records import Factors, Passkey
from cebox.console.identity.tables import one_time_codes, passkeys, recovery_codes, sign_in_rules
from cebox.domain.ids import AccountId, UserId


class FactorRepository:
    """Those of one user."""

    def __init__(self, connection: AsyncConnection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def load(self) -> Factors:
        codes = select(one_time_codes.c.user_id).where(
            one_time_codes.c.user_id == self._user_id, one_time_codes.c.confirmed_at.is_not(None)
        )
        left = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == self._user_id)
        return Factors(
            has_codes=(await self._connection.execute(codes)).first() is not None,
            recovery_codes_left=(await self._connection.execute(left)).scalar_one(),
            passkeys=await self.list_passkeys(),
        )

    async def begin_codes(self, sealed_secret: str, at: datetime) -> None:
        """Replaces a secret that was never confirmed; a confirmed one is removed first, or stays."""
        await self._connection.execute(
            delete(one_time_codes).where(
                one_time_codes.c.user_id == self._user_id, one_time_codes.c.confirmed_at.is_(None)
            )
        )
        values = {"user_id": self._user_id, "sealed_secret": sealed_secret, "created_at": at}
        await insert_if_absent(self._connection, one_time_codes, values)

    async def find_codes(self, *, is_confirmed: bool) -> str | None:
        """The sealed secret."""
        confirmed = one_time_codes.c.confirmed_at
        statement = select(one_time_codes.c.sealed_secret).where(
            one_time_codes.c.user_id == self._user_id,
            confirmed.is_not(None) if is_confirmed else confirmed.is_(None),
        )
        return (await self._connection.execute(statement)).scalar_one_or_none()

    async def confirm_codes(self, at: datetime) -> None:
        statement = update(one_time_codes).where(one_time_codes.c.user_id == self._user_id)
        await self._connection.execute(statement.values(confirmed_at=at))

    async def use_step(self, step: int) -> bool:
        """Whether no code of this time step or a later one was used yet: of two who try at once, one is let in."""
        statement = update(one_time_codes).where(
            one_time_codes.c.user_id == self._user_id, one_time_codes.c.last_step < step
        )
        return (await self._connection.execute(statement.values(last_step=step))).rowcount == 1

    async def remove_codes(self) -> bool:
        statement = delete(one_time_codes).where(one_time_codes.c.user_id == self._user_id)
        return (await self._connection.execute(statement)).rowcount == 1

    async def replace_recovery_codes(self, code_hashes: Iterable[str], at: datetime) -> None:
        await self.remove_recovery_codes()
        rows = [{"code_sha256": one, "user_id": self._user_id, "created_at": at} for one in code_hashes]
        await self._connection.execute(insert(recovery_codes), rows)

    async def use_recovery_code(self, code_sha256: str) -> bool:
        statement = delete(recovery_codes).where(
            recovery_codes.c.code_sha256 == code_sha256, recovery_codes.c.user_id == self._user_id
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def remove_recovery_codes(self) -> None:
        await self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == self._user_id))

    async def list_passkeys(self) -> tuple[Passkey, ...]:
        statement = select(passkeys).where(passkeys.c.user_id == self._user_id)
        rows = await self._connection.execute(statement.order_by(passkeys.c.created_at, passkeys.c.id))
        return tuple(_make_passkey(row) for row in rows)

    async def rename_passkey(self, passkey_id: str, name: str) -> bool:
        statement = update(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.user_id == self._user_id)
        return (await self._connection.execute(statement.values(name=name))).rowcount == 1

    async def remove_passkey(self, passkey_id: str) -> bool:
        statement = delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.user_id == self._user_id)
        return (await self._connection.execute(statement)).rowcount == 1

    async def remove_all(self) -> None:
        await self.remove_codes()
        await self.remove_recovery_codes()
        await self._connection.execute(delete(passkeys).where(passkeys.c.user_id == self._user_id))


class PasskeyRepository:
    """A passkey is found by what its authenticator calls it: it is what says who is asking."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, values: dict[str, Any]) -> bool:
        """Whether no user had it yet."""
        return await insert_if_absent(self._connection, passkeys, values)

    async def find(self, credential_sha256: str) -> Passkey | None:
        statement = select(passkeys).where(passkeys.c.credential_sha256 == credential_sha256)
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_passkey(row) if row else None

    async def note_use(self, passkey_id: str, sign_count: int, at: datetime) -> None:
        statement = update(passkeys).where(passkeys.c.id == passkey_id)
        await self._connection.execute(statement.values(sign_count=sign_count, last_used_at=at))


class RuleRepository:
    """What an account asks of whoever signs in."""

    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def requires_second_factor(self, account_id: AccountId) -> bool:
        statement = select(sign_in_rules.c.requires_second_factor).where(
            self._scope.filter(sign_in_rules.c.account_id), sign_in_rules.c.account_id == account_id
        )
        return bool((await self._connection.execute(statement)).scalar_one_or_none())

    async def set_second_factor(self, account_id: AccountId, *, is_required: bool) -> None:
        values = {"account_id": account_id, "requires_second_factor": is_required}
        if not await insert_if_absent(self._connection, sign_in_rules, values):
            statement = update(sign_in_rules).where(
                self._scope.filter(sign_in_rules.c.account_id), sign_in_rules.c.account_id == account_id
            )
            await self._connection.execute(statement.values(requires_second_factor=is_required))


def _make_passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        id=row.id,
        user_id=UserId(row.user_id),
        name=row.name,
        credential_id=row.credential_id,
        public_key=row.public_key,
        sign_count=row.sign_count,
        rp_id=row.rp_id,
        transports=tuple(row.transports.split()),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
