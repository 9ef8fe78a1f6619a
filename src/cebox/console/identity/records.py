"""Users, sessions and API tokens as the rest of the console sees them: without any secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from cebox.console.access import Caller
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Role

PasswordHash = NewType("PasswordHash", str)

LANGUAGES = ("fr", "en")
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class User:
    """`account_id` None: the vendor's own people."""

    id: UserId
    account_id: AccountId | None
    email: str
    name: str
    role: Role
    language: str
    theme: str
    is_active: bool
    created_at: datetime

    def to_caller(self, form_secret: str = "") -> Caller:
        return Caller(
            self.id, self.email, self.name, self.role, self.account_id, self.language, self.theme, form_secret
        )


@dataclass(frozen=True, slots=True)
class NewUser:
    email: str
    name: str
    role: Role
    account_id: AccountId | None = None
    language: str = "fr"
    theme: str = "auto"


@dataclass(frozen=True, slots=True)
class ApiToken:
    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """`secret` goes into the cookie and nowhere else; the database knows its hash."""

    secret: str
    form_secret: str
    expires_at: datetime
