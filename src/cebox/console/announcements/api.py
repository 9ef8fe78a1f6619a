"""Admin API: announcements, their recipients and wordings, and one's own e-mail preferences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from cebox.console.announcements import service
from cebox.console.announcements.preferences import load_muted, set_muted
from cebox.console.announcements.records import Announcement, Recipient
from cebox.console.announcements.wordings import get_title, get_wording, list_own_kinds, load_wordings
from cebox.console.announcements.writing import (
    Message,
    WritingService,
    make_message,
    preview_message,
    preview_wording,
)
from cebox.console.deliveries.records import NO_DELIVERIES, DeliverySummary
from cebox.console.deliveries.service import summarise, summarise_by_account
from cebox.console.gate import ChosenAccount, ChosenPage, ChosenScope, Operator, TheConsole, VendorOperator, Viewer
from cebox.console.web.words import LANGUAGES, Language
from cebox.console.wire import Answer, Asked, Identifier, Listing, make_listing
from cebox.domain.announcement import AnnouncementKind, DeliveryState
from cebox.domain.ids import AccountId, UserId
from cebox.domain.wording import LONGEST_TEXT, LONGEST_TITLE, PLACEHOLDERS, Wording
from cebox.errors import InvalidInput

router = APIRouter(tags=["announcements"])


class WordingAnswer(Answer):
    """The text is Markdown."""

    title: str
    text: str


class DeliveryCounts(Answer):
    """Over the accounts the caller sees, e-mails and webhooks together. `next_at`: when something is tried again."""

    delivered: int
    under_way: int
    retrying: int
    failed: int
    cancelled: int
    next_at: datetime | None


class AnnouncementAnswer(Answer):
    """`facts` depend on `kind`. The counts are over the accounts the caller sees."""

    id: str
    kind: str
    subject: str
    facts: dict[str, Any]
    title: dict[str, str]
    created_at: datetime
    is_read: bool
    recipient_count: int
    read_count: int
    deliveries: DeliveryCounts


class WholeAnnouncementAnswer(AnnouncementAnswer):
    text: dict[str, str]
    """By language; Markdown."""


class RecipientAnswer(Answer):
    account_id: str
    name: str
    read_at: datetime | None
    reader: str
    deliveries: DeliveryCounts


class WordingBody(Asked):
    """Placeholders are names in braces, such as `{version}`; `{{` and `}}` are braces."""

    title: Annotated[str, Field(max_length=LONGEST_TITLE, examples=["Maintenance ce soir"])]
    text: Annotated[str, Field(max_length=LONGEST_TEXT, examples=["Bonjour,\n\nla console s’arrête à 22 h."])]


class WordingsBody(Asked):
    fr: WordingBody
    en: WordingBody

    def texts(self) -> dict[Language, tuple[str, str]]:
        return {"fr": (self.fr.title, self.fr.text), "en": (self.en.title, self.en.text)}


class MessageBody(WordingsBody):
    """`account_ids` null: every customer. An infrastructure update has `starts_at`. Sent again with the same `once`, it
    is announced once.
    """

    kind: Literal["message", "infrastructure"] = "message"
    account_ids: Annotated[list[Identifier], Field(max_length=500)] | None = None
    starts_at: AwareDatetime | None = None
    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Paris"])] = "UTC"
    once: Annotated[str, Field(max_length=64)] = ""

    def make(self) -> Message:
        ids = None if self.account_ids is None else [AccountId(one) for one in self.account_ids]
        kind = AnnouncementKind(self.kind)
        return make_message(
            kind,
            self.texts(),
            account_ids=ids,
            once=self.once,
            starts_at=self.starts_at,
            time_zone=self.time_zone,
        )


class SentAnswer(Answer):
    announcement_id: str
    is_new: bool
    recipient_count: int


class WordingsAnswer(Answer):
    fr: WordingAnswer
    en: WordingAnswer


class KindAnswer(WordingsAnswer):
    """`is_own`: the vendor's, not the product's."""

    kind: AnnouncementKind
    placeholders: tuple[str, ...]
    is_own: bool


class MailBody(Asked):
    """The kinds I want no e-mail of."""

    muted: list[AnnouncementKind]


class MailAnswer(Answer):
    muted: list[AnnouncementKind]


@router.get("/announcements", summary="What was announced, the newest first")
async def list_announcements(
    console: TheConsole,
    scope: ChosenScope,
    page: ChosenPage,
    unread: Annotated[bool, Query(description="Only what is still unread.")] = False,
    kind: Annotated[AnnouncementKind | None, Query()] = None,
) -> Listing[AnnouncementAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_announcements(
            connection, scope, page, only_unread=unread, kinds=[kind] if kind else ()
        )
        told = await summarise(connection, scope, [one.id for one in listed.items])
    return make_listing(listed, lambda one: AnnouncementAnswer(**_describe(one, told.get(one.id, NO_DELIVERIES))))


@router.post("/announcements", status_code=201, summary="Write to customers; with the same `once`, told once")
async def send_announcement(caller: VendorOperator, console: TheConsole, body: MessageBody) -> SentAnswer:
    message = body.make()
    async with console.database.write() as unit:
        sent = await WritingService(unit, caller, console.clock).send_message(message)
    return SentAnswer.model_validate(sent)


@router.post("/announcement-preview", summary="What customers would read; nothing is sent")
async def preview_announcement(_caller: VendorOperator, body: MessageBody) -> WordingsAnswer:
    return _answer_wordings(preview_message(body.make()))


@router.get("/announcements/{announcement_id}", summary="One announcement with its text")
async def show_announcement(console: TheConsole, scope: ChosenScope, announcement_id: str) -> WholeAnnouncementAnswer:
    async with console.database.read() as connection:
        found = await service.get_announcement(connection, scope, announcement_id)
        told = await summarise(connection, scope, [found.id])
    text = {str(language): get_wording(found, language).text for language in LANGUAGES}
    return WholeAnnouncementAnswer(**_describe(found, told.get(found.id, NO_DELIVERIES)), text=text)


@router.get("/announcements/{announcement_id}/recipients", summary="Which accounts were told, who read it, what failed")
async def list_recipients(
    console: TheConsole, scope: ChosenScope, page: ChosenPage, announcement_id: str
) -> Listing[RecipientAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_recipients(connection, scope, announcement_id, page)
        ids = [one.account_id for one in listed.items]
        told = await summarise_by_account(connection, scope, announcement_id, ids)
    return make_listing(listed, lambda one: _answer_recipient(one, told))


@router.post("/announcements/{announcement_id}/read", status_code=204, summary="Mark as read for the account")
async def mark_read(caller: Operator, console: TheConsole, account_id: ChosenAccount, announcement_id: str) -> None:
    async with console.database.write() as unit:
        await service.mark_read(unit, caller, console.clock, announcement_id, account_id)


@router.get("/wordings", summary="What each kind of announcement says")
async def list_wordings(_caller: VendorOperator, console: TheConsole) -> Listing[KindAnswer]:
    async with console.database.read() as connection:
        own = await list_own_kinds(connection)
        items = [_answer_kind(one, await load_wordings(connection, one), own) for one in AnnouncementKind]
    return Listing(items=items)


@router.put("/wordings/{kind}", summary="Word a kind of announcement otherwise, from now on")
async def set_wording(
    caller: VendorOperator, console: TheConsole, kind: AnnouncementKind, body: WordingsBody
) -> WordingsAnswer:
    async with console.database.write() as unit:
        return _answer_wordings(await WritingService(unit, caller, console.clock).set_wording(kind, body.texts()))


@router.delete("/wordings/{kind}", summary="Back to the product's own words")
async def reset_wording(caller: VendorOperator, console: TheConsole, kind: AnnouncementKind) -> WordingsAnswer:
    async with console.database.write() as unit:
        return _answer_wordings(await WritingService(unit, caller, console.clock).reset_wording(kind))


@router.post("/wordings/{kind}/preview", summary="A wording with an example's values; nothing is kept")
async def show_wording_preview(
    _caller: VendorOperator, console: TheConsole, kind: AnnouncementKind, body: WordingsBody
) -> WordingsAnswer:
    async with console.database.read() as connection:
        return _answer_wordings(await preview_wording(connection, kind, body.texts()))


@router.get("/me/mail", summary="Which kinds of announcements I want no e-mail of")
async def show_my_mail(caller: Viewer, console: TheConsole) -> MailAnswer:
    async with console.database.read() as connection:
        return MailAnswer(muted=sorted(await load_muted(connection, UserId(caller.user_id))))


@router.put("/me/mail", summary="Choose which announcements I get by e-mail")
async def change_my_mail(caller: Viewer, console: TheConsole, body: MailBody) -> MailAnswer:
    if caller.is_vendor:
        raise InvalidInput("vendor_gets_no_mail", "announcements go to customers, not to the vendor's people")
    async with console.database.write() as unit:
        await set_muted(unit, caller, console.clock, body.muted)
    return MailAnswer(muted=sorted(set(body.muted)))


def _describe(one: Announcement, told: DeliverySummary) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "subject": one.subject,
        "facts": one.facts,
        "title": {language: get_title(one, language) for language in LANGUAGES},
        "created_at": one.created_at,
        "is_read": one.is_read,
        "recipient_count": one.recipient_count,
        "read_count": one.read_count,
        "deliveries": _answer_counts(told),
    }


def _answer_counts(told: DeliverySummary) -> DeliveryCounts:
    return DeliveryCounts(
        delivered=told.count(DeliveryState.DELIVERED),
        under_way=told.count(DeliveryState.WAITING, DeliveryState.SENDING),
        retrying=told.count(DeliveryState.RETRYING),
        failed=told.count(DeliveryState.FAILED),
        cancelled=told.count(DeliveryState.CANCELLED),
        next_at=told.next_at,
    )


def _answer_recipient(one: Recipient, told: Mapping[AccountId, DeliverySummary]) -> RecipientAnswer:
    return RecipientAnswer(
        account_id=one.account_id,
        name=one.name,
        read_at=one.read_at,
        reader=one.reader,
        deliveries=_answer_counts(told.get(one.account_id, NO_DELIVERIES)),
    )


def _answer_wordings(wordings: Mapping[Language, Wording]) -> WordingsAnswer:
    return WordingsAnswer(
        fr=WordingAnswer.model_validate(wordings["fr"]), en=WordingAnswer.model_validate(wordings["en"])
    )


def _answer_kind(
    kind: AnnouncementKind, wordings: Mapping[Language, Wording], own: frozenset[AnnouncementKind]
) -> KindAnswer:
    said = _answer_wordings(wordings)
    return KindAnswer(fr=said.fr, en=said.en, kind=kind, placeholders=PLACEHOLDERS[kind], is_own=kind in own)
