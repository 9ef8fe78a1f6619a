"""Users, sessions and API tokens as the rest of the console sees them: without any secret."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from cebox.console.access import Caller
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Role, TokenScope

PasswordHash = NewType("PasswordHash", str)
NO_PASSWORD = PasswordHash("")
"""Of a user who signs in another way: no password is right."""

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

    def to_caller(self, form_secret: str = "", address: str = "") -> Caller:
        return Caller(
            self.id, self.email, self.name, self.role, self.account_id, self.language, self.theme, form_secret, address
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
    scope: TokenScope


@dataclass(frozen=True, slots=True)
class Session:
    """`secret` goes into the cookie and nowhere else; the database knows its hash."""

    secret: str
    form_secret: str
    expires_at: datetime


class SignInMethod(StrEnum):
    """How a session began. `oidc-strong`: the identity provider says it asked for a second factor itself."""

    PASSWORD = "password"  # noqa: S105 - the name of a way
    SECOND_FACTOR = "second-factor"
    PASSKEY = "passkey"
    OIDC = "oidc"
    OIDC_STRONG = "oidc-strong"

    @property
    def is_strong(self) -> bool:
        return self not in (SignInMethod.PASSWORD, SignInMethod.OIDC)


@dataclass(frozen=True, slots=True)
class UserSession:
    """A browser that is signed in. The id is no secret: it is part of a hash."""

    id: str
    method: SignInMethod
    address: str
    agent: str
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    proved_at: datetime


@dataclass(frozen=True, slots=True)
class FoundSession:
    user: User
    session: UserSession
    form_secret: str = field(repr=False)
    requires_second_factor: bool = False


@dataclass(frozen=True, slots=True)
class Passkey:
    """`credential_id` and `public_key` are base64url; `rp_id` is the host it was made for."""

    id: str
    user_id: UserId
    name: str
    credential_id: str
    public_key: str
    sign_count: int
    rp_id: str
    transports: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """What a user has beside a password."""

    has_codes: bool
    recovery_codes_left: int
    passkeys: tuple[Passkey, ...]

    @property
    def any(self) -> bool:
        return self.has_codes or bool(self.passkeys)


class LinkPurpose(StrEnum):
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - what the link is for


class LinkState(StrEnum):
    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class AccessLink:
    """A link that lets somebody in once: an invited person, or a user who sets a new password.

    `account_id` None: among the vendor's people. `maker` is the name of who made it, empty for the console's machine.
    """

    id: str
    purpose: LinkPurpose
    account_id: AccountId | None
    user_id: UserId | None
    email: str
    role: Role
    language: str
    maker: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def judge(self, now: datetime) -> LinkState:
        if self.used_at is not None:
            return LinkState.USED
        if self.revoked_at is not None:
            return LinkState.REVOKED
        return LinkState.EXPIRED if self.expires_at <= now else LinkState.OPEN


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """`secret` is part of the link's address and known now only; whoever sends the link takes both from here."""

    link: AccessLink
    secret: str = field(repr=False)

    def address(self, console_url: str) -> str:
        return f"{console_url.rstrip('/')}/welcome/{self.secret}"
