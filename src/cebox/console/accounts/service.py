"""Accounts and what they may install: their tag, the tags handed out to them, the phase they are in (R2, R3, R12).

Reading is for everybody within their scope; making accounts, handing out tags and migrating are the vendor's. The
notice that people get before a restart is for who administers the account.
"""

import re
import secrets
import unicodedata
from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.records import Account, Migrated, Migration, NotedTag
from cebox.console.accounts.repository import AccountRepository, MigrationRepository, TagRepository
from cebox.console.announcements import service as announcements
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.journal import service as journal
from cebox.console.keys.repository import KeyRepository
from cebox.console.live.hub import account_topic, fleet_topic
from cebox.console.releases.service import load_catalogue
from cebox.console.texts import clean_line, clean_note
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import AccountId, TagName, UserId
from cebox.domain.migration import Phase, PhaseEvent, next_phase, plan_migration
from cebox.domain.notice import Notice
from cebox.domain.role import Permission
from cebox.domain.tag import Tag, TagKind, parse_tag_name
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput
from cebox.kit.clock import Clock

MIGRATED = AnnouncementKind.MIGRATION
_MOST_AT_ONCE = 500


async def get_account(connection: AsyncConnection, scope: Scope, account_id: AccountId) -> Account:
    """Raises NotFound (`account_unknown`), for another's account too."""
    return await AccountRepository(connection, scope).get(account_id)


async def list_accounts(connection: AsyncConnection, scope: Scope, page: Page) -> Listed[Account]:
    return await AccountRepository(connection, scope).list_accounts(page)


async def list_tags(connection: AsyncConnection, account_id: AccountId) -> list[Tag]:
    """The tags open to one account: its own and those handed out to it. Others' grants are not shown."""
    return [noted.tag for noted in await list_noted_tags(connection, Scope.account(account_id))]


async def list_noted_tags(connection: AsyncConnection, scope: Scope) -> tuple[NotedTag, ...]:
    return await TagRepository(connection, scope).list_tags()


async def list_migrations(connection: AsyncConnection, scope: Scope) -> tuple[Migration, ...]:
    """The newest first, a bounded number."""
    return await MigrationRepository(connection, scope).list_migrations()


async def open_production(unit: Unit, account_id: AccountId) -> None:
    """R12: the first group update after a migration opens production. In the test phase nothing changes."""
    repository = AccountRepository(unit.connection, Scope.account(account_id))
    account = await repository.get(account_id, for_change=True)
    if account.phase is Phase.MIGRATED:
        await repository.set_phase(account_id, next_phase(account.phase, PhaseEvent.DEPLOY))
        unit.notify(account_topic(account_id))


