"""The account and its procedure: test with a tag, migration by the vendor, production without a tag (R11, R12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.records import Account, NotedTag
from cebox.console.accounts.service import (
    AccountService,
    get_account,
    list_accounts,
    list_migrations,
    list_noted_tags,
)
from cebox.console.accounts.words import notice_words, read_notice
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceFilters, DeviceView
from cebox.console.devices.service import count_devices, list_devices, load_domain_device
from cebox.console.keys.service import list_keys
from cebox.console.releases.service import list_releases
from cebox.console.sites.repository import Site
from cebox.console.sites.service import list_sites
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, SiteId
from cebox.domain.key import is_out_of_date
from cebox.domain.migration import Phase
from cebox.domain.procedure import Step, StepKind, plan_procedure
from cebox.domain.role import Permission
from cebox.domain.tag import TagKind
from cebox.domain.version import Version

_PIECE = 500
_MOST_DEVICES = 10_000


@dataclass(frozen=True, slots=True)
class Job:
    """One step of one site, with the devices it still concerns. The first open one that is not done is current."""

    step: Step
    devices: tuple[DeviceView, ...]
    is_current: bool

    @property
    def name(self) -> StepKind:
        return self.step.kind


@dataclass(frozen=True, slots=True)
class SiteProcedure:
    """`site` None is the devices without a site."""

    site: Site | None
    wrs: DeviceView | None
    box_count: int
    jobs: tuple[Job, ...]

    @property
    def is_done(self) -> bool:
        return all(job.step.is_done for job in self.jobs)


@page()
async def show_account(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        tags = await list_noted_tags(connection, visit.scope)
        target_tag = choose_test_tag(visit.account, tags)
        target = target_tag.tag.version if target_tag else visit.account.version
        procedures = await _load_procedures(connection, visit, target)
        migrations = await list_migrations(connection, visit.scope)
    template = "accounts/account-part.html" if visit.is_fragment else "accounts/account.html"
    return visit.show(
        template,
        tags=tags,
        target=target,
        target_tag=target_tag,
        procedures=procedures,
        migrations=migrations,
        phases=list(Phase),
        notice_words=notice_words(visit.formats, visit.account.notice),
    )


@page()
async def show_accounts(visit: Visit) -> Response:
    # A customer sees the one account there is for them: their own.
    async with visit.console.database.read() as connection:
        listed = await list_accounts(connection, visit.caller.scope, visit.piece(100))
        now, counts = visit.formats.now, {}
        for account in listed.items:
            scope = Scope.account(account.id)
            counts[account.id] = (
                await count_devices(connection, scope, DeviceFilters(), now),
                await count_devices(connection, scope, DeviceFilters(is_behind=True), now),
            )
    return visit.show("accounts/list.html", listed=listed, counts=counts)


@page(Permission.VENDOR)
async def show_new_account(visit: Visit) -> Response:
    return visit.show_dialog("accounts/new.html", releases=await _load_offers(visit))


@page(Permission.VENDOR)
async def create_account(visit: Visit) -> Response:
    version = Version.parse(visit.field("version"))
    async with visit.console.database.write() as unit:
        service = AccountService(unit, visit.caller, visit.console.clock)
        account = await service.create_account(visit.field("name"), version, tag_name=visit.field("tag") or None)
    return visit.done(visit.say(_("Account %(name)s made."), name=account.name), address="/accounts")


@page(Permission.VENDOR)
async def show_hand_out(visit: Visit) -> Response:
    return visit.show_dialog("accounts/hand-out.html", releases=await _load_offers(visit))


@page(Permission.VENDOR)
async def hand_out(visit: Visit) -> Response:
    version = Version.parse(visit.field("version"))
    account_ids = [AccountId(text) for text in visit.fields("for")]
    async with visit.console.database.write() as unit:
        service = AccountService(unit, visit.caller, visit.console.clock)
        noted = await service.hand_out_tag(visit.field("name"), version, account_ids, visit.field("note"))
    words = _("Tag %(tag)s handed out: %(version)s.")
    return visit.done(visit.say(words, tag=noted.tag.name, version=noted.tag.version), address="/account")


@page(Permission.VENDOR)
async def show_migration(visit: Visit) -> Response:
    releases = await _load_offers(visit)
    chosen = _choose_target(visit, releases)
    now = visit.formats.now
    async with visit.console.database.read() as connection:
        total = await count_devices(connection, visit.scope, DeviceFilters(), now)
        there = await count_devices(connection, visit.scope, DeviceFilters(version=chosen), now) if chosen else 0
        keys = (await list_keys(connection, visit.scope, Page(_PIECE))).items
    usable = [one.key for one in keys if not one.key.is_revoked and one.key.expires_at > now and one.key.uses_left]
    return visit.show_dialog(
        "accounts/migrate.html",
        releases=releases,
        chosen=chosen,
        device_count=total,
        there_count=there,
        key_count=sum(1 for key in usable if chosen and is_out_of_date(key, chosen)),
    )


@page(Permission.VENDOR)
async def migrate(visit: Visit) -> Response:
    version = Version.parse(visit.field("version"))
    async with visit.console.database.write() as unit:
        service = AccountService(unit, visit.caller, visit.console.clock)
        migrated = await service.migrate_account(visit.account_id, version)
    words = _("%(name)s is now in %(version)s.") if migrated.migration else _("%(name)s was already in %(version)s.")
    return visit.done(visit.say(words, name=migrated.account.name, version=version), address="/account")


@page(Permission.ADMINISTER)
async def show_notice(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        account = await get_account(connection, visit.scope, visit.account_id)
    return visit.show_dialog("accounts/notice.html", notice=account.notice)


@page(Permission.ADMINISTER)
async def change_notice(visit: Visit) -> Response:
    notice = read_notice(visit.field("countdown"), visit.field("postponement"), visit.field("times"))
    async with visit.console.database.write() as unit:
        await AccountService(unit, visit.caller, visit.console.clock).set_notice(visit.account_id, notice)
    return visit.done(notice_words(visit.formats, notice), address="/account")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/account", show_account, methods=["GET"]),
        Route("/account/notice", show_notice, methods=["GET"]),
        Route("/account/notice", change_notice, methods=["POST"]),
        Route("/account/tag", show_hand_out, methods=["GET"]),
        Route("/account/tag", hand_out, methods=["POST"]),
        Route("/account/migration", show_migration, methods=["GET"]),
        Route("/account/migration", migrate, methods=["POST"]),
        Route("/accounts", show_accounts, methods=["GET"]),
        Route("/accounts/new", show_new_account, methods=["GET"]),
        Route("/accounts/new", create_account, methods=["POST"]),
    ]


def choose_test_tag(account: Account, tags: Sequence[NotedTag]) -> NotedTag | None:
    """In the test phase, the version tag the procedure is about: the newest one above the account's version."""
    ahead = [one for one in tags if one.tag.kind is TagKind.VERSION and one.tag.version > account.version]
    return max(ahead, key=lambda one: one.tag.version) if account.phase is Phase.TEST and ahead else None


