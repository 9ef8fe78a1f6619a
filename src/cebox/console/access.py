"""Who is calling, what they may do and whose rows they see. How HTTP finds that out is `console.gate`'s."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cebox.console.database.scope import Scope
from cebox.domain.ids import AccountId
from cebox.domain.role import SCOPE_GRANTS, Permission, Role, TokenScope, may, verify_permitted, verify_scope
from cebox.errors import InvalidInput, NotFound, NotPermitted

FRESH = timedelta(minutes=15)
"""How long after a proof of who they are a user may make dangerous changes without another."""
FILLING_IN = timedelta(minutes=15)
"""And how much longer a form that was opened in time may take."""


def account_unknown(account_id: str) -> NotFound:
    """The one answer for an account that does not exist and for one that is not the caller's."""
    return NotFound("account_unknown", f"no account {account_id!r}", hint="List the accounts you see.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A user at work. `account_id` None is the vendor's people, who name the account they work on.

    `form_secret` guards the forms of a browser session; a caller with an API token has none. `proved_at`: when they
    last proved who they are (a token: when it was made). `address`: where the request came from.
    """

    user_id: str
    email: str
    name: str
    role: Role
    account_id: AccountId | None
    language: str = "fr"
    theme: str = "auto"
    form_secret: str = field(default="", repr=False)
    address: str = ""
    session_id: str = ""
    proved_at: datetime | None = None
    is_program: bool = False
    token_scope: TokenScope = TokenScope.MANAGE
    must_enrol: bool = False
    """The account asks for a second factor, and this user has none yet."""

    @property
    def is_vendor(self) -> bool:
        return self.account_id is None

    @property
    def scope(self) -> Scope:
        return Scope.everything() if self.account_id is None else Scope.account(self.account_id)

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission) and permission in SCOPE_GRANTS[self.token_scope]

    def verify(self, permission: Permission) -> None:
        """Raises NotPermitted (`role_may_not`, `token_scope_too_narrow`)."""
        verify_permitted(self.role, permission)
        verify_scope(self.token_scope, permission)

    def is_proved(self, now: datetime, within: timedelta = FRESH) -> bool:
        return self.proved_at is not None and now - self.proved_at <= within

    def verify_proved(self, now: datetime, within: timedelta = FRESH + FILLING_IN) -> None:
        """Before a dangerous change. A program was given its token for just this.

        Raises NotPermitted (`proof_too_old`).
        """
        if not self.is_program:
            self.verify_proved_lately(now, within)

    def verify_proved_lately(self, now: datetime, within: timedelta = FRESH + FILLING_IN) -> None:
        """Before one's own ways of signing in change: neither an old session nor an old token is enough.

        Raises NotPermitted (`proof_too_old`).
        """
        if not self.is_proved(now, within):
            raise NotPermitted(
                "proof_too_old",
                "this change asks for a recent proof of who you are",
                hint="Sign in again, or make a new token.",
            )

    def scope_of(self, named: str | None) -> Scope:
        """What a list shows: the named account, else all that the caller sees. Raises NotFound (`account_unknown`)."""
        return self.scope if named is None else Scope.account(self.account_of(named))

    def account_of(self, named: str | None) -> AccountId:
        """The account a change is for. That the vendor's choice exists is for the database to say.

        Raises NotFound (`account_unknown`) when a customer names another's, InvalidInput (`account_missing`) when the
        vendor names none.
        """
        if self.account_id is not None:
            if named not in (None, self.account_id):
                raise account_unknown(str(named))
            return self.account_id
        if named is None:
            raise InvalidInput("account_missing", "for which account?", hint="Name one with the parameter account.")
        return AccountId(named)


def local_operator() -> Caller:
    """Whoever works on the console's own machine: the commands of its administrator, and the demo."""
    return Caller("local", "", "local", Role.VENDOR_OPERATOR, None, proved_at=datetime.max.replace(tzinfo=UTC))
