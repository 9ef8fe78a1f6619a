"""The link in every e-mail that ends e-mails of its kind, for who holds the e-mail: nobody has to sign in for it."""

import base64
import hashlib
import hmac
from typing import NamedTuple

from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import UserId
from cebox.errors import NotFound

PATH = "/announcements/unsubscribe"
_PURPOSE = b"cebox unsubscribe "


class Unsubscription(NamedTuple):
    user_id: UserId
    kind: AnnouncementKind


def make_token(console_secret: bytes, user_id: UserId, kind: AnnouncementKind) -> str:
    """Valid for ever: an old e-mail's link works too."""
    return f"{user_id}.{kind}.{_make_mac(console_secret, user_id, kind)}"


def read_token(console_secret: bytes, token: str) -> Unsubscription:
    """Raises NotFound (`unsubscribe_link_unknown`)."""
    user_id, _, rest = token.partition(".")
    kind, _, mac = rest.partition(".")
    expected = _make_mac(console_secret, user_id, kind)
    if kind not in set(AnnouncementKind) or not hmac.compare_digest(mac.encode(), expected.encode()):
        raise NotFound(
            "unsubscribe_link_unknown",
            "this link is not one of this console's",
            hint="Take it whole from the e-mail, or sign in and choose your preferences.",
        )
    return Unsubscription(UserId(user_id), AnnouncementKind(kind))


def _make_mac(console_secret: bytes, user_id: str, kind: str) -> str:
    signed = _PURPOSE + f"{user_id}.{kind}".encode("utf-8", "surrogateescape")
    return base64.urlsafe_b64encode(hmac.digest(console_secret, signed, hashlib.sha256)[:18]).decode()
