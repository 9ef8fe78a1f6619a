"""Admin API: sites."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.gate import Administrator, ChosenAccount, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.sites import service
from cebox.console.sites.service import MOST_NETWORKS, SiteService
from cebox.console.wire import Answer, Asked, Line, Listing, make_listing
from cebox.domain.ids import SiteId

router = APIRouter(tags=["sites"])

Networks = Annotated[list[str], Field(max_length=MOST_NETWORKS, examples=[["10.20.4.0/24"]])]


class SiteAnswer(Answer):
    id: str
    account_id: str
    name: str
    networks: list[str]
    created_at: datetime


class SiteBody(Asked):
    name: Line
    networks: Networks = Field(default_factory=list)


class SiteChangeBody(Asked):
    """What is left out stays as it is."""

    name: Line | None = None
    networks: Networks | None = None


@router.get("/sites", summary="The sites I see")
async def list_sites(console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[SiteAnswer]:
    async with console.database.read() as connection:
        return make_listing(await service.list_sites(connection, scope, page), SiteAnswer.model_validate)


@router.post("/sites", status_code=201, summary="Add a site")
async def create_site(
    caller: Administrator, console: TheConsole, account_id: ChosenAccount, body: SiteBody
) -> SiteAnswer:
    async with console.database.write() as unit:
        site = await SiteService(unit, caller, console.clock).create_site(account_id, body.name, body.networks)
    return SiteAnswer.model_validate(site)


@router.get("/sites/{site_id}", summary="One site")
async def show_site(caller: Viewer, console: TheConsole, site_id: str) -> SiteAnswer:
    async with console.database.read() as connection:
        return SiteAnswer.model_validate(await service.get_site(connection, caller.scope, SiteId(site_id)))


@router.patch("/sites/{site_id}", summary="Rename a site, or change its networks")
async def change_site(caller: Administrator, console: TheConsole, site_id: str, body: SiteChangeBody) -> SiteAnswer:
    async with console.database.write() as unit:
        sites = SiteService(unit, caller, console.clock)
        site = await sites.change_site(SiteId(site_id), name=body.name, networks=body.networks)
    return SiteAnswer.model_validate(site)
