"""The account's communications: a list and a reading pane, how each was delivered, a reader's e-mail preferences."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.records import NotedTag
from cebox.console.accounts.service import list_accounts, list_noted_tags
from cebox.console.announcements.preferences import load_muted, set_muted
from cebox.console.announcements.records import Announcement, find_kind
from cebox.console.announcements.service import count_by_kind, get_announcement, list_announcements, mark_read
from cebox.console.announcements.wordings import get_title, get_wording
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.deliveries.records import NO_DELIVERIES
from cebox.console.deliveries.service import UNFINISHED, list_deliveries, resend, resend_unfinished, summarise
from cebox.console.identity.records import LANGUAGES
from cebox.console.identity.service import IdentityService
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import find_language
from cebox.console.web.words import mark as _
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import UserId
from cebox.domain.role import Permission
from cebox.domain.tag import TagKind
from cebox.errors import InvalidInput

# The tabs over the list.
GROUPS: Mapping[str, tuple[str, tuple[AnnouncementKind, ...]]] = MappingProxyType(
    {
        "versions": (_("Versions"), (AnnouncementKind.RELEASE, AnnouncementKind.WITHDRAWAL)),
        "migrations": (_("Migrations"), (AnnouncementKind.MIGRATION,)),
        "infrastructure": (_("Infrastructure"), (AnnouncementKind.INFRASTRUCTURE,)),
        "messages": (_("Messages"), (AnnouncementKind.MESSAGE,)),
    }
)
_PIECE = 30
_MOST_ACCOUNTS = 500


@page()
async def show_announcements(visit: Visit) -> Response:
    """The newest beside the list; only one that is opened counts as read."""
    return await _show_mailbox(visit, None)


@page()
async def show_announcement(visit: Visit) -> Response:
    return await _show_mailbox(visit, visit.request.path_params["announcement_id"])


@page(Permission.ACT)
async def read_announcement(visit: Visit) -> Response:
    """Opening one does this by itself, so nothing is said of it; the menu's number is brought up to date."""
    announcement_id = visit.request.path_params["announcement_id"]
    async with visit.console.database.write() as unit:
        await mark_read(unit, visit.caller, visit.console.clock, announcement_id, visit.account_id)
    if visit.is_fragment:
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return visit.done("", address=f"/announcements/{announcement_id}")


@page()
async def show_deliveries(visit: Visit) -> Response:
    """Who works in an account is for those who administer it, and the vendor, who may look at all accounts at once."""
    if not visit.caller.is_vendor:
        visit.caller.verify(Permission.ADMINISTER)
    announcement_id = visit.request.path_params["announcement_id"]
    scope = _choose_scope(visit)
    states = UNFINISHED if visit.asked("state") == "unfinished" else ()
    async with visit.console.database.read() as connection:
        found = await get_announcement(connection, scope, announcement_id)
        listed = await list_deliveries(connection, scope, announcement_id, visit.piece(100), states)
        told = await summarise(connection, scope, [announcement_id])
        names = await _name_accounts(connection, visit) if visit.caller.is_vendor else {}
    template = "announcements/deliveries-part.html" if visit.is_fragment else "announcements/deliveries.html"
    return visit.show(
        template,
        shown=found,
        title=get_title(found, visit.formats.language),
        listed=listed,
        told=told.get(announcement_id, NO_DELIVERIES),
        account_names=names,
        is_all=scope.account_id is None,
    )


