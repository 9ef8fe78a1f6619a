"""SQL of accounts, tags and migrations."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import account_unknown
from cebox.console.accounts.records import Account, Migration, NotedTag
from cebox.console.accounts.tables import accounts, migrations, tag_grants, tags
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.database.statements import insert_if_absent
from cebox.domain.ids import AccountId, TagName, UserId
from cebox.domain.migration import Phase
from cebox.domain.notice import DEFAULT_NOTICE, Notice
from cebox.domain.tag import Tag, TagKind
from cebox.domain.version import Version
from cebox.errors import Conflict, NotFound

_MOST_TAGS = 500
_MOST_MIGRATIONS = 100
_LARGEST_BATCH = 500


class AccountRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, account: Account) -> None:
        """Its tag is there already. Raises Conflict (`account_exists`)."""
        values = {
            "id": account.id,
            "name": account.name,
            "is_vendor": account.is_vendor,
            "tag_name": account.tag_name,
            "phase": account.phase,
            "created_at": account.created_at,
        }
        try:
            await self._connection.execute(insert(accounts).values(values))
        except IntegrityError as error:
            raise Conflict("account_exists", f"there is already an account {account.name!r}") from error

    async def get(self, account_id: AccountId, *, for_change: bool = False) -> Account:
        """`for_change` keeps rivals waiting until this transaction ends. Raises NotFound (`account_unknown`)."""
        if for_change:
            # A statement of its own: after waiting for a rival, the next one sees all that the rival changed.
            await self._connection.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())
        statement = self._select().where(accounts.c.id == account_id)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise account_unknown(account_id)
        return _make_account(row)

    async def list_accounts(self, page: Page) -> Listed[Account]:
        return await list_page(self._connection, self._select(), [accounts.c.name], page, _make_account)

    async def list_customer_ids(self) -> tuple[AccountId, ...]:
        """Everyone who is told of a release: all accounts but the vendor's own."""
        statement = select(accounts.c.id).where(self._scope.filter(accounts.c.id), ~accounts.c.is_vendor)
        return tuple(AccountId(name) for name in (await self._connection.execute(statement)).scalars())

    async def set_line_limits(self, account_id: AccountId, limits: dict[str, Any] | None) -> None:
        statement = update(accounts).where(self._scope.filter(accounts.c.id), accounts.c.id == account_id)
        await self._connection.execute(statement.values(line_limits=limits))

    async def find_line_limits(self, account_id: AccountId) -> dict[str, Any] | None:
        statement = select(accounts.c.line_limits)
        where = (self._scope.filter(accounts.c.id), accounts.c.id == account_id)
        limits: dict[str, Any] | None = (await self._connection.execute(statement.where(*where))).scalar_one_or_none()
        return limits

    async def set_notice(self, account_id: AccountId, notice: Notice) -> None:
        statement = update(accounts).where(self._scope.filter(accounts.c.id), accounts.c.id == account_id)
        await self._connection.execute(statement.values(notice=asdict(notice)))

    async def set_phase(self, account_id: AccountId, phase: Phase) -> None:
        statement = update(accounts).where(self._scope.filter(accounts.c.id), accounts.c.id == account_id)
        await self._connection.execute(statement.values(phase=phase))

    def _select(self) -> Select[Any]:
        return (
            select(accounts, tags.c.version)
            .join(tags, tags.c.name == accounts.c.tag_name)
            .where(self._scope.filter(accounts.c.id))
        )