class AccountService:
    """What is done with accounts. Every call raises NotPermitted (`role_may_not`) for who may not do it."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._accounts = AccountRepository(unit.connection, caller.scope)
        self._tags = TagRepository(unit.connection, caller.scope)

    async def create_account(
        self, name: str, version: Version, *, tag_name: str | None = None, is_vendor: bool = False
    ) -> Account:
        """A new account on a published release, with its account tag.

        Raises NotFound (`release_unknown`), Conflict (`account_exists`, `tag_taken`, `release_withdrawn`),
        InvalidInput (`account_name_malformed`, `tag_malformed`).
        """
        self._caller.verify(Permission.VENDOR)
        name = clean_line(name, "account_name")
        await self._verify_offered(version)
        tag = parse_tag_name(tag_name or suggest_tag_name(name))
        now = self._clock()
        account_id = AccountId(f"acc_{secrets.token_hex(8)}")
        if not await self._tags.add_if_absent(tag, TagKind.ACCOUNT, version, note="", created_at=now):
            raise Conflict("tag_taken", f"there is already a tag {tag!r}", hint="Choose another name for the tag.")
        account = Account(account_id, name, is_vendor, tag, version, Phase.PRODUCTION, now)
        await self._accounts.add(account)
        await self._tags.grant(tag, account_id, now)
        await self._record("account_created", account_id, {"name": name, "version": str(version)}, account_id)
        self._unit.notify(account_topic(account_id))
        return account

    async def hand_out_tag(self, name: str, version: Version, account_ids: list[AccountId], note: str = "") -> NotedTag:
        """Make a version tag, or move it, and open it to these accounts, whose test phase begins.

        Sent again, it changes nothing. Accounts that held it before keep it. Raises NotFound (`account_unknown`,
        `release_unknown`), Conflict (`release_withdrawn`, `tag_is_an_accounts`), InvalidInput (`tag_malformed`,
        `accounts_missing`, `too_many_accounts`, `note_malformed`).
        """
        self._caller.verify(Permission.VENDOR)
        _verify_count(account_ids)
        tag_name = parse_tag_name(name)
        await self._verify_offered(version)
        is_moved = await self._set_version_tag(tag_name, version, clean_note(note))
        held = (await self._tags.get(tag_name)).tag.account_ids
        # In one order for everybody, so that two hand-outs cannot wait for each other.
        for account_id in sorted({*account_ids, *(held if is_moved else ())}):
            await self._open_test(tag_name, version, account_id, is_moved=is_moved)
        return await self._tags.get(tag_name)

    async def migrate_account(self, account_id: AccountId, version: Version) -> Migrated:
        """R12: move the account's version, tell the account, open the way to production.

        Sent twice, also at the same moment, it is one migration and one announcement. Raises NotFound
        (`account_unknown`, `release_unknown`), Conflict (`release_withdrawn`).
        """
        self._caller.verify(Permission.VENDOR)
        account = await self._accounts.get(account_id, for_change=True)
        plan = plan_migration(account.version, version, await load_catalogue(self._unit.connection))
        if not plan.is_change:
            return Migrated(account, None)
        phase = next_phase(account.phase, PhaseEvent.MIGRATE)
        await self._accounts.set_phase(account_id, phase)
        await self._tags.point(account.tag_name, version)
        migration = await self._keep_migration(account, version)
        await self._announce(migration)
        # Boxes learn the account's version; pages show the new phase.
        self._unit.notify(fleet_topic(account_id))
        self._unit.notify(account_topic(account_id))
        return Migrated(await self._accounts.get(account_id), migration)

    async def set_notice(self, account_id: AccountId, notice: Notice) -> Notice:
        """A countdown that runs already goes on. Raises NotFound (`account_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        account = await self._accounts.get(account_id, for_change=True)
        if notice != account.notice:
            await self._accounts.set_notice(account_id, notice)
            await self._record("notice_changed", account_id, asdict(notice), account_id)
            # Boxes are told at once; pages show it.
            self._unit.notify(fleet_topic(account_id))
            self._unit.notify(account_topic(account_id))
        return notice

    async def _set_version_tag(self, name: TagName, version: Version, note: str) -> bool:
        """Whether an existing tag now points elsewhere."""
        if await self._tags.add_if_absent(name, TagKind.VERSION, version, note=note, created_at=self._clock()):
            return False
        tag = (await self._tags.get(name, for_change=True)).tag
        if tag.kind is TagKind.ACCOUNT:
            raise Conflict(
                "tag_is_an_accounts",
                f"{name!r} is the official tag of an account",
                hint="An account tag moves with the account's migration only. Hand out a tag of another name.",
            )
        await self._tags.point(name, version, note=note or None)
        return tag.version != version

    async def _open_test(self, name: TagName, version: Version, account_id: AccountId, *, is_moved: bool) -> None:
        account = await self._accounts.get(account_id, for_change=True)
        is_new = await self._tags.grant(name, account_id, self._clock())
        if not is_new and not is_moved:
            return
        await self._accounts.set_phase(account_id, next_phase(account.phase, PhaseEvent.HAND_OUT_TAG))
        await self._record("tag_handed_out", name, {"version": str(version)}, account_id)
        self._unit.notify(account_topic(account_id))

    async def _keep_migration(self, account: Account, version: Version) -> Migration:
        migration = Migration(
            id=f"mig_{secrets.token_hex(8)}",
            account_id=account.id,
            from_version=account.version,
            to_version=version,
            user_id=UserId(self._caller.user_id),
            at=self._clock(),
        )
        await MigrationRepository(self._unit.connection, self._caller.scope).add(migration)
        facts = {"from": str(account.version), "to": str(version)}
        await self._record("account_migrated", migration.id, facts, account.id)
        return migration

    async def _announce(self, migration: Migration) -> None:
        keys = KeyRepository(self._unit.connection, Scope.account(migration.account_id))
        facts = {
            "from": str(migration.from_version),
            "to": str(migration.to_version),
            "out_of_date_keys": await keys.count_out_of_date(migration.to_version, migration.at),
        }
        subject = f"{MIGRATED}:{migration.id}"
        await announcements.announce(self._unit, MIGRATED, subject, facts, [migration.account_id], at=migration.at)

    async def _verify_offered(self, version: Version) -> None:
        plan_migration(version, version, await load_catalogue(self._unit.connection))

    async def _record(self, verb: str, subject: str, facts: dict[str, Any], account_id: AccountId) -> None:
        await journal.record(self._unit, self._caller, verb, subject, facts, account_id, at=self._clock())


def suggest_tag_name(account_name: str) -> TagName:
    """`Clinique Sud` → `clinique-sud`. Raises InvalidInput (`tag_malformed`) when nothing is left of it."""
    plain = unicodedata.normalize("NFKD", account_name).encode("ascii", "ignore").decode().lower()
    return parse_tag_name(re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-"))


def _verify_count(account_ids: list[AccountId]) -> None:
    if not account_ids:
        raise InvalidInput("accounts_missing", "a tag is handed out to at least one account")
    if len(account_ids) > _MOST_AT_ONCE:
        raise InvalidInput("too_many_accounts", f"a tag is handed out to at most {_MOST_AT_ONCE} accounts at once")
