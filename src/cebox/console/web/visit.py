"""One request for a page: who reads, in which words, of which account; and how a page answers a refusal.

A page is `@page(Permission.VIEW)` on an async function from Visit to Response. It is where roles, form secrets and
errors are dealt with, so that a page cannot forget them.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cebox.console.access import FRESH, Caller
from cebox.console.accounts.records import Account
from cebox.console.accounts.service import get_account, list_accounts
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.gate import FORM_SECRET_HEADER, get_console, get_page_caller, verify_form_secret
from cebox.console.journal.watch import note_look
from cebox.console.state import Console
from cebox.console.web.formats import Formats, find_zone
from cebox.console.web.menu import MenuCounts, load_menu_counts
from cebox.console.web.pieces import ROLE_WORDS, console_version
from cebox.console.web.refusals import find_failure, find_refusal
from cebox.console.web.render import render
from cebox.console.web.words import DEFAULT_LANGUAGE, find_language, load_words
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission
from cebox.errors import CeboxError, InvalidInput, NotAuthenticated
from cebox.protocol.problems import STATUSES

ACCOUNT_COOKIE = "cebox_account"
ZONE_COOKIE = "cebox_zone"
_MOST_ACCOUNTS = 500
_LARGEST_FORM_FIELDS = 1000
_BEFORE_ENROLMENT = ("/security", "/prove", "/preferences", "/sign-out", "/events")
_NO_ACCOUNTS = ("/security", "/prove", "/events")
_PLACES = frozenset({"after", "before", "at"})


@dataclass(frozen=True, slots=True)
class Visit:
    """`account` is the one whose pages are shown; None only for the vendor while there is none."""

    request: Request
    console: Console
    caller: Caller
    formats: Formats
    account: Account | None
    accounts: tuple[Account, ...] = ()
    form: FormData = field(default_factory=FormData)
    counts: MenuCounts | None = None

    @property
    def is_fragment(self) -> bool:
        return is_fragment(self.request)

    @property
    def account_id(self) -> AccountId:
        """Raises InvalidInput (`account_missing`)."""
        if self.account is None:
            raise InvalidInput("account_missing", "there is no account to show")
        return self.account.id

    @property
    def scope(self) -> Scope:
        return Scope.account(self.account_id)

    def say(self, message: str, **values: object) -> str:
        return self.formats.words.get(message) % values if values else self.formats.words.get(message)

    def field(self, name: str) -> str:
        """A text field of the form, trimmed; empty when it is missing."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def fields(self, name: str) -> list[str]:
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def asked(self, name: str) -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, "").strip()

    def here(self, **changes: str) -> str:
        """The address of this page with other parameters; a new view starts from its first piece."""
        parameters = {name: value for name, value in self.request.query_params.items() if name not in _PLACES}
        parameters.update(changes)
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    def piece(self, limit: int) -> Page:
        """Which piece of a list the address asks for."""
        return Page(limit, self.asked("after") or None, self.asked("before") or None)

    def address_of(self, query: str, **more: str) -> str:
        """The address of this page with another query."""
        whole = "&".join(part for part in (query, urlencode(more)) if part)
        return f"{self.request.url.path}?{whole}" if whole else self.request.url.path

    def show(self, template: str, *, status: int = 200, **context: Any) -> Response:
        response = render(self.formats, template, {**self._context(), **context}, status=status)
        if self.caller.is_vendor and self.account is not None:
            # The account chosen by address is kept for the next pages.
            is_secure = self.console.settings.has_secure_cookie
            response.set_cookie(ACCOUNT_COOKIE, self.account.id, httponly=True, samesite="lax", secure=is_secure)
        return response

    def show_dialog(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A dialog's content; opened by its address alone, it stands in a page."""
        if self.is_fragment:
            return self.show(template, status=status, **context)
        return self.show("dialog-page.html", inner=template, status=status, **context)

    def done(self, message: str, *, address: str, clears: bool = False) -> Response:
        """After a change: the dialog closes, the page brings itself up to date and says `message`.

        `clears`: what was selected has served.
        """
        if not self.is_fragment:
            return RedirectResponse(address, status_code=303)
        # Pure ASCII, for it travels in a header.
        event = json.dumps({"done": {"message": message, "clears": clears}})
        return Response(status_code=204, headers={"HX-Trigger": event, "Cache-Control": "no-store"})

    def refuse(self, error: CeboxError) -> Response:
        return refuse(self, error)

    def _context(self) -> dict[str, Any]:
        return {
            "reader": self.caller,
            "account": self.account,
            "accounts": self.accounts,
            "menu_counts": self.counts,
            "may_act": self.caller.may(Permission.ACT),
            "may_administer": self.caller.may(Permission.ADMINISTER),
            "is_vendor_operator": self.caller.may(Permission.VENDOR),
            "here": self.here,
            "here_path": self.request.url.path,
            "here_address": self.here(),
            "events": f"/events?account={self.account.id}" if self.account else "/events",
            "role_words": self.say(ROLE_WORDS[self.caller.role]),
            "console_version": console_version(),
            "failure_of": find_failure,
            "prove_address": "",
            "must_enrol": self.caller.must_enrol,
        }


Handler = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def page(permission: Permission = Permission.VIEW, *, asks_proof: bool = False) -> Callable[[Handler], Endpoint]:
    """Makes a handler a route's endpoint: nobody else than a signed-in user with `permission` reaches it.

    `asks_proof`: nor one who proved long ago who they are; what was opened in time may still be sent.
    """

    def make(handler: Handler) -> Endpoint:
        @wraps(handler)
        async def endpoint(request: Request) -> Response:
            try:
                caller = await get_page_caller(request)
            except NotAuthenticated:
                return ask_to_sign_in(request)
            if caller.must_enrol and not request.url.path.startswith(_BEFORE_ENROLMENT):
                return _go(request, "/security")
            form = await request.form(max_fields=_LARGEST_FORM_FIELDS) if request.method == "POST" else FormData()
            plain = _make_visit(request, caller, form)
            try:
                caller.verify(permission)
                if request.method == "POST":
                    verify_form_secret(caller, _given_secret(request, form))
                elif asks_proof:
                    caller.verify_proved_lately(plain.console.clock(), FRESH)
                visit = await _count_for_menu(await _choose_account(plain))
                await _note_look(visit)
            except CeboxError as error:
                return refuse(plain, error)
            try:
                return await handler(visit)
            except CeboxError as error:
                return refuse(visit, error)

        return endpoint

    return make


async def _note_look(visit: Visit) -> None:
    """The vendor's people are seen looking at an account, once per page."""
    path = visit.request.url.path
    if visit.request.method != "GET" or path.startswith(_NO_ACCOUNTS):
        return
    is_of_all = visit.asked("all") == "1" or path == "/accounts"
    shown = None if is_of_all or visit.account is None else visit.account.id
    named = [*map(str, visit.request.path_params.values())]
    await note_look(visit.console, visit.caller, path, named, shown)


def is_fragment(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def ask_to_sign_in(request: Request) -> Response:
    """To the sign-in page, and back afterwards; a fragment sends the whole page there. Changes nothing, ever."""
    if is_fragment(request):
        return _go(request, "/sign-in")
    query = f"?{request.url.query}" if request.url.query else ""
    back = f"{request.url.path}{query}" if request.method == "GET" else "/"
    address = "/sign-in" if back == "/" else f"/sign-in?next={quote(back)}"
    return RedirectResponse(address, status_code=303)


def refuse(visit: Visit, error: CeboxError) -> Response:
    """A refusal where the reader looks: in the dialog, in the form's own place, or as a page."""
    context: dict[str, Any] = {"refusal": find_refusal(error.code)}
    if error.code == "proof_too_old":
        context["prove_address"] = f"/prove?next={quote(_find_page(visit.request))}"
    if not visit.is_fragment:
        template = "refused.html" if visit.account or visit.caller.is_vendor else "refused-alone.html"
    elif visit.request.headers.get("hx-target") == "dialog":
        template = "refused-dialog.html"
    else:
        template = "refused-box.html"
    return visit.show(template, status=STATUSES[type(error)], **context)


def _go(request: Request, address: str) -> Response:
    """A fragment sends the whole page there."""
    if is_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": address, "Cache-Control": "no-store"})
    return RedirectResponse(address, status_code=303)


def _find_page(request: Request) -> str:
    """Where the reader is: the page itself, or the one that holds this fragment."""
    if request.method == "GET" and not is_fragment(request):
        return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    parts = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer", ""))
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def find_here_zone(request: Request) -> str:
    return unquote(request.cookies.get(ZONE_COOKIE, ""))


def _make_visit(request: Request, caller: Caller, form: FormData) -> Visit:
    console = get_console(request)
    words = load_words(find_language(caller.language) or DEFAULT_LANGUAGE)
    formats = Formats(words, find_zone(find_here_zone(request)), console.clock())
    return Visit(request, console, caller, formats, None, form=form)


def _given_secret(request: Request, form: FormData) -> str:
    given = request.headers.get(FORM_SECRET_HEADER) or form.get("form_secret", "")
    return given if isinstance(given, str) else ""


async def _count_for_menu(visit: Visit) -> Visit:
    """Only a whole page has a menu."""
    if visit.account is None or visit.is_fragment or visit.request.method != "GET":
        return visit
    async with visit.console.database.read() as connection:
        return replace(visit, counts=await load_menu_counts(connection, visit.account, visit.console.clock))


async def _choose_account(visit: Visit) -> Visit:
    """The account named in the address or form, else the last one looked at, else the first.

    Raises NotFound (`account_unknown`), for a customer who names another's too.
    """
    named = visit.asked("account") or None
    async with visit.console.database.read() as connection:
        if not visit.caller.is_vendor:
            own = visit.caller.account_of(named)
            return _with_account(visit, await get_account(connection, visit.caller.scope, own), ())
        listed = await list_accounts(connection, visit.caller.scope, Page(_MOST_ACCOUNTS))
    customers = tuple(account for account in listed.items if not account.is_vendor)
    wanted = visit.caller.account_of(named) if named else visit.request.cookies.get(ACCOUNT_COOKIE)
    chosen = next((account for account in customers if account.id == wanted), None)
    if chosen is None and named:
        async with visit.console.database.read() as connection:
            chosen = await get_account(connection, visit.caller.scope, AccountId(named))
    return _with_account(visit, chosen or next(iter(customers), None), customers)


def _with_account(visit: Visit, account: Account | None, accounts: tuple[Account, ...]) -> Visit:
    return replace(visit, account=account, accounts=accounts)