class TagRepository:
    """Tags stand beside the accounts; a grant is what makes one visible to an account."""

    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add_if_absent(
        self, name: TagName, kind: TagKind, version: Version, *, note: str, created_at: datetime
    ) -> bool:
        values = {"name": name, "kind": kind, "version": str(version), "note": note, "created_at": created_at}
        return await insert_if_absent(self._connection, tags, values)

    async def grant(self, name: TagName, account_id: AccountId, granted_at: datetime) -> bool:
        """Whether it is new to the account."""
        values = {"tag_name": name, "account_id": account_id, "granted_at": granted_at}
        return await insert_if_absent(self._connection, tag_grants, values)

    async def get(self, name: TagName, *, for_change: bool = False) -> NotedTag:
        """With the holders this scope sees. Raises NotFound (`tag_unknown`)."""
        found = await self._find(name, for_change=for_change)
        if found is None:
            raise NotFound("tag_unknown", f"no tag {name!r}")
        return found

    async def find(self, name: TagName) -> Tag | None:
        """None, too, when nobody in scope holds it."""
        found = await self._find(name)
        return found.tag if found else None

    async def _find(self, name: TagName, *, for_change: bool = False) -> NotedTag | None:
        statement = select(tags).where(tags.c.name == name)
        row = (await self._connection.execute(statement.with_for_update() if for_change else statement)).one_or_none()
        holders = (await self._holders([name]))[name]
        if row is None or (not holders and self._scope.account_id is not None):
            return None
        return NotedTag(_make_tag(row, frozenset(holders)), row.note, row.created_at)

    async def point(self, name: TagName, version: Version, *, note: str | None = None) -> None:
        """Move the tag to another release."""
        values = {"version": str(version), **({} if note is None else {"note": note})}
        await self._connection.execute(update(tags).where(tags.c.name == name).values(values))

    async def list_tags(self) -> tuple[NotedTag, ...]:
        """Those granted to somebody in this scope, each with the accounts in scope that hold it; newest first."""
        visible = (
            select(tags.c.name)
            .join(tag_grants, and_(tag_grants.c.tag_name == tags.c.name, self._scope.filter(tag_grants.c.account_id)))
            .distinct()
        )
        statement = (
            select(tags)
            .where(tags.c.name.in_(visible))
            .order_by(tags.c.created_at.desc(), tags.c.name)
            .limit(_MOST_TAGS)
        )
        rows = (await self._connection.execute(statement)).all()
        holders = await self._holders([row.name for row in rows])
        return tuple(NotedTag(_make_tag(row, frozenset(holders[row.name])), row.note, row.created_at) for row in rows)

    async def _holders(self, names: Iterable[str]) -> dict[str, set[AccountId]]:
        found: dict[str, set[AccountId]] = {name: set() for name in names}
        wanted = list(found)
        for start in range(0, len(wanted), _LARGEST_BATCH):
            statement = select(tag_grants).where(
                tag_grants.c.tag_name.in_(wanted[start : start + _LARGEST_BATCH]),
                self._scope.filter(tag_grants.c.account_id),
            )
            for row in await self._connection.execute(statement):
                found[row.tag_name].add(AccountId(row.account_id))
        return found


class MigrationRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, migration: Migration) -> None:
        await self._connection.execute(
            insert(migrations).values(
                id=migration.id,
                account_id=migration.account_id,
                from_version=str(migration.from_version),
                to_version=str(migration.to_version),
                user_id=migration.user_id,
                at=migration.at,
            )
        )

    async def list_migrations(self) -> tuple[Migration, ...]:
        """The newest first."""
        statement = (
            select(migrations)
            .where(self._scope.filter(migrations.c.account_id))
            .order_by(migrations.c.at.desc(), migrations.c.id)
            .limit(_MOST_MIGRATIONS)
        )
        return tuple(_make_migration(row) for row in await self._connection.execute(statement))


def _make_account(row: Row[Any]) -> Account:
    return Account(
        id=AccountId(row.id),
        name=row.name,
        is_vendor=row.is_vendor,
        tag_name=TagName(row.tag_name),
        version=Version.parse(row.version),
        phase=Phase(row.phase),
        created_at=row.created_at,
        notice=_load_notice(row.notice),
    )


def _load_notice(columns: dict[str, Any] | None) -> Notice:
    """What a newer console added is left aside."""
    if columns is None:
        return DEFAULT_NOTICE
    return Notice(**{name: columns[name] for name in Notice.__slots__ if name in columns})


def _make_tag(row: Row[Any], account_ids: frozenset[AccountId]) -> Tag:
    return Tag(TagName(row.name), TagKind(row.kind), Version.parse(row.version), account_ids)


def _make_migration(row: Row[Any]) -> Migration:
    return Migration(
        id=row.id,
        account_id=AccountId(row.account_id),
        from_version=Version.parse(row.from_version),
        to_version=Version.parse(row.to_version),
        user_id=UserId(row.user_id),
        at=row.at,
    )
