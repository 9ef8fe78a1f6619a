"""An announcement as an e-mail: text and HTML, in the language of the person it is for."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import quote

from cebox.console.announcements.records import Announcement, find_kind
from cebox.console.announcements.wordings import get_wording
from cebox.console.deliveries.unsubscribe import PATH, make_token
from cebox.console.identity.records import User
from cebox.console.web.render import make_environment
from cebox.console.web.words import DEFAULT_LANGUAGE, Language, find_language, load_words
from cebox.console.web.words import mark as _
from cebox.domain.wording import Wording

_TEMPLATE = "announcements/mail.html"


@dataclass(frozen=True, slots=True)
class Sender:
    """`console_url` is where readers find the console, empty when nobody told; `secret` signs the links."""

    address: str
    vendor: str
    console_url: str
    secret: bytes


def build_mail(
    delivery_id: str, announcement: Announcement, person: User, sender: Sender, at: datetime
) -> EmailMessage:
    """The same id for every try: a mailbox that has it already shows it once."""
    language = find_language(person.language) or DEFAULT_LANGUAGE
    wording = get_wording(announcement, language)
    message = _address(delivery_id, person, sender, at)
    message["Subject"] = wording.title
    message["Content-Language"] = language
    unsubscribe = _link_unsubscribe(announcement, person, sender)
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    page = f"{sender.console_url}/announcements/{announcement.id}" if sender.console_url else ""
    message.set_content(_write_text(language, wording, sender, page, unsubscribe))
    html = _write_html(language, wording, sender, page, unsubscribe)
    message.add_alternative(html, subtype="html")
    return message


def _address(delivery_id: str, person: User, sender: Sender, at: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender.address)
    user, host = address.rsplit("@", 1)
    to_user, to_host = person.email.rsplit("@", 1)
    message["From"] = Address(name or sender.vendor, user, host)
    message["To"] = Address(person.name, to_user, to_host)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{delivery_id}@{host}>"
    # So that no absence notice answers it.
    message["Auto-Submitted"] = "auto-generated"
    return message


def _link_unsubscribe(announcement: Announcement, person: User, sender: Sender) -> str:
    if not sender.console_url:
        return ""
    token = make_token(sender.secret, person.id, find_kind(announcement.kind))
    return f"{sender.console_url}{PATH}?token={quote(token)}"


def _write_text(language: Language, wording: Wording, sender: Sender, page: str, unsubscribe: str) -> str:
    words = load_words(language)
    lines = [
        wording.text,
        "",
        "-- ",
        words.get(_("Sent by %(vendor)s to the users of your account.")) % {"vendor": sender.vendor},
    ]
    if page:
        lines.append(words.get(_("Read it in the console: %(address)s")) % {"address": page})
    if unsubscribe:
        lines.append(words.get(_("No more e-mails of this kind: %(address)s")) % {"address": unsubscribe})
    return "\n".join(lines) + "\n"


def _write_html(language: Language, wording: Wording, sender: Sender, page: str, unsubscribe: str) -> str:
    template = make_environment(language).get_template(_TEMPLATE)
    return template.render(language=language, wording=wording, vendor=sender.vendor, page=page, unsubscribe=unsubscribe)
