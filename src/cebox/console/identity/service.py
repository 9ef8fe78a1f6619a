"""Users: made, changed and put out of service. Signing in is `identity.sign_in`'s."""

import secrets
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.identity.records import LANGUAGES, THEMES, NewUser, PasswordHash, User
from cebox.console.identity.repository import SessionRepository, TokenRepository, UserRepository
from cebox.console.journal import service as journal
from cebox.console.texts import clean_line
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import VENDOR_ROLES, Permission, Role
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
        self._verify_giving(new.role)
        _verify_preferences(new.language, new.theme)
        account_id = new.account_id
        if new.role in VENDOR_ROLES:
            if account_id is not None:
                raise InvalidInput("role_takes_no_account", f"a {new.role} belongs to no account")
        else:
            account_id = self._own_or_named(new)
            await AccountRepository(self._unit.connection, Scope.everything()).get(account_id)
        user = User(
            id=UserId(f"usr_{secrets.token_hex(8)}"),
            account_id=account_id,
            email=clean_email(new.email),
            name=clean_line(new.name, "user_name"),
            role=new.role,
            language=new.language,
            theme=new.theme,
            is_active=True,
            created_at=self._clock(),
        )
        await self._users.add(user, password_hash)
        await self._record("user_created", user, {"email": user.email, "role": user.role})
        return user

    async def change_user(self, user_id: UserId, change: UserChange) -> User:
        """Putting a user out of service ends their sessions and tokens at once.

        Raises NotFound (`user_unknown`), Conflict (`user_is_yourself`), NotPermitted (`role_may_not`, …).
        """
        self._caller.verify(Permission.ADMINISTER)
        user = await get_user(self._unit.connection, self._caller.scope, user_id)
        if change.name is not None:
            change = replace(change, name=clean_line(change.name, "user_name"))
        changed = {name: value for name in UserChange.__slots__ if (value := getattr(change, name)) is not None}
        self._verify_change(user, change)
        if changed:
            await self._users.change(user_id, changed)
            await self._record("user_changed", user, changed)
        if change.is_active is False:
            await self._end_all(user_id)
        return replace(user, **changed)

    async def set_password(self, user_id: UserId, password_hash: PasswordHash) -> None:
        """For a user who forgot it; all their sessions and tokens end. Raises NotFound (`user_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        user = await get_user(self._unit.connection, self._caller.scope, user_id)
        self._verify_giving(user.role)
        await self._users.change(user_id, {"password_hash": password_hash})
        await self._end_all(user_id)
        await self._record("password_set", user, {})

    async def set_own_password(self, password_hash: PasswordHash) -> None:
        """The old one was checked at the edge. All sessions and tokens of the user end, this one too."""
        user = await get_user(self._unit.connection, self._caller.scope, UserId(self._caller.user_id))
        await self._users.change(user.id, {"password_hash": password_hash})
        await self._end_all(user.id)
        await self._record("password_changed", user, {})

    async def set_own_preferences(self, *, language: str | None, theme: str | None) -> None:
        """Raises InvalidInput (`language_unknown`, `theme_unknown`)."""
        _verify_preferences(language or LANGUAGES[0], theme or THEMES[0])
        wanted = {"language": language, "theme": theme}
        values = {name: value for name, value in wanted.items() if value is not None}
        if values:
            await self._users.change(UserId(self._caller.user_id), values)

    def _own_or_named(self, new: NewUser) -> AccountId:
        if self._caller.is_vendor and new.account_id is None:
            raise InvalidInput("role_needs_account", f"a {new.role} belongs to an account", hint="Name the account.")
        return self._caller.account_of(new.account_id)

    def _verify_giving(self, role: Role) -> None:
        if role in VENDOR_ROLES and not self._caller.may(Permission.VENDOR):
            raise NotPermitted("role_not_yours_to_give", f"only the vendor makes a {role}")

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
            self._verify_giving(change.role)
            if (change.role in VENDOR_ROLES) != (user.account_id is None):
                raise InvalidInput("role_of_another_kind", "a user stays the vendor's or of an account")

    async def _end_all(self, user_id: UserId) -> None:
        await SessionRepository(self._unit.connection).remove_of_user(user_id)
        await TokenRepository(self._unit.connection).remove_of_user(user_id)

    async def _record(self, verb: str, user: User, facts: dict[str, object]) -> None:
        await journal.record(self._unit, self._caller, verb, user.id, facts, user.account_id, at=self._clock())


def _verify_preferences(language: str, theme: str) -> None:
    for code, value, known in (("language_unknown", language, LANGUAGES), ("theme_unknown", theme, THEMES)):
        if value not in known:
            raise InvalidInput(code, f"{value!r} is not one of {', '.join(known)}")
