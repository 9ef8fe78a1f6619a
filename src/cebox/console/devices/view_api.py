"""Admin API: the views of the list of devices that the caller keeps."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.devices.query import LONGEST_QUERY
from cebox.console.devices.saved_views import ViewService, list_views
from cebox.console.gate import ChosenAccount, TheConsole, Viewer
from cebox.console.wire import Answer, Asked, Line

router = APIRouter(tags=["devices"])


class ViewAnswer(Answer):
    """`query` is what stands behind `/devices?`: filters, order and columns."""

    id: str
    name: str
    query: str


class ViewBody(Asked):
    name: Line
    query: Annotated[str, Field(max_length=LONGEST_QUERY, description="Such as `version=behind&order=site`.")]


@router.get("/views", summary="The views of devices I keep")
async def list_device_views(caller: Viewer, console: TheConsole, account_id: ChosenAccount) -> list[ViewAnswer]:
    async with console.database.read() as connection:
        return [ViewAnswer.model_validate(view) for view in await list_views(connection, caller, account_id)]


@router.post("/views", status_code=201, summary="Keep a view, in the place of one so named")
async def keep_device_view(
    caller: Viewer, console: TheConsole, account_id: ChosenAccount, body: ViewBody
) -> ViewAnswer:
    async with console.database.write() as unit:
        service = ViewService(unit, caller, console.clock, account_id)
        return ViewAnswer.model_validate(await service.save(body.name, body.query))


@router.delete("/views/{view_id}", status_code=204, summary="Remove a view I keep")
async def remove_device_view(caller: Viewer, console: TheConsole, account_id: ChosenAccount, view_id: str) -> None:
    async with console.database.write() as unit:
        await ViewService(unit, caller, console.clock, account_id).remove(view_id)