def plan_site(site: Site | None, views: Sequence[DeviceView], target: Version, now: datetime) -> SiteProcedure:
    by_id = {view.record.id: view for view in views}
    devices = [load_domain_device(view.record, view.open_actions, now) for view in views]
    jobs: list[Job] = []
    for step in plan_procedure(devices, target):
        is_current = step.is_open and not step.is_done and not any(job.is_current for job in jobs)
        jobs.append(Job(step, tuple(by_id[device_id] for device_id in step.device_ids), is_current))
    wrs = next((view for view in views if view.record.kind is DeviceKind.WRS), None)
    return SiteProcedure(site, wrs, sum(view.record.kind is DeviceKind.CEBOX for view in views), tuple(jobs))


async def _load_procedures(connection: AsyncConnection, visit: Visit, target: Version) -> list[SiteProcedure]:
    views = await _load_devices(connection, visit)
    sites = (await list_sites(connection, visit.scope, Page(_PIECE))).items
    by_site: Mapping[SiteId | None, list[DeviceView]] = {site.id: [] for site in sites} | {None: []}
    for view in views:
        by_site.get(view.record.site_id, by_site[None]).append(view)
    places: list[Site | None] = [*sites, None]
    procedures = [plan_site(site, by_site[site.id if site else None], target, visit.formats.now) for site in places]
    return [one for one in procedures if one.wrs or one.box_count]


async def _load_devices(connection: AsyncConnection, visit: Visit) -> list[DeviceView]:
    views: list[DeviceView] = []
    after = None
    while len(views) < _MOST_DEVICES:
        piece = await list_devices(connection, visit.scope, DeviceFilters(), Page(_PIECE, after), visit.formats.now)
        views.extend(piece.items)
        after = piece.next
        if after is None:
            break
    return views


async def _load_offers(visit: Visit) -> list[Version]:
    """What may be chosen, the newest first."""
    async with visit.console.database.read() as connection:
        listed = await list_releases(connection, Page(_PIECE))
    return [one.release.version for one in listed.items if not one.release.is_withdrawn]


def _choose_target(visit: Visit, releases: Sequence[Version]) -> Version | None:
    if named := visit.asked("version"):
        return Version.parse(named)
    return releases[0] if releases else None
