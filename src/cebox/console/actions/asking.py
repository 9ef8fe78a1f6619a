"""What a request asks for: the version its tag points at now, or the account's without one (R2, R3)."""

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.repository import AccountRepository, TagRepository
from cebox.console.database.scope import Scope
from cebox.domain.ids import AccountId
from cebox.domain.tag import Asked, parse_tag_name, resolve_tag


async def read_asked(connection: AsyncConnection, account_id: AccountId, tag: str | None) -> Asked:
    """Another account's tag is unknown here. Raises NotFound (`tag_unknown`), InvalidInput (`tag_malformed`)."""
    scope = Scope.account(account_id)
    if not tag:
        account = await AccountRepository(connection, scope).get(account_id)
        return Asked(None, account.version)
    name = parse_tag_name(tag)
    found = await TagRepository(connection, scope).find(name)
    return resolve_tag(name, account_id, [found] if found else [])
