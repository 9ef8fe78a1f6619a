"""Invitations and links for a new password: made by who administers, used once by whoever holds them.

The console shows a link once, to who made it. Sending it is for who calls: `IssuedLink` holds all that a letter says.
"""

import secrets
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.identity.link_repository import LinkRepository
from cebox.console.identity.records import (
    AccessLink,
    IssuedLink,
    LinkPurpose,
    LinkState,
    NewUser,
    PasswordHash,
    User,
)
from cebox.console.identity.repository import UserRepository
from cebox.console.identity.service import add_user, clean_email, end_access, get_user, place_user, verify_giving
from cebox.console.journal import service as journal
from cebox.console.secret import hash_secret, make_secret
from cebox.domain.ids import AccountId, UserId
from cebox.domain.role import Permission, Role
from cebox.errors import Conflict, NotFound
from cebox.kit.clock import Clock

INVITATION_LIFETIME = timedelta(days=7)
PASSWORD_LIFETIME = timedelta(hours=24)


async def list_invitations(connection: AsyncConnection, caller: Caller, scope: Scope, page: Page) -> Listed[AccessLink]:
    """Raises NotPermitted (`role_may_not`)."""
    if not caller.is_vendor:
        caller.verify(Permission.ADMINISTER)
    return await LinkRepository(connection, scope).list_invitations(page)


async def open_link(connection: AsyncConnection, secret: str, clock: Clock) -> AccessLink:
    """What a link is for, without using it. Raises NotFound (`link_unknown`), Conflict (`link_over`)."""
    link = await LinkRepository(connection, Scope.everything()).find_by_secret(hash_secret(secret))
    if link is None:
        raise NotFound("link_unknown", "there is no such link", hint="Copy the whole link.")
    if link.judge(clock()) is not LinkState.OPEN:
        raise _over()
    return link


async def use_link(unit: Unit, secret: str, name: str, password_hash: PasswordHash, clock: Clock) -> User:
    """An invited person becomes a user; a user has a new password, and whoever was signed in as them no longer is.

    Raises what `open_link` raises, Conflict (`user_exists`), InvalidInput (`user_name_malformed`).
    """
    link = await open_link(unit.connection, secret, clock)
    if not await LinkRepository(unit.connection, Scope.everything()).use(link.id, clock()):
        raise _over()
    if link.purpose is LinkPurpose.INVITATION:
        return await welcome(unit, link, name, password_hash, clock)
    return await _set_password(unit, link, password_hash, clock)


async def welcome(unit: Unit, link: AccessLink, name: str, password_hash: PasswordHash, clock: Clock) -> User:
    """The invited person is a user from now on. Raises Conflict (`user_exists`)."""
    new = NewUser(link.email, name, link.role, link.account_id, link.language)
    user = await add_user(unit, new, password_hash, at=clock())
    facts = {"email": user.email, "role": user.role}
    caller = user.to_caller()
    await journal.record(unit, caller, "invitation_accepted", user.id, facts, user.account_id, at=clock())
    unit.notify("users")
    return user


