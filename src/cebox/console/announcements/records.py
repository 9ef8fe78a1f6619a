"""Announcements as the rest of the console sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cebox.console.web.words import Language
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import AccountId
from cebox.domain.wording import Wording


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was announced. The counts are over the recipients in the caller's scope: for a customer, itself alone.

    `wordings` are None where a list left the texts out, or none were kept.
    """

    id: str
    kind: str
    subject: str
    facts: dict[str, Any]
    created_at: datetime
    recipient_count: int
    read_count: int
    titles: Mapping[Language, str] = field(default_factory=dict)
    wordings: Mapping[Language, Wording] | None = None

    @property
    def is_read(self) -> bool:
        """Whether all recipients in scope have read it."""
        return self.read_count == self.recipient_count


@dataclass(frozen=True, slots=True)
class Recipient:
    """One account that was told. `reader` is who marked it as read for the others; empty for nobody yet."""

    account_id: AccountId
    name: str
    read_at: datetime | None
    reader: str


def find_kind(kind: str) -> AnnouncementKind:
    """What is no kind of its own is a message."""
    return AnnouncementKind(kind) if kind in set(AnnouncementKind) else AnnouncementKind.MESSAGE
