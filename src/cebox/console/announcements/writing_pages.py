"""The vendor's side: what was sent to whom and read by whom, writing to customers, and the wordings of each kind."""

from datetime import datetime

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.service import list_accounts
from cebox.console.announcements.records import find_kind
from cebox.console.announcements.service import get_announcement, list_announcements, list_recipients
from cebox.console.announcements.wordings import get_title, get_wording, list_own_kinds, load_wordings
from cebox.console.announcements.writing import (
    WRITTEN_KINDS,
    Message,
    WritingService,
    draw_once,
    make_message,
    preview_message,
    preview_wording,
)
from cebox.console.database.paging import Page
from cebox.console.deliveries.records import NO_DELIVERIES
from cebox.console.deliveries.service import summarise, summarise_by_account
from cebox.console.web.refusals import find_refusal
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import LANGUAGES, Language
from cebox.console.web.words import mark as _
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission
from cebox.domain.wording import PLACEHOLDERS, Fault, list_faults
from cebox.errors import InvalidInput, NotPermitted
from cebox.kit.zones import get_zone

_MOST_ACCOUNTS = 500
_MOST_FAULTS = 20


@page()
async def show_sent(visit: Visit) -> Response:
    _verify_vendor(visit)
    async with visit.console.database.read() as connection:
        listed = await list_announcements(connection, visit.caller.scope, visit.piece(50))
        told = await summarise(connection, visit.caller.scope, [one.id for one in listed.items])
    titles = {one.id: get_title(one, visit.formats.language) for one in listed.items}
    template = "announcements/sent-part.html" if visit.is_fragment else "announcements/sent.html"
    return visit.show(template, listed=listed, titles=titles, all_told=told, nothing=NO_DELIVERIES, find_kind=find_kind)


@page()
async def show_one_sent(visit: Visit) -> Response:
    _verify_vendor(visit)
    announcement_id = visit.request.path_params["announcement_id"]
    async with visit.console.database.read() as connection:
        shown = await get_announcement(connection, visit.caller.scope, announcement_id)
        listed = await list_recipients(connection, visit.caller.scope, announcement_id, visit.piece(100))
        ids = [one.account_id for one in listed.items]
        told = await summarise_by_account(connection, visit.caller.scope, announcement_id, ids)
        whole = await summarise(connection, visit.caller.scope, [announcement_id])
    template = "announcements/recipients-part.html" if visit.is_fragment else "announcements/recipients.html"
    return visit.show(
        template,
        shown=shown,
        wording=get_wording(shown, visit.formats.language),
        listed=listed,
        by_account=told,
        told=whole.get(announcement_id, NO_DELIVERIES),
        nothing=NO_DELIVERIES,
        kind=find_kind(shown.kind),
    )


@page(Permission.VENDOR)
async def show_writing(visit: Visit) -> Response:
    kind = _read_kind(visit.asked("kind") or AnnouncementKind.MESSAGE)
    async with visit.console.database.read() as connection:
        wordings = await load_wordings(connection, kind)
        accounts = (await list_accounts(connection, visit.caller.scope, Page(_MOST_ACCOUNTS))).items
    return visit.show(
        "announcements/write.html",
        kind=kind,
        kinds=WRITTEN_KINDS,
        wordings=wordings,
        customers=[account for account in accounts if not account.is_vendor],
        once=draw_once(),
        names=PLACEHOLDERS[kind],
    )


@page(Permission.VENDOR)
async def preview(visit: Visit) -> Response:
    """What is shown is what is sent: the button carries these very words along."""
    if faults := _list_faults(visit, _read_kind(visit.field("kind"))):
        return _show_faults(visit, faults)
    message = _read_message(visit)
    async with visit.console.database.read() as connection:
        accounts = (await list_accounts(connection, visit.caller.scope, Page(_MOST_ACCOUNTS))).items
    names = {account.id: account.name for account in accounts if not account.is_vendor}
    chosen = list(names) if message.account_ids is None else [one for one in message.account_ids if one in names]
    return visit.show(
        "announcements/preview.html",
        message=message,
        said=preview_message(message),
        texts=_read_texts(visit),
        recipient_names=[names[one] for one in chosen],
        field=visit.field,
    )


