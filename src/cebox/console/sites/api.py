"""Admin API: sites."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.gate import Administrator, ChosenAccount, ChosenPage, ChosenScope, TheConsole, Viewer
from cebox.console.sites import service
from cebox.console.sites.limits import LineLimits, make_limits
from cebox.console.sites.overview import SiteOverview, load_overview
from cebox.console.sites.service import MOST_NETWORKS, SiteService
from cebox.console.wire import Answer, Asked, Line, Listing, VersionText, make_listing
from cebox.domain.ids import AccountId, SiteId

router = APIRouter(tags=["sites"])

Networks = Annotated[list[str], Field(max_length=MOST_NETWORKS, examples=[["10.20.4.0/24"]])]


class LimitsAnswer(Answer):
    """Null and empty: no limit. The window is by the clocks of `time_zone`, and may cross midnight."""

    download_bytes_per_second: int | None
    download_window: str
    time_zone: str


class SiteAnswer(Answer):
    """`limits` hold for what its machines fetch from the cloud: `own_limits`, or the account's where that is null."""

    id: str
    account_id: str
    name: str
    networks: list[str]
    created_at: datetime
    limits: LimitsAnswer
    own_limits: LimitsAnswer | None


class SiteWrsAnswer(Answer):
    """`serves` null: nothing yet. `is_behind`: below the account's version, and with it all ceBox of the site (R6)."""

    device_id: str
    name: str
    is_on: bool
    serves: VersionText | None
    staged: VersionText | None
    is_behind: bool


class SiteOverviewAnswer(Answer):
    """`versions` counts the ceBox by what they run. `window_opens_at` null: downloads may go on now."""

    site: SiteAnswer
    account_version: VersionText
    wrs: SiteWrsAnswer | None
    box_count: int
    on_count: int
    behind_count: int
    versions: dict[str, int]
    window_opens_at: datetime | None


class LimitsBody(Asked):
    download_bytes_per_second: int | None = Field(default=None, examples=[2_000_000])
    download_window: Annotated[str, Field(max_length=40, examples=["22:00-06:00"])] = ""
    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Paris"])] = "UTC"

    def make(self) -> LineLimits:
        return make_limits(self.download_bytes_per_second, self.download_window, self.time_zone)


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


@router.get("/sites/{site_id}/overview", summary="What a site's WRS serves, what its ceBox run, and its line")
async def show_site_overview(caller: Viewer, console: TheConsole, site_id: str) -> SiteOverviewAnswer:
    async with console.database.read() as connection:
        found = await load_overview(connection, caller.scope, SiteId(site_id), console.clock())
    return SiteOverviewAnswer(
        site=SiteAnswer.model_validate(found.site),
        account_version=str(found.account.version),
        wrs=_answer_wrs(found),
        box_count=found.box_count,
        on_count=found.on_count,
        behind_count=found.behind_count,
        versions={str(version): number for version, number in found.versions.items()},
        window_opens_at=found.closed_until,
    )


@router.patch("/sites/{site_id}", summary="Rename a site, or change its networks")
async def change_site(caller: Administrator, console: TheConsole, site_id: str, body: SiteChangeBody) -> SiteAnswer:
    async with console.database.write() as unit:
        sites = SiteService(unit, caller, console.clock)
        site = await sites.change_site(SiteId(site_id), name=body.name, networks=body.networks)
    return SiteAnswer.model_validate(site)


@router.put("/sites/{site_id}/limits", summary="Limit what a site's machines fetch from the cloud")
async def limit_site(caller: Administrator, console: TheConsole, site_id: str, body: LimitsBody) -> SiteAnswer:
    async with console.database.write() as unit:
        site = await SiteService(unit, caller, console.clock).set_limits(SiteId(site_id), body.make())
    return SiteAnswer.model_validate(site)


@router.delete("/sites/{site_id}/limits", summary="Let the account's limits hold at a site again")
async def unlimit_site(caller: Administrator, console: TheConsole, site_id: str) -> SiteAnswer:
    async with console.database.write() as unit:
        return SiteAnswer.model_validate(
            await SiteService(unit, caller, console.clock).set_limits(SiteId(site_id), None)
        )


@router.get("/accounts/{account_id}/limits", summary="The limits of the account's sites that have none of their own")
async def show_account_limits(caller: Viewer, console: TheConsole, account_id: str) -> LimitsAnswer:
    async with console.database.read() as connection:
        limits = await service.get_account_limits(connection, caller.scope, AccountId(account_id))
    return LimitsAnswer.model_validate(limits)


@router.put("/accounts/{account_id}/limits", summary="Limit the account's sites that have no limits of their own")
async def limit_account(caller: Administrator, console: TheConsole, account_id: str, body: LimitsBody) -> LimitsAnswer:
    async with console.database.write() as unit:
        sites = SiteService(unit, caller, console.clock)
        return LimitsAnswer.model_validate(await sites.set_account_limits(AccountId(account_id), body.make()))


def _answer_wrs(found: SiteOverview) -> SiteWrsAnswer | None:
    if found.wrs is None:
        return None
    staged = found.wrs.record.slots.staged
    return SiteWrsAnswer(
        device_id=found.wrs.record.id,
        name=found.wrs.record.name,
        is_on=found.wrs.is_on,
        serves=str(found.served) if found.served else None,
        staged=str(staged) if staged else None,
        is_behind=found.is_wrs_behind,
    )
