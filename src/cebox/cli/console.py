"""`cebox console`: the program behind the pages and the admin API."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cebox.cli.choose import choose
from cebox.cli.connection import read_secret
from cebox.cli.extras import needing
from cebox.cli.options import AsJson, examples, new_group
from cebox.cli.output import is_interactive, print_json, say
from cebox.domain.ids import AccountId
from cebox.domain.role import Role
from cebox.errors import InvalidInput

if TYPE_CHECKING:
    from cebox.console.identity.records import User
    from cebox.console.settings import ConsoleSettings
    from cebox.console.state import Console

app = new_group("The console: pages, admin API and device API.")

SettingsFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML; $CEBOX_CONSOLE_<KEY> wins over each of its keys."),
]


@app.command(epilog=examples("cebox console serve --config /etc/cebox/console.toml"))
def serve(settings_file: SettingsFile = None) -> None:
    """Run the console until it is told to stop."""
    settings = _load(settings_file)
    with needing("console"):
        from cebox.console.main import serve_console
    serve_console(settings)


def _load(file: Path | None) -> "ConsoleSettings":
    with needing("console"):
        from cebox.console.settings import load_settings
    return load_settings(file, os.environ)


@app.command(epilog=examples("cebox console init --config /etc/cebox/console.toml"))
def init(settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Make the console's secret and its database, or bring them up to date."""
    settings = _load(settings_file)
    console_id = asyncio.run(_init(settings))
    if as_json:
        print_json({"console_id": console_id, "state_folder": settings.state_folder})
        return
    say(f"The console {console_id} is ready in {settings.state_folder}.")
    say("Make its first user with: cebox console create-user ADDRESS --role vendor-operator")


@app.command(
    "create-user",
    epilog=examples(
        "cebox console create-user ops@example.org --role vendor-operator",
        "cebox console create-user admin@example.org --role account-admin --account 'Atelier Nord'",
    ),
)
def create_user(
    email: Annotated[str, typer.Argument(metavar="ADDRESS", help="What they sign in with.")],
    role: Annotated[Role, typer.Option("--role", metavar="ROLE", help=f"One of {', '.join(Role)}.")],
    account: Annotated[
        str | None, typer.Option("--account", metavar="ACCOUNT", help="For the roles of a customer: its name or id.")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="As it is shown; ADDRESS otherwise.")] = "",
    language: Annotated[Literal["fr", "en"], typer.Option("--language", help="Of their pages.")] = "fr",
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="Asked for otherwise, unseen.")
    ] = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a user, on the console's own machine; afterwards the pages do it too."""
    settings = _load(settings_file)
    password = read_secret(password_file) if password_file else _ask_new_password()
    user = asyncio.run(
        _create_user(
            settings, email=email, name=name or email, role=role, account=account, language=language, password=password
        )
    )
    if as_json:
        print_json({"id": user.id, "email": user.email, "role": user.role, "account_id": user.account_id})
    else:
        say(f"{user.email} may sign in as {user.role}.")


async def _init(settings: "ConsoleSettings") -> str:
    with needing("console"):
        from cebox.console.opening import open_console

    async with open_console(settings) as console:
        return console.console_id


async def _create_user(
    settings: "ConsoleSettings", *, email: str, name: str, role: Role, account: str | None, language: str, password: str
) -> "User":
    with needing("console"):
        from cebox.console.access import local_operator
        from cebox.console.identity.records import NewUser
        from cebox.console.identity.service import IdentityService
        from cebox.console.opening import open_console

    async with open_console(settings) as console:
        password_hash = await console.passwords.hash(password)
        account_id = await _find_account(console, account) if account else None
        async with console.database.write() as unit:
            service = IdentityService(unit, local_operator(), console.clock)
            return await service.create_user(NewUser(email, name, role, account_id, language), password_hash)


async def _find_account(console: "Console", words: str) -> AccountId:
    from cebox.console.accounts.service import list_accounts
    from cebox.console.database.paging import LARGEST_LIMIT, Page
    from cebox.console.database.scope import Scope

    async with console.database.read() as connection:
        listed = await list_accounts(connection, Scope.everything(), Page(LARGEST_LIMIT))
    return choose(words, listed.items, kind="account").id


def _ask_new_password() -> str:
    if not is_interactive():
        raise InvalidInput(
            "sign_in_incomplete",
            "no password was given and nobody can be asked",
            hint="Name it with --password-file.",
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
