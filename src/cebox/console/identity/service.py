"""Users: made, changed and put out of service. Signing in is `identity.sign_in`'s."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.identity.records import LANGUAGES, THEMES, NewUser, PasswordHash, User
from cebox.console.identity.repository import TokenRepository, UserRepository
from cebox.console.identity.session_repository import SessionRepository
from cebox.console.journal import service as journal
from cebox.console.texts import clean_line
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import VENDOR_ROLES, Permission, Role, find_administering_role
from cebox.errors import Conflict, InvalidInput, NotFound, NotPermitted
from cebox.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class UserChange:
    """What to change; None leaves as it is."""

    name: str | None = None
    role: Role | None = None
    is_active: bool | None = None
    language: str | None = None
    theme: str | None = None


async def list_users(connection: AsyncConnection, caller: Caller, scope: Scope, page: Page) -> Listed[User]:
    """Raises NotPermitted (`role_may_not`): who else works here is for those who administer, and the vendor."""
    if not caller.is_vendor:
        caller.verify(Permission.ADMINISTER)
    return await UserRepository(connection, scope).list_users(page)


async def get_user(connection: AsyncConnection, scope: Scope, user_id: UserId) -> User:
    """Raises NotFound (`user_unknown`)."""
    user = await UserRepository(connection, scope).find(user_id)
    if user is None:
        raise NotFound("user_unknown", f"no user {user_id!r}")
    return user


def clean_email(text: str) -> str:
    """Trimmed and lower-case, as addresses are compared. Raises InvalidInput (`email_malformed`)."""
    email = text.strip().casefold()
    name, at, host = email.partition("@")
    if not (name and at and host) or "@" in host or len(email) > 200 or not email.isprintable() or " " in email:
        raise InvalidInput("email_malformed", f"{text!r} is not an address", hint="Write it as name@example.org.")
    return email


class IdentityService:
    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._users = UserRepository(unit.connection, caller.scope)

    async def create_user(self, new: NewUser, password_hash: PasswordHash) -> User:
        """An account's administrator makes users of that account, the vendor makes any.

        Raises Conflict (`user_exists`), NotFound (`account_unknown`), NotPermitted (`role_may_not`,
        `role_not_yours_to_give`), InvalidInput (`email_malformed`, `role_needs_account`, …).
        """
        self._caller.verify(Permission.ADMINISTER)
        self._caller.verify_proved(self._clock())
        verify_giving(self._caller, new.role)
        account_id = await place_user(self._unit.connection, self._caller, new.role, new.account_id)
        user = await add_user(self._unit, replace(new, account_id=account_id), password_hash, at=self._clock())
        await self._record("user_created", user, {"email": user.email, "role": user.role})
        return user

    async def change_user(self, user_id: UserId, change: UserChange) -> User:
        """Putting a user out of service ends their sessions and tokens at once.

        Raises NotFound (`user_unknown`), Conflict (`user_is_yourself`, `last_administrator`), NotPermitted
        (`role_may_not`, `proof_too_old`, …).
        """
        self._caller.verify(Permission.ADMINISTER)
        self._caller.verify_proved(self._clock())
        user = await get_user(self._unit.connection, self._caller.scope, user_id)
        if change.name is not None:
            change = replace(change, name=clean_line(change.name, "user_name"))
        changed = {name: value for name in UserChange.__slots__ if (value := getattr(change, name)) is not None}
        self._verify_change(user, change)
        changed = {name: value for name, value in changed.items() if value != getattr(user, name)}
        await self._verify_administered(user, change)
        if changed:
            await self._users.change(user_id, changed)
            await self._record("user_changed", user, changed, {name: getattr(user, name) for name in changed})
        if change.is_active is False:
            await end_access(self._unit, user_id)
        return replace(user, **changed)

    async def set_password(self, user_id: UserId, password_hash: PasswordHash) -> None:
        """For a user who forgot it; all their sessions and tokens end. Raises NotFound (`user_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        self._caller.verify_proved(self._clock())
        user = await get_user(self._unit.connection, self._caller.scope, user_id)
        verify_giving(self._caller, user.role)
        await self._users.change(user_id, {"password_hash": password_hash})
        await end_access(self._unit, user_id)
        await self._record("password_set", user, {})

    async def set_own_password(self, password_hash: PasswordHash) -> None:
        """The old one was checked at the edge. The user's sessions and tokens end, but for the session that asks."""
        user = await get_user(self._unit.connection, self._caller.scope, UserId(self._caller.user_id))
        await self._users.change(user.id, {"password_hash": password_hash})
        await end_access(self._unit, user.id, but=self._caller.session_id)
        await self._record("password_changed", user, {})

    async def set_own_preferences(self, *, language: str | None, theme: str | None) -> None:
        """Raises InvalidInput (`language_unknown`, `theme_unknown`)."""
        _verify_preferences(language or LANGUAGES[0], theme or THEMES[0])
        wanted = {"language": language, "theme": theme}
        values = {name: value for name, value in wanted.items() if value is not None}
        if values:
            await self._users.change(UserId(self._caller.user_id), values)

    async def _verify_administered(self, user: User, change: UserChange) -> None:
        """Whoever administers is locked meanwhile: of two who put one another out, the second is refused."""
        administering = find_administering_role(user.role)
        is_leaving = change.is_active is False or change.role not in (None, administering)
        if user.role is not administering or not user.is_active or not is_leaving:
            return
        if await self._users.lock_active(administering, user.account_id) == [user.id]:
            raise Conflict(
                "last_administrator",
                f"{user.email} is the last one who administers here",
                hint="Make somebody else an administrator first.",
            )

    def _verify_change(self, user: User, change: UserChange) -> None:
        _verify_preferences(change.language or user.language, change.theme or user.theme)
        is_demotion = change.is_active is False or change.role not in (None, user.role)
        if user.id == self._caller.user_id and is_demotion:
            raise Conflict(
                "user_is_yourself",
                "nobody takes their own role or access away",
                hint="Ask another administrator: so one always remains.",
            )
        if change.role is not None:
            verify_giving(self._caller, change.role)
            if (change.role in VENDOR_ROLES) != (user.account_id is None):
                raise InvalidInput("role_of_another_kind", "a user stays the vendor's or of an account")

    async def _record(
        self, verb: str, user: User, facts: dict[str, object], before: dict[str, object] | None = None
    ) -> None:
        self._unit.notify("users")
        await journal.record(
            self._unit, self._caller, verb, user.id, facts, user.account_id, at=self._clock(), before=before
        )


def verify_giving(caller: Caller, role: Role) -> None:
    """Raises NotPermitted (`role_not_yours_to_give`)."""
    if role in VENDOR_ROLES and not caller.may(Permission.VENDOR):
        raise NotPermitted("role_not_yours_to_give", f"only the vendor makes a {role}")


async def place_user(
    connection: AsyncConnection, caller: Caller, role: Role, account_id: AccountId | None
) -> AccountId | None:
    """The account a user of this role is to belong to; None among the vendor's people.

    Raises InvalidInput (`role_takes_no_account`, `role_needs_account`), NotFound (`account_unknown`).
    """
    if role in VENDOR_ROLES:
        if account_id is not None:
            raise InvalidInput("role_takes_no_account", f"a {role} belongs to no account")
        return None
    if caller.is_vendor and account_id is None:
        raise InvalidInput("role_needs_account", f"a {role} belongs to an account", hint="Name the account.")
    own = caller.account_of(account_id)
    await AccountRepository(connection, Scope.everything()).get(own)
    return own


async def add_user(unit: Unit, new: NewUser, password_hash: PasswordHash, *, at: datetime) -> User:
    """Whoever calls checked that it may be done. Raises Conflict (`user_exists`), InvalidInput (`email_malformed`)."""
    _verify_preferences(new.language, new.theme)
    user = User(
        id=UserId(f"usr_{secrets.token_hex(8)}"),
        account_id=new.account_id,
        email=clean_email(new.email),
        name=clean_line(new.name, "user_name"),
        role=new.role,
        language=new.language,
        theme=new.theme,
        is_active=True,
        created_at=at,
    )
    await UserRepository(unit.connection, Scope.everything()).add(user, password_hash)
    return user


async def end_access(unit: Unit, user_id: UserId, *, but: str = "") -> None:
    """All sessions and tokens of the user, at once. `but`: the id of a session that goes on."""
    await SessionRepository(unit.connection).remove_of_user(user_id, but=but)
    await TokenRepository(unit.connection).remove_of_user(user_id)


def _verify_preferences(language: str, theme: str) -> None:
    for code, value, known in (("language_unknown", language, LANGUAGES), ("theme_unknown", theme, THEMES)):
        if value not in known:
            raise InvalidInput(code, f"{value!r} is not one of {', '.join(known)}")
