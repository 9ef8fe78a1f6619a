"""`cebox account`: the vendor's customers and the version each one runs."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, talks_to_console
from cebox.cli.choose import choose
from cebox.cli.options import IsYes, examples, new_group
from cebox.cli.output import is_interactive, print_facts, print_json, print_table, say
from cebox.domain.version import Version

app = new_group("Customer accounts, and moving one to a new version.")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its name or id.")]
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="A published release, such as 2026.11.1.")]


@app.command("list", epilog=examples("cebox account list"))
@talks_to_console
def list_accounts(caller: Caller) -> None:
    """List the accounts you see, with their version and phase."""
    accounts = caller.client.list_accounts()
    if caller.as_json:
        print_json(accounts)
        return
    print_table(
        ("account", "version", "tag", "phase", "id"),
        ((a.name, a.version, a.tag_name, a.phase, a.id) for a in accounts),
        empty="No account yet.",
    )


@app.command(epilog=examples("cebox account show 'Atelier Nord'"))
@talks_to_console
def show(caller: Caller, account: AccountArgument) -> None:
    """Show one account: its version, its phase, the tags open to it."""
    found = choose(account, caller.client.list_accounts(), kind="account")
    tags = caller.client.list_tags(found.id)
    if caller.as_json:
        print_json({"account": found, "tags": tags})
        return
    print_facts(
        {
            "account": found.name,
            "id": found.id,
            "version": found.version,
            "phase": found.phase,
            "account tag": found.tag_name,
            "tags": ", ".join(f"{tag.name} ({tag.version})" for tag in tags if tag.name != found.tag_name),
        }
    )


@app.command(epilog=examples("cebox account create 'Atelier Nord' 2026.11.1"))
@talks_to_console
def create(
    caller: Caller,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The customer's name.")],
    version: VersionArgument,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="TAG", help="The account tag's name; made from NAME otherwise.")
    ] = None,
) -> None:
    """Create an account on a published release, with its account tag."""
    made = caller.client.create_account(name, str(Version.parse(version)), tag)
    if caller.as_json:
        print_json(made)
    else:
        say(f"Account {made.name} is created on {made.version}; its tag is {made.tag_name}.")


@app.command(epilog=examples("cebox account migrate 'Atelier Nord' 2026.11.2"))
@talks_to_console
def migrate(caller: Caller, account: AccountArgument, version: VersionArgument, is_yes: IsYes = False) -> None:
    """Move an account to a version: its default from now on. The customer is told."""
    target = str(Version.parse(version))
    found = choose(account, caller.client.list_accounts(), kind="account")
    if is_interactive() and not is_yes and found.version != target:
        typer.confirm(f"Move {found.name} from {found.version} to {target}?", abort=True, err=True)
    migrated = caller.client.migrate_account(found.id, target)
    if caller.as_json:
        print_json(migrated)
    elif migrated.migration is not None:
        say(
            f"{found.name} moves from {migrated.migration.from_version} to {target}, its version where no tag is given."
        )
    else:
        say(f"{found.name} is on {target} already; nothing changed.")
