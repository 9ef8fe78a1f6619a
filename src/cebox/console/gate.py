"""The gate in front of every admin request: who is calling, and may they. FastAPI dependencies, and plain calls for
the pages.

A handler of a route that changes something declares what it takes: `caller: Operator`. One that only reads declares
`caller: Viewer`. A test walks all routes and holds them to it.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.database.paging import DEFAULT_LIMIT, LARGEST_LIMIT, Page
from cebox.console.database.scope import Scope
from cebox.console.identity.sign_in import find_session_caller, get_token_caller
from cebox.console.journal.watch import note_look
from cebox.console.state import Console
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission, TokenScope
from cebox.errors import NotAuthenticated, NotPermitted

SESSION_COOKIE = "cebox_session"
FORM_SECRET_HEADER = "x-csrf-token"  # noqa: S105 - a header's name
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_API = "/api/v1/me"
_NO_ACCOUNTS = (_OWN_API, "/api/v1/tokens", "/api/v1/releases")


def get_console(request: Request) -> Console:
    console = request.app.state.console
    assert isinstance(console, Console)
    return console


async def get_page_caller(request: Request) -> Caller:
    """The user of a browser session. Raises NotAuthenticated (`session_missing`)."""
    secret = request.cookies.get(SESSION_COOKIE)
    caller = await find_session_caller(get_console(request), secret, find_address(request)) if secret else None
    if caller is None:
        raise NotAuthenticated("session_missing", "nobody is signed in", hint="Sign in.")
    return caller


def find_address(request: Request) -> str:
    """Whom the server says it talks to; behind a proxy it trusts, whom that one talks to."""
    return request.client.host if request.client else ""


def find_console_url(request: Request) -> str:
    """The console's address for a link: as set, else as it was just reached."""
    return get_console(request).settings.public_url or str(request.base_url)


def verify_form_secret(caller: Caller, given: str) -> None:
    """A form counts only from a page this console made. Raises NotPermitted (`form_secret_wrong`)."""
    if not caller.form_secret or not secrets.compare_digest(caller.form_secret.encode(), given.encode()):
        raise NotPermitted("form_secret_wrong", "this form is not one of your session's", hint="Load the page again.")


async def get_caller(request: Request) -> Caller:
    """The user of an API token, or of a browser session (whose changes need the header `x-csrf-token`).

    Raises NotAuthenticated (`token_unknown`, `token_expired`, `session_missing`), NotPermitted (`form_secret_wrong`,
    `second_factor_required`).
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await get_token_caller(get_console(request), token.strip(), find_address(request))
    caller = await get_page_caller(request)
    if caller.must_enrol and not request.url.path.startswith(_OWN_API):
        raise NotPermitted(
            "second_factor_required",
            "this account asks everybody for a second factor",
            hint="Set one up on the page of your own sign-in.",
        )
    if request.method not in _READING:
        verify_form_secret(caller, request.headers.get(FORM_SECRET_HEADER, ""))
    return caller


def permitted(permission: Permission) -> Callable[[Request, Caller], Awaitable[Caller]]:
    """A dependency that lets through only who may. Raises NotPermitted (`role_may_not`)."""

    async def verify(request: Request, caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
        caller.verify(permission)
        if permission is Permission.VIEW:
            await _note_look(request, caller)
        return caller

    return verify


async def _note_look(request: Request, caller: Caller) -> None:
    """What an answer shows of an account is a look at it; what changes something is in the journal anyway."""
    path = request.url.path
    is_reading = request.method in _READING or path.endswith("preflight")
    if not caller.is_vendor or not is_reading or path.startswith(_NO_ACCOUNTS):
        return
    named = [*map(str, request.path_params.values())]
    if account := request.query_params.get("account"):
        named.append(account)
    await note_look(get_console(request), caller, path, named, None)


async def verify_own(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
    """One's own business. A token of a narrow scope changes nothing of its user's.

    Raises NotPermitted (`token_scope_too_narrow`).
    """
    caller.verify(Permission.VIEW)
    if caller.token_scope is not TokenScope.MANAGE:
        raise NotPermitted(
            "token_scope_too_narrow", "this token changes nothing of its user's", hint="Make a token of a wider scope."
        )
    return caller


TheConsole = Annotated[Console, Depends(get_console)]
Viewer = Annotated[Caller, Depends(permitted(Permission.VIEW))]
Owner = Annotated[Caller, Depends(verify_own)]
Operator = Annotated[Caller, Depends(permitted(Permission.ACT))]
Administrator = Annotated[Caller, Depends(permitted(Permission.ADMINISTER))]
VendorOperator = Annotated[Caller, Depends(permitted(Permission.VENDOR))]

AccountParameter = Annotated[
    str | None, Query(alias="account", max_length=40, description="The account; only the vendor's people name one.")
]


async def choose_scope(console: TheConsole, caller: Viewer, named: AccountParameter = None) -> Scope:
    """Whose rows a list shows. Raises NotFound (`account_unknown`)."""
    scope = caller.scope_of(named)
    if named is not None and caller.is_vendor:
        await _verify_account(console, AccountId(named))
    return scope


async def choose_account(console: TheConsole, caller: Viewer, named: AccountParameter = None) -> AccountId:
    """The account a change is for. Raises NotFound (`account_unknown`), InvalidInput (`account_missing`)."""
    account_id = caller.account_of(named)
    if caller.is_vendor:
        await _verify_account(console, account_id)
    return account_id


async def _verify_account(console: Console, account_id: AccountId) -> None:
    async with console.database.read() as connection:
        await AccountRepository(connection, Scope.everything()).get(account_id)


def choose_page(
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT)] = DEFAULT_LIMIT,
    after: Annotated[str | None, Query(max_length=1000, description="`next` of the previous piece.")] = None,
) -> Page:
    return Page(limit, after)


ChosenScope = Annotated[Scope, Depends(choose_scope)]
ChosenAccount = Annotated[AccountId, Depends(choose_account)]
ChosenPage = Annotated[Page, Depends(choose_page)]
