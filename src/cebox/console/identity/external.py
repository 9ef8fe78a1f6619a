"""Who comes from an identity provider: somebody who came before; else the user, or the invited person, with the
address it verified; else nobody."""

from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.identity.external_repository import ExternalRepository
from cebox.console.identity.link_repository import LinkRepository
from cebox.console.identity.links import welcome
from cebox.console.identity.oidc import Person
from cebox.console.identity.records import NO_PASSWORD, User
from cebox.console.identity.repository import UserRepository
from cebox.console.journal import service as journal
from cebox.errors import NotAuthenticated
from cebox.kit.clock import Clock


async def recognise(unit: Unit, person: Person, clock: Clock) -> User:
    """Raises NotAuthenticated (`oidc_user_unknown`)."""
    users = UserRepository(unit.connection, Scope.everything())
    identities = ExternalRepository(unit.connection, person.issuer)
    known = await identities.find_user(person.subject)
    user = await users.find(known) if known else await _find_by_address(unit, person, clock)
    if user is None or not user.is_active:
        raise _unknown()
    if known is None:
        if await identities.has_other(user.id):
            # Somebody else at the provider has this address now: the account there is not the one that was linked.
            raise _unknown()
        await identities.add(person.subject, user.id, clock())
        facts = {"issuer": person.issuer}
        await journal.record(unit, user.to_caller(), "identity_linked", user.id, facts, user.account_id, at=clock())
    return user


async def _find_by_address(unit: Unit, person: Person, clock: Clock) -> User | None:
    if not person.email:
        return None
    users = UserRepository(unit.connection, Scope.everything())
    if found := await users.find_by_email(person.email):
        return found[0]
    links = LinkRepository(unit.connection, Scope.everything())
    link = await links.find_open_invitation(person.email, clock())
    if link is None or not await links.use(link.id, clock()):
        return None
    return await welcome(unit, link, person.name or person.email, NO_PASSWORD, clock)


def _unknown() -> NotAuthenticated:
    return NotAuthenticated(
        "oidc_user_unknown",
        "the identity provider knows this person, the console does not",
        hint="Ask an administrator for an invitation to the address the provider verified.",
    )
