"""What the vendor writes: its wordings of each kind, and messages of its own. Every call is the vendor's operators'."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller, account_unknown
from cebox.console.accounts.repository import AccountRepository
from cebox.console.announcements.repository import AnnouncementRepository, WordingRepository
from cebox.console.announcements.service import announce
from cebox.console.announcements.wordings import Values, Wordings, fill_wordings, load_wordings
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.journal import service as journal
from cebox.console.web.words import LANGUAGES, Language
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission
from cebox.domain.wording import Wording, make_wording
from cebox.errors import InvalidInput
from cebox.kit.clock import Clock
from cebox.kit.zones import get_zone

WRITTEN_KINDS = (AnnouncementKind.MESSAGE, AnnouncementKind.INFRASTRUCTURE)
_ONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class Message:
    """`account_ids` None is every customer. `starts_at` is for infrastructure, told by the clocks of `time_zone`.

    `once` is drawn when somebody begins to write: however often the message arrives, it is announced once.
    """

    kind: AnnouncementKind
    wordings: Wordings
    account_ids: Sequence[AccountId] | None
    once: str
    starts_at: datetime | None = None
    time_zone: str = "UTC"

    @property
    def facts(self) -> dict[str, Any]:
        if self.starts_at is None:
            return {}
        return {"starts_at": self.starts_at.isoformat(), "time_zone": self.time_zone}


@dataclass(frozen=True, slots=True)
class Sent:
    """`is_new` is False for one that had arrived before."""

    announcement_id: str
    is_new: bool
    recipient_count: int


def draw_once() -> str:
    return secrets.token_urlsafe(12)


def make_message(
    kind: AnnouncementKind,
    texts: dict[Language, tuple[str, str]],
    *,
    account_ids: Sequence[AccountId] | None = None,
    once: str = "",
    starts_at: datetime | None = None,
    time_zone: str = "UTC",
) -> Message:
    """From what somebody wrote: a title and a text for each language. An empty `once` is drawn.

    Raises InvalidInput (`kind_not_written`, `infrastructure_date_missing`, `accounts_missing`, `once_malformed`,
    `time_zone_unknown`) and what `make_wording` raises.
    """
    if kind not in WRITTEN_KINDS:
        raise InvalidInput("kind_not_written", f"a {kind} is announced by what happens", hint="Write a message.")
    if (starts_at is not None) != (kind is AnnouncementKind.INFRASTRUCTURE):
        raise InvalidInput("infrastructure_date_missing", "an infrastructure update has its date, a message has none")
    if account_ids is not None and not account_ids:
        raise InvalidInput("accounts_missing", "a message is for at least one account")
    if once and not _ONCE.fullmatch(once):
        raise InvalidInput("once_malformed", "`once` is 8 to 64 letters, digits, dashes and underscores")
    zone = get_zone(time_zone.strip() or "UTC")
    wordings = {language: make_wording(kind, *texts.get(language, ("", ""))) for language in LANGUAGES}
    return Message(kind, wordings, account_ids, once or draw_once(), starts_at, zone.key)


def preview_message(message: Message) -> dict[Language, Wording]:
    """As the customers will read it."""
    return fill_wordings(message.wordings, message.kind, message.facts)


class WritingService:
    """Every call raises NotPermitted (`role_may_not`) for who is no operator of the vendor's."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock

    async def send_message(self, message: Message) -> Sent:
        """Raises NotFound (`account_unknown`)."""
        self._caller.verify(Permission.VENDOR)
        recipients = await self._choose_recipients(message.account_ids)
        subject = f"{message.kind}:{message.once}"
        is_new = await announce(
            self._unit,
            message.kind,
            subject,
            message.facts,
            recipients,
            at=self._clock(),
            wordings=message.wordings,
        )
        repository = AnnouncementRepository(self._unit.connection, Scope.everything())
        announcement_id = await repository.find_id(subject)
        assert announcement_id is not None
        if is_new:
            facts = {"kind": message.kind, "accounts": len(recipients)}
            await self._record("announcement_sent", announcement_id, facts)
        return Sent(announcement_id, is_new, len(recipients))

    async def set_wording(self, kind: AnnouncementKind, texts: dict[Language, tuple[str, str]]) -> Wordings:
        """Holds for what is announced from now on. Raises what `make_wording` raises."""
        self._caller.verify(Permission.VENDOR)
        written = {language: make_wording(kind, *texts.get(language, ("", ""))) for language in LANGUAGES}
        if written != await load_wordings(self._unit.connection, kind):
            await WordingRepository(self._unit.connection).replace(kind, written)
            await self._record("wording_changed", kind, {})
        return written

    async def reset_wording(self, kind: AnnouncementKind) -> Wordings:
        """The product's own again. Twice is once."""
        self._caller.verify(Permission.VENDOR)
        before = await load_wordings(self._unit.connection, kind)
        await WordingRepository(self._unit.connection).replace(kind, {})
        after = await load_wordings(self._unit.connection, kind)
        if after != before:
            await self._record("wording_reset", kind, {})
        return after

    async def _choose_recipients(self, account_ids: Sequence[AccountId] | None) -> list[AccountId]:
        customers = await AccountRepository(self._unit.connection, Scope.everything()).list_customer_ids()
        if account_ids is None:
            return list(customers)
        known = set(customers)
        for account_id in account_ids:
            if account_id not in known:
                raise account_unknown(account_id)
        return sorted(set(account_ids))

    async def _record(self, verb: str, subject: str, facts: dict[str, Any]) -> None:
        await journal.record(self._unit, self._caller, verb, subject, facts, None, at=self._clock())


async def preview_wording(
    connection: AsyncConnection, kind: AnnouncementKind, texts: dict[Language, tuple[str, str]] | None = None
) -> dict[Language, Wording]:
    """With an example's values; of what is written, else of what holds. Raises what `make_wording` raises."""
    wordings: Wordings
    if texts is None:
        wordings = await load_wordings(connection, kind)
    else:
        wordings = {language: make_wording(kind, *texts.get(language, ("", ""))) for language in LANGUAGES}
    return fill_wordings(wordings, kind, _EXAMPLE_FACTS, _EXAMPLE_VALUES)


_EXAMPLE_FACTS: dict[str, Any] = {
    "version": "2026.12.1",
    "from": "2026.11.1",
    "to": "2026.12.1",
    "out_of_date_keys": 2,
    "starts_at": "2026-12-15T21:00:00+00:00",
    "time_zone": "Europe/Paris",
}
_EXAMPLE_CHANGES = "- `linux` 6.12.57 → 6.12.61"
_EXAMPLE_VALUES: Values = {
    "fr": {
        "notes": "## Corrections\n\n- Retour du son après une mise en veille",
        "changes": "- `linux` 6.12.57 → 6.12.61",
    },
    "en": {"notes": "## Fixed\n\n- Sound after standby", "changes": "- `linux` 6.12.57 → 6.12.61"},
}
