"""SQL of the links that let somebody in once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.identity.records import AccessLink, LinkPurpose
from cebox.console.identity.tables import access_links, users
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Role


class LinkRepository:
    """Whoever holds a link's secret looks it up with `Scope.everything()`: it is what says who they are."""

    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, values: dict[str, Any]) -> None:
        await self._connection.execute(insert(access_links).values(values))

    async def find(self, link_id: str) -> AccessLink | None:
        return await self._find_one(self._select().where(access_links.c.id == link_id))

    async def find_by_secret(self, secret_sha256: str) -> AccessLink | None:
        return await self._find_one(self._select().where(access_links.c.secret_sha256 == secret_sha256))

    async def list_invitations(self, page: Page) -> Listed[AccessLink]:
        """The newest first, those that are over too."""
        statement = self._select().where(access_links.c.purpose == LinkPurpose.INVITATION)
        keys = [access_links.c.created_at, access_links.c.id]
        return await list_page(self._connection, statement, keys, page, _make_link, is_descending=True)

    async def change(self, link_id: str, values: dict[str, Any]) -> None:
        await self._connection.execute(self._update().where(access_links.c.id == link_id).values(values))

    async def use(self, link_id: str, at: datetime) -> bool:
        """Whether it was still open: of two who use it at once, one does."""
        open_ones = (access_links.c.used_at.is_(None), access_links.c.revoked_at.is_(None))
        statement = self._update().where(access_links.c.id == link_id, *open_ones).values(used_at=at)
        return (await self._connection.execute(statement)).rowcount == 1

    async def revoke_invitations(self, email: str, at: datetime) -> None:
        await self._revoke(LinkPurpose.INVITATION, access_links.c.email == email, at)

    async def revoke_of_user(self, user_id: UserId, at: datetime) -> None:
        await self._revoke(LinkPurpose.PASSWORD, access_links.c.user_id == user_id, at)

    async def find_open_invitation(self, email: str, now: datetime) -> AccessLink | None:
        """The newest one to this address."""
        statement = self._select().where(
            access_links.c.purpose == LinkPurpose.INVITATION,
            access_links.c.email == email,
            access_links.c.used_at.is_(None),
            access_links.c.revoked_at.is_(None),
            access_links.c.expires_at > now,
        )
        return await self._find_one(statement.order_by(access_links.c.created_at.desc()).limit(1))

    async def _revoke(self, purpose: LinkPurpose, whose: Any, at: datetime) -> None:
        still_open = (access_links.c.used_at.is_(None), access_links.c.revoked_at.is_(None))
        statement = self._update().where(access_links.c.purpose == purpose, whose, *still_open)
        await self._connection.execute(statement.values(revoked_at=at))

    async def _find_one(self, statement: Select[Any]) -> AccessLink | None:
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_link(row) if row else None

    def _select(self) -> Select[Any]:
        return (
            select(access_links, users.c.name.label("maker"))
            .select_from(access_links.outerjoin(users, users.c.id == access_links.c.made_by))
            .where(self._scope.filter(access_links.c.account_id))
        )

    def _update(self) -> Any:
        return update(access_links).where(self._scope.filter(access_links.c.account_id))


def _make_link(row: Row[Any]) -> AccessLink:
    return AccessLink(
        id=row.id,
        purpose=LinkPurpose(row.purpose),
        account_id=AccountId(row.account_id) if row.account_id else None,
        user_id=UserId(row.user_id) if row.user_id else None,
        email=row.email,
        role=Role(row.role),
        language=row.language,
        maker=row.maker or "",
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
