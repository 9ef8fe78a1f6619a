"""Accounts, their tags and migrations as the rest of the console sees them."""

from dataclasses import dataclass
from datetime import datetime

from cebox.domain.ids import AccountId, TagName, UserId
from cebox.domain.migration import Phase
from cebox.domain.notice import DEFAULT_NOTICE, Notice
from cebox.domain.tag import Tag
from cebox.domain.version import Version


@dataclass(frozen=True, slots=True)
class Account:
    """`version` is what the account's own tag points at: the default wherever no tag is given (R3)."""

    id: AccountId
    name: str
    is_vendor: bool
    tag_name: TagName
    version: Version
    phase: Phase
    created_at: datetime
    notice: Notice = DEFAULT_NOTICE


@dataclass(frozen=True, slots=True)
class NotedTag:
    """A tag with what its giver wrote about it."""

    tag: Tag
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Migration:
    """One move of an account's version (R12)."""

    id: str
    account_id: AccountId
    from_version: Version
    to_version: Version
    user_id: UserId
    at: datetime


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a request to migrate came to; `migration` is None when the account was already there."""

    account: Account
    migration: Migration | None
