"""Views of the list of devices that a person keeps under a name: filters, order and columns, for one account."""

import secrets

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.devices.query import Query
from cebox.console.devices.view_repository import SavedView, ViewRepository
from cebox.console.texts import clean_line
from cebox.domain.ids import AccountId, UserId
from cebox.errors import Conflict, NotFound
from cebox.kit.clock import Clock

MOST_VIEWS = 30


async def list_views(connection: AsyncConnection, caller: Caller, account_id: AccountId) -> tuple[SavedView, ...]:
    return await ViewRepository(connection, UserId(caller.user_id), account_id).list_views(MOST_VIEWS)


class ViewService:
    """A person's own business: every role may keep views, and sees nobody else's."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock, account_id: AccountId) -> None:
        self._clock = clock
        self._views = ViewRepository(unit.connection, UserId(caller.user_id), caller.account_of(account_id))

    async def save(self, name: str, query: str) -> SavedView:
        """In the place of one so named. Raises InvalidInput (`view_name_malformed`), Conflict (`too_many_views`)."""
        view = SavedView(f"vue_{secrets.token_hex(8)}", clean_line(name, "view_name"), Query.parse(query).text)
        if await self._views.count() >= MOST_VIEWS:
            raise Conflict("too_many_views", f"a person keeps at most {MOST_VIEWS} views", hint="Remove one first.")
        await self._views.add(view, self._clock())
        return view

    async def remove(self, view_id: str) -> None:
        """Raises NotFound (`view_unknown`)."""
        if not await self._views.remove(view_id):
            raise NotFound("view_unknown", f"no view {view_id!r}", hint="List your views.")