@page(Permission.VENDOR)
async def send(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        sent = await WritingService(unit, visit.caller, visit.console.clock).send_message(_read_message(visit))
    return _go(visit, f"/announcements/sent/{sent.announcement_id}")


@page(Permission.VENDOR)
async def show_wordings(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        own = await list_own_kinds(connection)
        wordings = {kind: await load_wordings(connection, kind) for kind in AnnouncementKind}
    return visit.show("announcements/wordings.html", wordings=wordings, own=own)


@page(Permission.VENDOR)
async def show_wording(visit: Visit) -> Response:
    kind = _read_kind(visit.request.path_params["kind"])
    async with visit.console.database.read() as connection:
        wordings = await load_wordings(connection, kind)
        own = await list_own_kinds(connection)
        said = await preview_wording(connection, kind)
    return visit.show(
        "announcements/wording.html",
        kind=kind,
        wordings=wordings,
        is_own=kind in own,
        said=said,
        names=PLACEHOLDERS[kind],
    )


@page(Permission.VENDOR)
async def show_wording_preview(visit: Visit) -> Response:
    kind = _read_kind(visit.request.path_params["kind"])
    if faults := _list_faults(visit, kind):
        return _show_faults(visit, faults)
    async with visit.console.database.read() as connection:
        said = await preview_wording(connection, kind, _read_texts(visit))
    return visit.show("announcements/said.html", said=said)


@page(Permission.VENDOR)
async def change_wording(visit: Visit) -> Response:
    kind = _read_kind(visit.request.path_params["kind"])
    if faults := _list_faults(visit, kind):
        return _show_faults(visit, faults)
    async with visit.console.database.write() as unit:
        await WritingService(unit, visit.caller, visit.console.clock).set_wording(kind, _read_texts(visit))
    return visit.done(
        visit.say(_("What is announced from now on says this.")), address=f"/announcements/wordings/{kind}"
    )


@page(Permission.VENDOR)
async def show_reset(visit: Visit) -> Response:
    kind = _read_kind(visit.request.path_params["kind"])
    return visit.show_dialog("announcements/reset-wording.html", kind=kind)


@page(Permission.VENDOR)
async def reset_wording(visit: Visit) -> Response:
    kind = _read_kind(visit.request.path_params["kind"])
    async with visit.console.database.write() as unit:
        await WritingService(unit, visit.caller, visit.console.clock).reset_wording(kind)
    return _go(visit, f"/announcements/wordings/{kind}")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/announcements/sent", show_sent, methods=["GET"]),
        Route("/announcements/sent/{announcement_id}", show_one_sent, methods=["GET"]),
        Route("/announcements/new", show_writing, methods=["GET"]),
        Route("/announcements/new", send, methods=["POST"]),
        Route("/announcements/new/preview", preview, methods=["POST"]),
        Route("/announcements/wordings", show_wordings, methods=["GET"]),
        Route("/announcements/wordings/{kind}", show_wording, methods=["GET"]),
        Route("/announcements/wordings/{kind}", change_wording, methods=["POST"]),
        Route("/announcements/wordings/{kind}/preview", show_wording_preview, methods=["POST"]),
        Route("/announcements/wordings/{kind}/reset", show_reset, methods=["GET"]),
        Route("/announcements/wordings/{kind}/reset", reset_wording, methods=["POST"]),
    ]


def _verify_vendor(visit: Visit) -> None:
    """The vendor's support may look too."""
    if not visit.caller.is_vendor:
        raise NotPermitted("role_may_not", "what was sent to other accounts is for the vendor")


def _go(visit: Visit, address: str) -> Response:
    if visit.is_fragment:
        return Response(status_code=204, headers={"HX-Redirect": address, "Cache-Control": "no-store"})
    return RedirectResponse(address, status_code=303)


def _read_texts(visit: Visit) -> dict[Language, tuple[str, str]]:
    return {one: (visit.field(f"title_{one}"), visit.field(f"text_{one}")) for one in LANGUAGES}


def _list_faults(visit: Visit, kind: AnnouncementKind) -> list[tuple[Language, Fault]]:
    """Which placeholders cannot be filled in, in either language."""
    texts = _read_texts(visit)
    return [(one, fault) for one in LANGUAGES for fault in list_faults(kind, *texts[one])]


def _show_faults(visit: Visit, faults: list[tuple[Language, Fault]]) -> Response:
    """By their names and lines, which a refusal's one sentence does not say."""
    refusal = find_refusal(faults[0][1].code)
    template = "announcements/faults.html" if visit.is_fragment else "announcements/faults-page.html"
    return visit.show(template, status=422, refusal=refusal, faults=faults[:_MOST_FAULTS], refusal_of=find_refusal)


def _read_message(visit: Visit) -> Message:
    kind = _read_kind(visit.field("kind"))
    accounts = None if visit.field("whom") == "all" else [AccountId(one) for one in visit.fields("accounts")]
    zone = visit.field("zone") or visit.formats.zone.key
    return make_message(
        kind,
        _read_texts(visit),
        account_ids=accounts,
        once=visit.field("once"),
        starts_at=_read_moment(visit.field("starts_at"), zone) if kind is AnnouncementKind.INFRASTRUCTURE else None,
        time_zone=zone,
    )


def _read_moment(text: str, zone: str) -> datetime | None:
    """As the browser writes a date and an hour: without a zone. Raises InvalidInput (`infrastructure_date_missing`)."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=get_zone(zone))
    except ValueError as error:
        raise InvalidInput("infrastructure_date_missing", f"{text!r} is no date with an hour") from error


def _read_kind(text: str) -> AnnouncementKind:
    try:
        return AnnouncementKind(text)
    except ValueError as error:
        raise InvalidInput("request_malformed", f"{text!r} is no kind of announcement") from error
