"""`cebox login|logout|whoami`: a token for this machine's user, kept in a file only they read."""

import contextlib
import platform
from pathlib import Path
from typing import Annotated

import typer

from cebox.cli.caller import Caller, talks_to_console
from cebox.cli.connection import (
    SavedLogin,
    config_path,
    find_saved_login,
    forget_login,
    read_secret,
    save_login,
)
from cebox.cli.options import AsJson, examples
from cebox.cli.output import is_interactive, print_facts, print_json, remark, say
from cebox.domain.role import TokenScope
from cebox.errors import CeboxError, InvalidInput, NotAuthenticated
from cebox.protocol.admin import NewToken
from cebox.protocol.admin_client import AdminClient


def add(app: typer.Typer, panel: str) -> None:
    app.command(
        rich_help_panel=panel,
        epilog=examples(
            "cebox login http://127.0.0.1:8080",
            "cebox login https://console.example.org --email me@example.org --password-file password",
        ),
    )(login)
    app.command(rich_help_panel=panel)(logout)
    app.command(rich_help_panel=panel)(talks_to_console(whoami))


def login(
    console: Annotated[str, typer.Argument(metavar="URL", help="The console's address.")],
    email: Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="Asked for otherwise.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="Asked for otherwise, unseen.")
    ] = None,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="One-time or recovery code; asked for if needed.")
    ] = None,
    scope: Annotated[TokenScope | None, typer.Option("--scope", help="How much the commands may do.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in to a console; the commands below then speak for you."""
    address = email or _ask("Email", option="--email")
    password = read_secret(password_file) if password_file else _ask("Password", option="--password-file", unseen=True)
    with AdminClient(console) as stranger:
        token = _make_token(stranger, address, password, code, scope)
    with AdminClient(console, token.token) as client:
        me = client.get_me()
    path = save_login(SavedLogin(console=console.rstrip("/"), token=token.token, token_id=token.id))
    if as_json:
        print_json({"console": console, "user": me, "saved_to": path})
    else:
        say(f"Signed in as {me.name} ({me.role}).")
        remark(f"The token is kept in {path}; cebox logout removes it.")


def logout(as_json: AsJson = False) -> None:
    """Sign out: the token is revoked and forgotten."""
    saved = find_saved_login()
    if saved is None:
        raise NotAuthenticated("not_signed_in", f"nobody is signed in: there is no {config_path()}")
    is_revoked = False
    # The file goes in any case: a console that is away or has forgotten the token must not keep anybody signed in.
    with contextlib.suppress(CeboxError), AdminClient(saved.console, saved.token) as client:
        client.revoke_token(saved.token_id)
        is_revoked = True
    forget_login()
    if as_json:
        print_json({"console": saved.console, "is_revoked": is_revoked})
        return
    say(f"Signed out of {saved.console}.")
    if not is_revoked:
        remark("The console could not be told; the token stays valid there until it expires.")


def whoami(caller: Caller) -> None:
    """Say who you are to the console."""
    me = caller.client.get_me()
    if caller.as_json:
        print_json({"console": caller.client.console_url, "user": me})
        return
    print_facts(
        {
            "user": f"{me.name} <{me.email}>",
            "role": me.role,
            "account": me.account_id or "(the vendor)",
            "console": caller.client.console_url,
        }
    )


def _make_token(
    stranger: AdminClient, address: str, password: str, code: str | None, scope: TokenScope | None
) -> NewToken:
    """Who has a second factor is asked for it, once it is clear that they have."""
    name = f"cebox on {platform.node()}"
    try:
        return stranger.create_token(address, password, name=name, code=code or "", scope=scope or "")
    except NotAuthenticated as error:
        if error.code != "second_factor_needed" or code or not is_interactive():
            raise
    code = _ask("One-time code", option="--code")
    return stranger.create_token(address, password, name=name, code=code, scope=scope or "")


def _ask(what: str, *, option: str, unseen: bool = False) -> str:
    if not is_interactive():
        raise InvalidInput(
            "sign_in_incomplete", f"no {what.lower()} was given and nobody can be asked", hint=f"Name it with {option}."
        )
    return str(typer.prompt(what, hide_input=unseen, err=True))