@page(Permission.ADMINISTER)
async def resend_one(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        again = await resend(unit, visit.caller, visit.console.clock, visit.request.path_params["delivery_id"])
    words = visit.say(_("%(address)s is sent it again."), address=again.address)
    return visit.done(words, address=f"/announcements/{again.announcement_id}/deliveries")


@page(Permission.ADMINISTER)
async def resend_all(visit: Visit) -> Response:
    announcement_id = visit.request.path_params["announcement_id"]
    async with visit.console.database.write() as unit:
        scope = _choose_scope(visit)
        number = await resend_unfinished(unit, visit.caller, visit.console.clock, announcement_id, scope)
    said = visit.formats.words.count(
        "%(number)s delivery is sent again.", "%(number)s deliveries are sent again.", number
    )
    return visit.done(said % {"number": number}, address=f"/announcements/{announcement_id}/deliveries")


@page()
async def show_preferences(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        muted = await load_muted(connection, UserId(visit.caller.user_id))
    return visit.show_dialog("announcements/preferences.html", muted=muted, kinds=list(AnnouncementKind))


@page()
async def change_preferences(visit: Visit) -> Response:
    wanted = {_read_kind(text) for text in visit.fields("kind")}
    async with visit.console.database.write() as unit:
        await set_muted(unit, visit.caller, visit.console.clock, frozenset(AnnouncementKind) - wanted)
        if visit.field("language") in LANGUAGES:
            service = IdentityService(unit, visit.caller, visit.console.clock)
            await service.set_own_preferences(language=visit.field("language"), theme=None)
    return visit.done(visit.say(_("Your preferences are kept.")), address="/announcements")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/announcements", show_announcements, methods=["GET"]),
        Route("/announcements/preferences", show_preferences, methods=["GET"]),
        Route("/announcements/preferences", change_preferences, methods=["POST"]),
        Route("/announcements/{announcement_id}", show_announcement, methods=["GET"]),
        Route("/announcements/{announcement_id}/read", read_announcement, methods=["POST"]),
        Route("/announcements/{announcement_id}/deliveries", show_deliveries, methods=["GET"]),
        Route("/announcements/{announcement_id}/deliveries", resend_all, methods=["POST"]),
        Route("/deliveries/{delivery_id}/resend", resend_one, methods=["POST"]),
    ]


async def _show_mailbox(visit: Visit, announcement_id: str | None) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    group = visit.asked("kind") if visit.asked("kind") in GROUPS else ""
    async with visit.console.database.read() as connection:
        kinds = GROUPS[group][1] if group else ()
        listed = await list_announcements(connection, visit.scope, visit.piece(_PIECE), kinds=kinds)
        counts = await count_by_kind(connection, visit.scope)
        first = listed.items[0].id if listed.items else None
        shown_id = announcement_id or first
        shown = await get_announcement(connection, visit.scope, shown_id) if shown_id else None
        told = await summarise(connection, visit.scope, [shown.id] if shown else [])
        tags = await list_noted_tags(connection, visit.scope) if shown else ()
    reading = find_language(visit.asked("language")) or visit.formats.language
    template = "announcements/mailbox.html" if visit.is_fragment else "announcements/list.html"
    return visit.show(
        template,
        listed=listed,
        titles={one.id: get_title(one, visit.formats.language) for one in listed.items},
        group=group,
        groups=GROUPS,
        group_counts={name: sum(counts.get(kind, 0) for kind in of) for name, (_words, of) in GROUPS.items()},
        total=sum(counts.values()),
        shown=shown,
        is_opened=announcement_id is not None,
        wording=get_wording(shown, reading) if shown else None,
        reading=reading,
        told=told.get(shown.id, NO_DELIVERIES) if shown else NO_DELIVERIES,
        test_tags=_list_test_tags(shown, tags) if shown else [],
        find_kind=find_kind,
        vendor=visit.console.settings.vendor_name,
    )


def _list_test_tags(shown: Announcement, tags: Sequence[NotedTag]) -> list[str]:
    """The tags that this account may test the announced version with."""
    version = str(shown.facts.get("version", ""))
    return [one.tag.name for one in tags if one.tag.kind is TagKind.VERSION and str(one.tag.version) == version]


async def _name_accounts(connection: AsyncConnection, visit: Visit) -> dict[str, str]:
    listed = await list_accounts(connection, visit.caller.scope, Page(_MOST_ACCOUNTS))
    return {account.id: account.name for account in listed.items}


def _choose_scope(visit: Visit) -> Scope:
    wants_all = "1" in (visit.asked("all"), visit.field("all"))
    return visit.caller.scope if wants_all and visit.caller.is_vendor else visit.scope


def _read_kind(text: str) -> AnnouncementKind:
    try:
        return AnnouncementKind(text)
    except ValueError as error:
        raise InvalidInput("request_malformed", f"{text!r} is no kind of announcement") from error
