"""SQL of whose a thing is, by its id alone: for the journal of who looked at what."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts
from cebox.console.actions.tables import actions, commands
from cebox.console.devices.tables import devices
from cebox.console.identity.tables import users
from cebox.console.keys.tables import keys
from cebox.console.sites.tables import sites
from cebox.domain.ids import AccountId

# By what an id begins with: the id's column, and the account's.
_OWNERS: Mapping[str, tuple[Column[Any], Column[Any]]] = MappingProxyType(
    {
        "acc": (accounts.c.id, accounts.c.id),
        "act": (actions.c.id, actions.c.account_id),
        "cmd": (commands.c.id, commands.c.account_id),
        "dev": (devices.c.id, devices.c.account_id),
        "key": (keys.c.id, keys.c.account_id),
        "sit": (sites.c.id, sites.c.account_id),
        "usr": (users.c.id, users.c.account_id),
    }
)


async def find_owner(connection: AsyncConnection, thing_id: str) -> AccountId | None:
    """None for what does not exist, or belongs to no account."""
    columns = _OWNERS.get(thing_id.partition("_")[0])
    if columns is None:
        return None
    found = (await connection.execute(select(columns[1]).where(columns[0] == thing_id))).scalar_one_or_none()
    return AccountId(found) if found else None
