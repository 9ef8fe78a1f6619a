"""Actions by the clock: what nobody was heard of for too long ends, and says so."""

from datetime import timedelta

from cebox.console.actions.repository import ActionRepository
from cebox.console.database.scope import Scope
from cebox.console.devices.service import notify_change
from cebox.console.state import Console

AT_ONCE = 500
# A withdrawal whose device never answers: it never had the action.
WITHDRAWALS_KEPT = timedelta(days=30)


async def expire_actions(console: Console) -> None:
    """End what is past its deadline (R9). A device that reports later is believed (`domain.action`)."""
    now = console.clock()
    is_more = True
    while is_more:
        async with console.database.write() as unit:
            repository = ActionRepository(unit.connection, Scope.everything())
            expired = await repository.expire(now, AT_ONCE)
            for _, device_id, account_id in expired:
                notify_change(unit, device_id, account_id)
            await repository.forget_withdrawals(now - WITHDRAWALS_KEPT)
        is_more = len(expired) == AT_ONCE
