"""Admin API: the audit log."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter

from cebox.console.gate import ChosenPage, ChosenScope, TheConsole
from cebox.console.journal import service
from cebox.console.wire import Answer, Listing, make_listing

router = APIRouter(tags=["journal"])


class EntryAnswer(Answer):
    """`user_name` is empty when a device or the console itself did it."""

    id: int
    at: datetime
    account_id: str | None
    user_id: str
    user_name: str
    verb: str
    subject: str
    facts: dict[str, Any]


@router.get("/journal", summary="Who changed what, the newest first")
async def list_entries(console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[EntryAnswer]:
    async with console.database.read() as connection:
        return make_listing(await service.list_entries(connection, scope, page), EntryAnswer.model_validate)
