"""Whoever typed a console command: the options that say so, and the client that speaks for them."""

import inspect
from collections.abc import Callable
from contextlib import closing
from functools import cached_property, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, cast

from cebox.cli.choose import choose
from cebox.cli.connection import Connection, choose_connection
from cebox.cli.options import AsJson, ConsoleUrl, OfAccount, TokenFile
from cebox.errors import NotFound
from cebox.protocol.admin import Device
from cebox.protocol.admin_client import AdminClient

Words = ParamSpec("Words")


class Caller:
    """First argument of a console command; `as_json` says how to answer.

    The console is chosen and reached at the first use of `client`: a command may turn out not to need it.
    """

    def __init__(self, *, console: str | None, token_file: Path | None, account: str | None, as_json: bool) -> None:
        self._console = console
        self._token_file = token_file
        self._client: AdminClient | None = None
        self._account = account
        self.as_json = as_json

    @property
    def client(self) -> AdminClient:
        """Signed in. Raises NotAuthenticated (`not_signed_in`)."""
        if self._client is None:
            self._client = AdminClient(self._connection.console_url, self._connection.token)
        return self._client

    @property
    def console_url(self) -> str:
        """The console's address as it was given. Raises NotAuthenticated (`not_signed_in`)."""
        return self._connection.console_url

    @cached_property
    def _connection(self) -> Connection:
        return choose_connection(self._console, self._token_file)

    @cached_property
    def account_id(self) -> str | None:
        """Of the account named with `--account`. Raises NotFound (`account_unknown`)."""
        if self._account is None:
            return None
        return choose(self._account, self.client.list_accounts(), kind="account").id

    def get_device(self, words: str) -> Device:
        """By name or id. Raises NotFound (`device_unknown`) or InvalidInput (`device_ambiguous`)."""
        found = self.client.list_devices(account=self.account_id, search=words)
        try:
            return choose(words, found, kind="device")
        except NotFound:
            # Asked again without the search, so that the answer can name those that come near.
            return choose(words, self.client.list_devices(account=self.account_id), kind="device")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def talks_to_console(command: Callable[Concatenate[Caller, Words], None]) -> Callable[..., None]:
    """Give a command `--json`, `--console` and `--token-file`, and call it with the Caller they make."""
    return _wrap(command, _CONNECTION)


def works_on_account(command: Callable[Concatenate[Caller, Words], None]) -> Callable[..., None]:
    """The same, and `--account`: for what concerns one account, which the vendor's people name."""
    return _wrap(command, (*_CONNECTION, _ACCOUNT))


def _shared(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_CONNECTION = (
    _shared("as_json", AsJson, False),
    _shared("console_url", ConsoleUrl, None),
    _shared("token_file", TokenFile, None),
)
_ACCOUNT = _shared("account_name", OfAccount, None)


def _wrap(
    command: Callable[Concatenate[Caller, Words], None], shared: tuple[inspect.Parameter, ...]
) -> Callable[..., None]:
    signature = inspect.signature(command)
    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in list(signature.parameters.values())[1:]]

    @wraps(command)
    def run(
        *,
        as_json: bool,
        console_url: str | None,
        token_file: Path | None,
        account_name: str | None = None,
        **words: object,
    ) -> None:
        caller = Caller(console=console_url, token_file=token_file, account=account_name, as_json=as_json)
        with closing(caller):
            cast(Callable[..., None], command)(caller, **words)

    run.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    return run
