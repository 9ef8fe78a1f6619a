"""Installation keys: made by an account's administrator, used up by machines that enrol (R13)."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.journal import service as journal
from cebox.console.keys.repository import KeyRepository, KeyUses, NamedKey
from cebox.console.live.hub import account_topic
from cebox.console.secret import hash_secret, make_secret
from cebox.console.sites.repository import SiteRepository
from cebox.console.texts import clean_line
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, KeyId, SiteId
from cebox.domain.key import Key, verify_usable
from cebox.domain.role import Permission
from cebox.errors import InvalidInput, NotAuthenticated, NotFound
from cebox.kit.clock import Clock

TOKEN_PREFIX = "cbk_"  # noqa: S105 - says what the secret is for, is none
MOST_USES = 10_000
LONGEST_LIFETIME = timedelta(days=366)
USUAL_LIFETIME = timedelta(days=30)


async def list_keys(
    connection: AsyncConnection, scope: Scope, page: Page, *, site_id: SiteId | None = None
) -> Listed[NamedKey]:
    """The newest first, with those a migration made out of date marked (R13); of one site, or all."""
    return await KeyRepository(connection, scope).list_keys(page, site_id=site_id)


async def get_key(connection: AsyncConnection, scope: Scope, key_id: KeyId) -> NamedKey:
    """Raises NotFound (`key_unknown`)."""
    found = await KeyRepository(connection, scope).find_named(key_id)
    if found is None:
        raise NotFound("key_unknown", f"no installation key {key_id!r}")
    return found


async def find_uses(connection: AsyncConnection, scope: Scope, keys: Iterable[NamedKey]) -> Mapping[KeyId, KeyUses]:
    """Which devices enrolled with `keys`; one that nobody used is not among them."""
    return await KeyRepository(connection, scope).find_uses([one.key.id for one in keys])


async def find_key_by_token(connection: AsyncConnection, token: str) -> Key | None:
    """The token says whose key it is, hence no scope. Whether it may still be used is `use_key`'s to say."""
    return await KeyRepository(connection, Scope.everything()).find_by_token(hash_secret(token))


async def use_key(unit: Unit, key: Key, *, now: datetime) -> None:
    """Take one use; of two machines that race for the last one, one gets it.

    Raises NotAuthenticated (`key_revoked`, `key_expired`, `key_used_up`).
    """
    repository = KeyRepository(unit.connection, Scope.account(key.account_id))
    if await repository.take_use(key.id, now):
        unit.notify(account_topic(key.account_id))
        return
    verify_usable(await repository.find(key.id) or key, now)
    # It was given back in between, which nobody does; refusing is the safe answer.
    raise NotAuthenticated("key_used_up", "this installation key was used as often as it may be")


class KeyService:
    """Every call raises NotPermitted (`role_may_not`) for who may not administer."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._keys = KeyRepository(unit.connection, caller.scope)

    async def create_key(
        self,
        account_id: AccountId,
        name: str,
        kind: DeviceKind,
        *,
        site_id: SiteId | None = None,
        uses: int = 1,
        lifetime: timedelta = USUAL_LIFETIME,
    ) -> tuple[Key, str]:
        """A key for the account's version, and its token, known now and never again.

        Raises NotFound (`account_unknown`, `site_unknown`), InvalidInput (`wrs_needs_site`, `key_uses_out_of_range`,
        `key_lifetime_out_of_range`, `key_name_malformed`).
        """
        self._caller.verify(Permission.ADMINISTER)
        name = clean_line(name, "key_name")
        _verify_bounds(uses, lifetime)
        scope = Scope.account(self._caller.account_of(account_id))
        account = await AccountRepository(self._unit.connection, scope).get(account_id)
        if site_id is not None:
            await SiteRepository(self._unit.connection, scope).get(site_id)
        elif kind is DeviceKind.WRS:
            raise InvalidInput("wrs_needs_site", "a WRS belongs to a site", hint="Name the site the key is for.")
        now = self._clock()
        key_id = KeyId(f"key_{secrets.token_hex(8)}")
        key = Key(key_id, account_id, site_id, kind, account.version, now + lifetime, uses)
        token = make_secret(TOKEN_PREFIX)
        named = NamedKey(key, name, self._caller.user_id, now, False)
        await self._keys.add(named, hash_secret(token))
        await self._record("key_created", key, {"name": named.name, "kind": kind, "uses": uses})
        return key, token

    async def remake_key(self, key_id: KeyId, *, is_replaced: bool = False) -> tuple[Key, str]:
        """One like it for the account's version of now (R13): as many machines, as long. `is_replaced` revokes the old.

        Raises NotFound (`key_unknown`) and what `create_key` raises.
        """
        self._caller.verify(Permission.ADMINISTER)
        old = await self._keys.find_named(key_id)
        if old is None:
            raise NotFound("key_unknown", f"no installation key {key_id!r}")
        made = await self.create_key(
            old.key.account_id,
            old.name,
            old.key.kind,
            site_id=old.key.site_id,
            uses=max(1, old.uses),
            lifetime=min(old.key.expires_at - old.created_at, LONGEST_LIFETIME),
        )
        if is_replaced:
            await self.revoke_key(key_id)
        return made

    async def note_stick(self, key_id: KeyId, token: str) -> NamedKey:
        """The key that a stick is about to be made of, by whoever was told its token. Uses nothing up.

        Raises NotFound (`key_unknown`), NotAuthenticated (`key_revoked`, `key_expired`, `key_used_up`).
        """
        self._caller.verify(Permission.ADMINISTER)
        key = await self._keys.find_by_token(hash_secret(token))
        named = await self._keys.find_named(key_id)
        if named is None or key is None or key.id != key_id:
            raise NotFound("key_unknown", f"no installation key {key_id!r} with this token")
        verify_usable(named.key, self._clock())
        await self._record("stick_made", named.key, {"name": named.name})
        return named

    async def revoke_key(self, key_id: KeyId) -> None:
        """Twice is once. Machines that enrolled with it stay. Raises NotFound (`key_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        key = await self._keys.find(key_id)
        if key is None:
            raise NotFound("key_unknown", f"no installation key {key_id!r}")
        if await self._keys.revoke(key_id):
            await self._record("key_revoked", key, {})

    async def _record(self, verb: str, key: Key, facts: dict[str, object]) -> None:
        await journal.record(self._unit, self._caller, verb, key.id, facts, key.account_id, at=self._clock())
        self._unit.notify(account_topic(key.account_id))


def _verify_bounds(uses: int, lifetime: timedelta) -> None:
    if not 1 <= uses <= MOST_USES:
        raise InvalidInput("key_uses_out_of_range", f"a key has 1 to {MOST_USES} uses")
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise InvalidInput("key_lifetime_out_of_range", f"a key lives up to {LONGEST_LIFETIME.days} days")