class LinkService:
    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._clock = clock
        self._links = LinkRepository(unit.connection, caller.scope)

    async def invite(self, email: str, role: Role, account_id: AccountId | None, *, language: str = "fr") -> IssuedLink:
        """An earlier invitation of the same address ends. That an address is another account's user is not told.

        Raises Conflict (`user_exists`), NotPermitted (`role_may_not`, `role_not_yours_to_give`, `proof_too_old`),
        NotFound (`account_unknown`), InvalidInput (`email_malformed`, `role_needs_account`, …).
        """
        self._verify()
        verify_giving(self._caller, role)
        account_id = await place_user(self._unit.connection, self._caller, role, account_id)
        address = clean_email(email)
        if await UserRepository(self._unit.connection, self._caller.scope).find_by_email(address) is not None:
            raise Conflict("user_exists", f"{address} is already a user")
        await self._links.revoke_invitations(address, self._clock())
        issued = await self._issue(LinkPurpose.INVITATION, account_id, address, role, language, INVITATION_LIFETIME)
        await self._record("user_invited", issued.link, {"email": address, "role": role})
        return issued

    async def renew(self, link_id: str) -> IssuedLink:
        """The same invitation with a new link; the old one opens nothing any more.

        Raises NotFound (`link_unknown`), Conflict (`link_over`) when it was accepted.
        """
        self._verify()
        old = await self._get_unused(link_id)
        verify_giving(self._caller, old.role)
        return await self.invite(old.email, old.role, old.account_id, language=old.language)

    async def revoke(self, link_id: str) -> None:
        """Raises NotFound (`link_unknown`), Conflict (`link_over`)."""
        self._caller.verify(Permission.ADMINISTER)
        link = await self._get_unused(link_id)
        await self._links.change(link.id, {"revoked_at": self._clock()})
        await self._record("invitation_revoked", link, {"email": link.email})

    async def issue_password_link(self, user_id: UserId) -> IssuedLink:
        """For a user who forgot their password; the old one holds until the link is used.

        Raises NotFound (`user_unknown`), NotPermitted (`role_may_not`, `role_not_yours_to_give`, `proof_too_old`).
        """
        self._verify()
        user = await get_user(self._unit.connection, self._caller.scope, user_id)
        verify_giving(self._caller, user.role)
        await self._links.revoke_of_user(user_id, self._clock())
        issued = await self._issue(
            LinkPurpose.PASSWORD, user.account_id, user.email, user.role, user.language, PASSWORD_LIFETIME, user_id
        )
        await self._record("password_link_made", issued.link, {"email": user.email})
        return issued

    async def _issue(
        self,
        purpose: LinkPurpose,
        account_id: AccountId | None,
        email: str,
        role: Role,
        language: str,
        lifetime: timedelta,
        user_id: UserId | None = None,
    ) -> IssuedLink:
        now, secret = self._clock(), make_secret()
        link_id = f"lnk_{secrets.token_hex(8)}"
        values = {
            "id": link_id,
            "secret_sha256": hash_secret(secret),
            "purpose": purpose,
            "account_id": account_id,
            "user_id": user_id,
            "email": email,
            "role": role,
            "language": language,
            "made_by": self._caller.user_id,
            "created_at": now,
            "expires_at": now + lifetime,
        }
        await self._links.add(values)
        self._unit.notify("users")
        return IssuedLink(await self._get(link_id), secret)

    async def _get(self, link_id: str) -> AccessLink:
        link = await self._links.find(link_id)
        if link is None:
            raise NotFound("link_unknown", f"no invitation {link_id!r}")
        return link

    async def _get_unused(self, link_id: str) -> AccessLink:
        link = await self._get(link_id)
        if link.purpose is not LinkPurpose.INVITATION:
            raise NotFound("link_unknown", f"no invitation {link_id!r}")
        if link.used_at is not None:
            raise _over()
        return link

    def _verify(self) -> None:
        self._caller.verify(Permission.ADMINISTER)
        self._caller.verify_proved(self._clock())

    async def _record(self, verb: str, link: AccessLink, facts: dict[str, object]) -> None:
        subject = link.user_id or link.id
        await journal.record(self._unit, self._caller, verb, subject, facts, link.account_id, at=self._clock())


async def _set_password(unit: Unit, link: AccessLink, password_hash: PasswordHash, clock: Clock) -> User:
    assert link.user_id is not None
    user = await get_user(unit.connection, Scope.everything(), link.user_id)
    if not user.is_active:
        raise _over()
    await UserRepository(unit.connection, Scope.everything()).change(user.id, {"password_hash": password_hash})
    await end_access(unit, user.id)
    await journal.record(unit, user.to_caller(), "password_changed", user.id, {}, user.account_id, at=clock())
    return user


def _over() -> Conflict:
    return Conflict(
        "link_over", "this link was used, replaced, revoked or has expired", hint="Ask an administrator for a new one."
    )
