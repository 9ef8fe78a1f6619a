"""Tags: names that point at a release (R2), and what a request without one means (R3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cebox.domain.ids import AccountId, TagName
from cebox.domain.version import Version
from cebox.errors import InvalidInput, NotFound

_FORM = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?", re.ASCII)


class TagKind(StrEnum):
    VERSION = "version"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Tag:
    """A version tag is handed out to accounts for a test; an account tag is one account's official one.

    `account_ids` are the accounts that may use it: exactly one for an account tag.
    """

    name: TagName
    kind: TagKind
    version: Version
    account_ids: frozenset[AccountId]

    def is_open_to(self, account_id: AccountId) -> bool:
        return account_id in self.account_ids


@dataclass(frozen=True, slots=True)
class Asked:
    """What an action asks for: the tag as typed (None: no tag) and the version it points at."""

    tag: TagName | None
    version: Version


def parse_tag_name(text: str) -> TagName:
    """Lower-case letters, digits, dots and dashes, up to 64. Raises InvalidInput (`tag_malformed`)."""
    if not _FORM.fullmatch(text):
        raise InvalidInput(
            "tag_malformed",
            f"{text!r} is not a tag name",
            hint="Use lower-case letters, digits, dots and dashes, such as essai-2026.12.",
        )
    return TagName(text)


def resolve_tag(name: TagName | None, account_id: AccountId, tags: Iterable[Tag]) -> Asked:
    """R2, R3: the version a request asks for; without a tag, the account's own.

    A tag of another account is unknown here, not forbidden. Raises NotFound (`tag_unknown`).
    """
    for tag in tags:
        if not tag.is_open_to(account_id):
            continue
        if tag.name == name or (name is None and tag.kind is TagKind.ACCOUNT):
            return Asked(name, tag.version)
    raise NotFound(
        "tag_unknown",
        f"no tag {name!r} for this account" if name else "this account has no account tag",
        hint="Use a tag the vendor handed out to this account, the account tag, or none.",
    )


def refuse_group_tag(name: str | None) -> None:
    """R4: a group command takes no tag. Raises InvalidInput (`group_takes_no_tag`) when there is one."""
    if name:
        raise InvalidInput(
            "group_takes_no_tag",
            "a group command takes no tag: it always means the account's version",
            hint="To test a version, send the tag to one device at a time, or migrate the account first.",
        )
