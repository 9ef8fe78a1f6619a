"""Admin API: the audit log."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from cebox.console.gate import ChosenPage, ChosenScope, TheConsole
from cebox.console.journal import service
from cebox.console.journal.files import make_export
from cebox.console.journal.repository import Filter
from cebox.console.wire import Answer, Listing, make_listing

router = APIRouter(tags=["journal"])
Word = Annotated[str, Query(max_length=200)]


class EntryAnswer(Answer):
    """`user_name` is empty when a device or the console itself did it. `before`: what facts of these names were."""

    id: int
    at: datetime
    account_id: str | None
    user_id: str
    user_name: str
    verb: str
    subject: str
    facts: dict[str, Any]
    before: dict[str, Any]
    address: str


async def choose_filter(
    user: Word = "",
    verb: Word = "",
    subject: Word = "",
    since: Annotated[datetime | None, Query(description="From here on; UTC without a zone.")] = None,
    until: Annotated[datetime | None, Query(description="Up to here, and not it.")] = None,
) -> Filter:
    return Filter(user, verb, subject, _in_zone(since), _in_zone(until))


ChosenFilter = Annotated[Filter, Depends(choose_filter)]


@router.get("/journal", summary="Who changed what, the newest first")
async def list_entries(
    console: TheConsole, scope: ChosenScope, page: ChosenPage, wanted: ChosenFilter
) -> Listing[EntryAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_entries(connection, scope, page, wanted)
    return make_listing(listed, EntryAnswer.model_validate)


@router.get(
    "/journal/export", summary="The same as a file, whole", response_class=StreamingResponse, response_model=None
)
async def export_entries(
    console: TheConsole,
    scope: ChosenScope,
    wanted: ChosenFilter,
    format: Literal["csv", "jsonl"] = "jsonl",  # noqa: A002 - the parameter's name
) -> StreamingResponse:
    return make_export(console, scope, wanted, format)


def _in_zone(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
