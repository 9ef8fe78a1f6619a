"""Noting that the vendor's people looked at an account: an edge, called before a page or an answer is made."""

from collections.abc import Sequence

from cebox.console.access import Caller
from cebox.console.journal import service
from cebox.console.journal.owner_repository import find_owner
from cebox.console.state import Console
from cebox.domain.ids import AccountId


async def note_look(
    console: Console, caller: Caller, page: str, named: Sequence[str], account_id: AccountId | None
) -> None:
    """`named`: ids of the address, the first of which with an owner says whose page it is; without any, `account_id`.

    What exists nowhere is no look. What is of all accounts at once is of none: `account_id` None. A customer's own
    people are not watched here.
    """
    if not caller.is_vendor:
        return
    if named:
        async with console.database.read() as connection:
            owners = [owner for one in named if (owner := await find_owner(connection, one))]
        if not owners and account_id is None:
            return
        account_id = owners[0] if owners else account_id
    look, now = (caller.user_id, account_id, page), console.clock()
    if not console.looks.begin(look, now):
        return
    try:
        async with console.database.write() as unit:
            subject = account_id or "*"
            await service.record(unit, caller, "account_viewed", subject, {"page": page}, account_id, at=now)
    except BaseException:
        # Whoever was not noted sees nothing; the next try is noted.
        console.looks.forget(look)
        raise
