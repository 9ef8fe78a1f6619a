"""The account: its version, tags and migrations, its notice. Its procedure is `console.procedure`'s."""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

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
from cebox.console.devices.records import DeviceFilters
from cebox.console.devices.service import count_devices
from cebox.console.keys.service import list_keys
from cebox.console.procedure.repository import ProcedureRepository
from cebox.console.releases.service import list_releases
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.ids import AccountId
from cebox.domain.key import is_out_of_date
from cebox.domain.migration import Phase
from cebox.domain.role import Permission
from cebox.domain.version import Version

_PIECE = 500


@page()
async def show_account(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        tags = await list_noted_tags(connection, visit.scope)
        migrations = await list_migrations(connection, visit.scope)
    template = "accounts/account-part.html" if visit.is_fragment else "accounts/account.html"
    return visit.show(
        template,
        tags=tags,
        migrations=migrations,
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
        choice = await ProcedureRepository(connection, visit.scope).find_choice(visit.account_id)
    usable = [one.key for one in keys if not one.key.is_revoked and one.key.expires_at > now and one.key.uses_left]
    return visit.show_dialog(
        "accounts/migrate.html",
        releases=releases,
        chosen=chosen,
        device_count=total,
        there_count=there,
        approval=choice.approval if choice.approval and choice.approval.version == chosen else None,
        is_test=visit.account is not None and visit.account.phase is Phase.TEST,
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


async def _load_offers(visit: Visit) -> list[Version]:
    """What may be chosen, the newest first."""
    async with visit.console.database.read() as connection:
        listed = await list_releases(connection, Page(_PIECE))
    return [one.release.version for one in listed.items if not one.release.is_withdrawn]


def _choose_target(visit: Visit, releases: Sequence[Version]) -> Version | None:
    if named := visit.asked("version"):
        return Version.parse(named)
    return releases[0] if releases else None
