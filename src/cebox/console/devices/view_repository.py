"""SQL of people's saved views. They are one user's: nobody else reads or changes them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.devices.tables import saved_views
from cebox.domain.ids import AccountId, UserId


@dataclass(frozen=True, slots=True)
class SavedView:
    """`query` as the page's address names it (`devices.query`)."""

    id: str
    name: str
    query: str


class ViewRepository:
    def __init__(self, connection: AsyncConnection, user_id: UserId, account_id: AccountId) -> None:
        self._connection = connection
        self._user_id = user_id
        self._account_id = account_id
        self._mine = (saved_views.c.user_id == user_id, saved_views.c.account_id == account_id)

    async def list_views(self, limit: int) -> tuple[SavedView, ...]:
        """In the order they were made."""
        order = (saved_views.c.created_at, saved_views.c.id)
        rows = await self._connection.execute(select(saved_views).where(*self._mine).order_by(*order).limit(limit))
        return tuple(SavedView(row.id, row.name, row.query) for row in rows)

    async def count(self) -> int:
        statement = select(func.count()).select_from(saved_views).where(*self._mine)
        return (await self._connection.execute(statement)).scalar_one()

    async def add(self, view: SavedView, at: datetime) -> None:
        """In the place of one of the same name."""
        await self._connection.execute(delete(saved_views).where(*self._mine, saved_views.c.name == view.name))
        await self._connection.execute(
            insert(saved_views).values(
                id=view.id,
                user_id=self._user_id,
                account_id=self._account_id,
                name=view.name,
                query=view.query,
                created_at=at,
            )
        )

    async def remove(self, view_id: str) -> bool:
        statement = delete(saved_views).where(*self._mine, saved_views.c.id == view_id)
        return (await self._connection.execute(statement)).rowcount == 1
