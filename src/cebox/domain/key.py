"""Installation keys: they carry a release and enrol machines; a migration makes old ones out of date (R13)."""

from dataclasses import dataclass
from datetime import datetime

from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, KeyId, SiteId
from cebox.domain.version import Version
from cebox.errors import NotAuthenticated


@dataclass(frozen=True, slots=True)
class Key:
    """Bound to an account and site; expires, is revocable and limited in uses."""

    id: KeyId
    account_id: AccountId
    site_id: SiteId | None
    kind: DeviceKind
    version: Version
    expires_at: datetime
    uses_left: int
    is_revoked: bool = False


def is_out_of_date(key: Key, account_version: Version) -> bool:
    """R13: a key made for another version than the account's must be made again."""
    return key.version != account_version


def verify_usable(key: Key, now: datetime) -> None:
    """Raises NotAuthenticated (`key_revoked`, `key_expired`, `key_used_up`)."""
    for code, is_so, words in (
        ("key_revoked", key.is_revoked, "was revoked"),
        ("key_expired", now >= key.expires_at, "has expired"),
        ("key_used_up", key.uses_left <= 0, "was used as often as it may be"),
    ):
        if is_so:
            raise NotAuthenticated(code, f"this installation key {words}", hint="Make a new key in the console.")
