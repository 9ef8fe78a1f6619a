"""Who works here: users, invitations, what each may do, and their sessions and tokens."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.paging import Page
from cebox.console.gate import find_console_url
from cebox.console.identity.access_lists import end_others_session, load_access, revoke_others_token
from cebox.console.identity.factors import find_rule, reset_factors, set_rule
from cebox.console.identity.links import LinkService, list_invitations
from cebox.console.identity.records import IssuedLink, LinkState, NewUser
from cebox.console.identity.service import IdentityService, UserChange, get_user, list_users
from cebox.console.web.pieces import ROLE_WORDS, SCOPE_WORDS
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.ids import UserId
from cebox.domain.role import VENDOR_ROLES, Permission, Role
from cebox.errors import InvalidInput

_MOST_INVITATIONS = 50


@page()
async def show_users(visit: Visit) -> Response:
    if not visit.caller.is_vendor and not visit.caller.may(Permission.ADMINISTER):
        return visit.show("identity/users.html", listed=None, role_names=ROLE_WORDS)
    scope = visit.caller.scope if visit.asked("all") and visit.caller.is_vendor else visit.scope
    async with visit.console.database.read() as connection:
        listed = await list_users(connection, visit.caller, scope, visit.piece(50))
        links = await list_invitations(connection, visit.caller, scope, Page(_MOST_INVITATIONS))
        is_required = await find_rule(connection, visit.scope, visit.account_id)
    now = visit.console.clock()
    waiting = [link for link in links.items if link.judge(now) in (LinkState.OPEN, LinkState.EXPIRED)]
    return visit.show(
        "identity/users.html",
        listed=listed,
        waiting=[(link, link.judge(now)) for link in waiting],
        is_required=is_required,
        role_names=ROLE_WORDS,
    )


@page(Permission.ADMINISTER, asks_proof=True)
async def show_new_user(visit: Visit) -> Response:
    return visit.show_dialog("identity/new-user.html", roles=_roles_to_give(visit))


@page(Permission.ADMINISTER)
async def create_user(visit: Visit) -> Response:
    password_hash = await visit.console.passwords.hash(str(visit.form.get("password", "")))
    role = _parse_role(visit.field("role"))
    account_id = None if role in VENDOR_ROLES else visit.account_id
    new = NewUser(visit.field("email"), visit.field("name"), role, account_id, visit.formats.language)
    async with visit.console.database.write() as unit:
        user = await IdentityService(unit, visit.caller, visit.console.clock).create_user(new, password_hash)
    return visit.done(visit.say(_("%(email)s can sign in now."), email=user.email), address="/users")


@page(Permission.ADMINISTER, asks_proof=True)
async def show_invitation(visit: Visit) -> Response:
    return visit.show_dialog("identity/invite.html", roles=_roles_to_give(visit))


@page(Permission.ADMINISTER)
async def invite(visit: Visit) -> Response:
    role = _parse_role(visit.field("role"))
    account_id = None if role in VENDOR_ROLES else visit.account_id
    async with visit.console.database.write() as unit:
        service = LinkService(unit, visit.caller, visit.console.clock)
        issued = await service.invite(visit.field("email"), role, account_id, language=visit.formats.language)
    return _show_link(visit, issued)


@page(Permission.ADMINISTER)
async def renew_invitation(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        issued = await LinkService(unit, visit.caller, visit.console.clock).renew(_part(visit, "link_id"))
    return _show_link(visit, issued)


@page(Permission.ADMINISTER)
async def revoke_invitation(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await LinkService(unit, visit.caller, visit.console.clock).revoke(_part(visit, "link_id"))
    return visit.done(visit.say(_("The invitation opens nothing any more.")), address="/users")


@page(Permission.ADMINISTER)
async def change_rule(visit: Visit) -> Response:
    is_required = visit.field("is_required") == "1"
    async with visit.console.database.write() as unit:
        clock = visit.console.clock
        await set_rule(unit, visit.caller, visit.account_id, is_required=is_required, clock=clock)
    message = (
        _("Everybody of the account needs a second factor from now on.")
        if is_required
        else _("A second factor is everybody's own choice.")
    )
    return visit.done(visit.say(message), address="/users")


@page()
async def show_user(visit: Visit) -> Response:
    user_id = _user_id(visit)
    async with visit.console.database.read() as connection:
        access = await load_access(connection, visit.caller, user_id, visit.console.clock())
    return visit.show(
        "identity/user.html", one=access.user, access=access, role_names=ROLE_WORDS, scope_words=SCOPE_WORDS
    )


@page(Permission.ADMINISTER)
async def change_user(visit: Visit) -> Response:
    change = UserChange(is_active=visit.field("is_active") == "1")
    async with visit.console.database.write() as unit:
        await IdentityService(unit, visit.caller, visit.console.clock).change_user(_user_id(visit), change)
    message = _("This user can sign in again.") if change.is_active else _("This user can no longer sign in.")
    return visit.done(visit.say(message), address="/users")


@page(Permission.ADMINISTER, asks_proof=True)
async def show_role(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        user = await get_user(connection, visit.caller.scope, _user_id(visit))
    is_vendors = user.role in VENDOR_ROLES
    roles = {role: words for role, words in ROLE_WORDS.items() if (role in VENDOR_ROLES) == is_vendors}
    return visit.show_dialog("identity/role.html", one=user, roles=roles)


@page(Permission.ADMINISTER)
async def change_role(visit: Visit) -> Response:
    change = UserChange(name=visit.field("name") or None, role=_parse_role(visit.field("role")))
    async with visit.console.database.write() as unit:
        user = await IdentityService(unit, visit.caller, visit.console.clock).change_user(_user_id(visit), change)
    message = visit.say(_("%(name)s is changed."), name=user.name)
    return visit.done(message, address=f"/users/{user.id}")


@page(Permission.ADMINISTER)
async def make_password_link(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        issued = await LinkService(unit, visit.caller, visit.console.clock).issue_password_link(_user_id(visit))
    return _show_link(visit, issued)


@page(Permission.ADMINISTER, asks_proof=True)
async def show_factors_reset(visit: Visit) -> Response:
    async with visit.console.database.read() as connection:
        user = await get_user(connection, visit.caller.scope, _user_id(visit))
    return visit.show_dialog("identity/reset-factors.html", one=user)


@page(Permission.ADMINISTER)
async def reset_second_factors(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        user = await reset_factors(unit, visit.caller, _user_id(visit), visit.console.clock)
    message = visit.say(
        _("%(name)s signs in with the password alone, and sets up a new second factor."), name=user.name
    )
    return visit.done(message, address=f"/users/{user.id}")


@page(Permission.ADMINISTER)
async def end_session(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await end_others_session(unit, visit.caller, _user_id(visit), _part(visit, "session_id"), visit.console.clock)
    return visit.done(visit.say(_("The session is over.")), address=f"/users/{_user_id(visit)}")


@page(Permission.ADMINISTER)
async def revoke_token(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await revoke_others_token(unit, visit.caller, _user_id(visit), _part(visit, "token_id"), visit.console.clock)
    return visit.done(visit.say(_("The token opens nothing any more.")), address=f"/users/{_user_id(visit)}")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/users", show_users, methods=["GET"]),
        Route("/users/new", show_new_user, methods=["GET"]),
        Route("/users/new", create_user, methods=["POST"]),
        Route("/users/invite", show_invitation, methods=["GET"]),
        Route("/users/invite", invite, methods=["POST"]),
        Route("/users/rule", change_rule, methods=["POST"]),
        Route("/users/invitations/{link_id}/renew", renew_invitation, methods=["POST"]),
        Route("/users/invitations/{link_id}/revoke", revoke_invitation, methods=["POST"]),
        Route("/users/{user_id}", show_user, methods=["GET"]),
        Route("/users/{user_id}", change_user, methods=["POST"]),
        Route("/users/{user_id}/role", show_role, methods=["GET"]),
        Route("/users/{user_id}/role", change_role, methods=["POST"]),
        Route("/users/{user_id}/password-link", make_password_link, methods=["POST"]),
        Route("/users/{user_id}/factors", show_factors_reset, methods=["GET"]),
        Route("/users/{user_id}/factors", reset_second_factors, methods=["POST"]),
        Route("/users/{user_id}/sessions/{session_id}/end", end_session, methods=["POST"]),
        Route("/users/{user_id}/tokens/{token_id}/revoke", revoke_token, methods=["POST"]),
    ]


def _show_link(visit: Visit, issued: IssuedLink) -> Response:
    """The only time the link is seen."""
    address = issued.address(find_console_url(visit.request))
    response = visit.show_dialog("identity/link.html", link=issued.link, link_address=address)
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _user_id(visit: Visit) -> UserId:
    return UserId(_part(visit, "user_id"))


def _part(visit: Visit, name: str) -> str:
    return str(visit.request.path_params[name])


def _parse_role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInput("request_malformed", f"{text!r} is not a role") from error


def _roles_to_give(visit: Visit) -> dict[Role, str]:
    may_all = visit.caller.may(Permission.VENDOR)
    return {role: words for role, words in ROLE_WORDS.items() if may_all or role not in VENDOR_ROLES}
