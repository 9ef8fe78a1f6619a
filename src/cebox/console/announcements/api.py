"""Admin API: announcements."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from cebox.console.announcements import service
from cebox.console.gate import ChosenAccount, ChosenPage, ChosenScope, Operator, TheConsole
from cebox.console.wire import Answer, Listing, make_listing

router = APIRouter(tags=["announcements"])


class AnnouncementAnswer(Answer):
    """`facts` depend on `kind`. The counts are over the accounts the caller sees."""

    id: str
    kind: str
    subject: str
    facts: dict[str, Any]
    created_at: datetime
    is_read: bool
    recipient_count: int
    read_count: int


@router.get("/announcements", summary="What was announced, the newest first")
async def list_announcements(
    console: TheConsole,
    scope: ChosenScope,
    page: ChosenPage,
    unread: Annotated[bool, Query(description="Only what is still unread.")] = False,
) -> Listing[AnnouncementAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_announcements(connection, scope, page, only_unread=unread)
    return make_listing(listed, AnnouncementAnswer.model_validate)


@router.post("/announcements/{announcement_id}/read", status_code=204, summary="Mark as read for the account")
async def mark_read(caller: Operator, console: TheConsole, account_id: ChosenAccount, announcement_id: str) -> None:
    async with console.database.write() as unit:
        await service.mark_read(unit, caller, console.clock, announcement_id, account_id)
