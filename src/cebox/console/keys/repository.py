"""SQL of the installation keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts, tags
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.devices.tables import devices
from cebox.console.identity.tables import users
from cebox.console.keys.tables import keys
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, DeviceId, KeyId, SiteId
from cebox.domain.key import Key, is_out_of_date
from cebox.domain.version import Version

MOST_USERS_NAMED = 10


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key as its makers see it; R13: `is_out_of_date` asks for a new one. `maker` is empty when that was no user of
    the console's.
    """

    key: Key
    name: str
    created_by: str
    created_at: datetime
    is_out_of_date: bool
    maker: str = ""
    uses: int = 0

    @property
    def used_count(self) -> int:
        """How many machines enrolled with it, those gone since too."""
        return max(0, self.uses - self.key.uses_left)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A device that enrolled with a key."""

    device_id: DeviceId
    name: str


@dataclass(frozen=True, slots=True)
class KeyUses:
    """How many devices that are still there enrolled with a key, and the latest of them."""

    count: int = 0
    latest: tuple[KeyUse, ...] = ()


class KeyRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, named: NamedKey, token_sha256: str) -> None:
        key = named.key
        await self._connection.execute(
            insert(keys).values(
                id=key.id,
                account_id=key.account_id,
                site_id=key.site_id,
                name=named.name,
                kind=key.kind,
                version=str(key.version),
                token_sha256=token_sha256,
                uses_left=key.uses_left,
                uses=key.uses_left,
                is_revoked=key.is_revoked,
                created_by=named.created_by,
                created_at=named.created_at,
                expires_at=key.expires_at,
            )
        )

    async def find(self, key_id: KeyId) -> Key | None:
        return await self._find(keys.c.id == key_id)

    async def find_by_token(self, token_sha256: str) -> Key | None:
        return await self._find(keys.c.token_sha256 == token_sha256)

    async def find_named(self, key_id: KeyId) -> NamedKey | None:
        row = (await self._connection.execute(self._select_named().where(keys.c.id == key_id))).one_or_none()
        return _make_named_key(row) if row else None

    async def list_keys(self, page: Page, *, site_id: SiteId | None = None) -> Listed[NamedKey]:
        """The newest first; of one site, or all."""
        order = [keys.c.created_at, keys.c.id]
        statement = self._select_named()
        if site_id is not None:
            statement = statement.where(keys.c.site_id == site_id)
        return await list_page(self._connection, statement, order, page, _make_named_key, is_descending=True)

    async def find_uses(self, key_ids: Collection[KeyId]) -> Mapping[KeyId, KeyUses]:
        """Of those that were used."""
        found: dict[KeyId, KeyUses] = {}
        for chunk in chunk_ids(key_ids):
            for row in await self._connection.execute(self._select_latest_uses(chunk)):
                known = found.get(KeyId(row.key_id), KeyUses())
                use = KeyUse(DeviceId(row.id), row.name)
                found[KeyId(row.key_id)] = KeyUses(row.count, (*known.latest, use))
        return found

    async def count_out_of_date(self, version: Version, now: datetime) -> int:
        """Keys that could still be used and were made for another version."""
        statement = select(func.count()).where(
            self._scope.filter(keys.c.account_id), _is_usable(now), keys.c.version != str(version)
        )
        return (await self._connection.execute(statement)).scalar_one()

    async def take_use(self, key_id: KeyId, now: datetime) -> bool:
        """One statement, so that two machines cannot share one use; False when there is none to take."""
        statement = update(keys).where(keys.c.id == key_id, self._scope.filter(keys.c.account_id), _is_usable(now))
        return (await self._connection.execute(statement.values(uses_left=keys.c.uses_left - 1))).rowcount == 1

    async def revoke(self, key_id: KeyId) -> bool:
        """Whether it was not before."""
        statement = update(keys).where(keys.c.id == key_id, self._scope.filter(keys.c.account_id), ~keys.c.is_revoked)
        return (await self._connection.execute(statement.values(is_revoked=True))).rowcount == 1

    def _select_named(self) -> Select[Any]:
        return (
            select(keys, tags.c.version.label("account_version"), users.c.name.label("maker"))
            .join(accounts, accounts.c.id == keys.c.account_id)
            .join(tags, tags.c.name == accounts.c.tag_name)
            .outerjoin(users, users.c.id == keys.c.created_by)
            .where(self._scope.filter(keys.c.account_id))
        )

    def _select_latest_uses(self, key_ids: Collection[KeyId]) -> Select[Any]:
        place = func.row_number().over(
            partition_by=devices.c.key_id, order_by=(devices.c.enrolled_at.desc(), devices.c.id)
        )
        count = func.count().over(partition_by=devices.c.key_id)
        ranked = (
            select(devices.c.id, devices.c.key_id, devices.c.name, place.label("place"), count.label("count"))
            .where(self._scope.filter(devices.c.account_id), devices.c.key_id.in_(key_ids))
            .subquery()
        )
        return select(ranked).where(ranked.c.place <= MOST_USERS_NAMED).order_by(ranked.c.key_id, ranked.c.place)

    async def _find(self, condition: ColumnElement[bool]) -> Key | None:
        statement = select(keys).where(self._scope.filter(keys.c.account_id), condition)
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_key(row) if row else None


def _is_usable(now: datetime) -> ColumnElement[bool]:
    return and_(keys.c.uses_left > 0, ~keys.c.is_revoked, keys.c.expires_at > now)


def _make_key(row: Row[Any]) -> Key:
    return Key(
        id=KeyId(row.id),
        account_id=AccountId(row.account_id),
        site_id=SiteId(row.site_id) if row.site_id else None,
        kind=DeviceKind(row.kind),
        version=Version.parse(row.version),
        expires_at=row.expires_at,
        uses_left=row.uses_left,
        is_revoked=row.is_revoked,
    )


def _make_named_key(row: Row[Any]) -> NamedKey:
    key = _make_key(row)
    return NamedKey(
        key=key,
        name=row.name,
        created_by=row.created_by,
        created_at=row.created_at,
        is_out_of_date=is_out_of_date(key, Version.parse(row.account_version)),
        maker=row.maker or "",
        uses=row.uses,
    )
