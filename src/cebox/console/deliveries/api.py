"""Admin API: deliveries of an announcement."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from cebox.console.announcements.service import get_announcement
from cebox.console.deliveries import service
from cebox.console.gate import Administrator, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.wire import Answer, Listing, make_listing
from cebox.domain.announcement import Channel, DeliveryState
from cebox.domain.role import Permission

router = APIRouter(tags=["announcements"])


class DeliveryAnswer(Answer):
    """`address` is a person's e-mail address or a webhook's name. `due_at`: the next try; null once it is over. `code`
    and `answer` say how the last try went.
    """

    id: str
    announcement_id: str
    account_id: str
    channel: Channel
    target_id: str
    address: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    code: str
    answer: str
    created_at: datetime
    changed_at: datetime


@router.get("/announcements/{announcement_id}/deliveries", summary="To whom it was sent, and how far that is")
async def list_deliveries(
    caller: Viewer,
    console: TheConsole,
    scope: ChosenScope,
    page: ChosenPage,
    announcement_id: str,
    state: Annotated[DeliveryState | None, Query()] = None,
) -> Listing[DeliveryAnswer]:
    """Who works in an account is for those who administer it, and the vendor."""
    if not caller.is_vendor:
        caller.verify(Permission.ADMINISTER)
    async with console.database.read() as connection:
        await get_announcement(connection, scope, announcement_id)
        listed = await service.list_deliveries(connection, scope, announcement_id, page, [state] if state else ())
    return make_listing(listed, DeliveryAnswer.model_validate)


@router.post("/deliveries/{delivery_id}/resend", summary="Send again, with all its tries")
async def resend_delivery(caller: Administrator, console: TheConsole, delivery_id: str) -> DeliveryAnswer:
    async with console.database.write() as unit:
        return DeliveryAnswer.model_validate(await service.resend(unit, caller, console.clock, delivery_id))
