"""`cebox account`: the vendor's customers, the version each one runs, and the notice their people get."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, talks_to_console
from cebox.cli.choose import choose
from cebox.cli.measures import format_seconds, parse_minutes
from cebox.cli.options import IsYes, examples, new_group
from cebox.cli.output import is_interactive, print_facts, print_json, print_table, say
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.protocol.admin import Account, Notice

app = new_group("Customer accounts: their version, and the notice before a restart.")

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
            "restarts": describe_notice(found.notice),
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


@app.command(
    "set",
    epilog=examples(
        "cebox account set --countdown 5min --postpone 30min --postponements 3",
        "cebox account set 'Atelier Nord' --countdown 0",
    ),
)
@talks_to_console
def set_notice(
    caller: Caller,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Its name or id; your own otherwise.")
    ] = None,
    countdown: Annotated[
        str | None, typer.Option("--countdown", metavar="DURATION", help="Told so long before, 0 to 60min; 0: at once.")
    ] = None,
    postpone: Annotated[
        str | None, typer.Option("--postpone", metavar="DURATION", help="One postponement's length, 5min to 8h.")
    ] = None,
    postponements: Annotated[
        int | None, typer.Option("--postponements", metavar="COUNT", help="How often at most, 0 to 10.")
    ] = None,
) -> None:
    """Set the notice that people signed in get before a restart or shutdown; what is not named stays as it is."""
    if countdown is None and postpone is None and postponements is None:
        raise InvalidInput(
            "nothing_to_set", "nothing to set is named", hint="Name --countdown, --postpone or --postponements."
        )
    countdown_minutes = None if countdown is None else parse_minutes(countdown)
    postpone_minutes = None if postpone is None else parse_minutes(postpone)
    found = _choose_account(caller, account)
    before = found.notice
    asked = Notice(
        countdown_minutes=before.countdown_minutes if countdown_minutes is None else countdown_minutes,
        postpone_minutes=before.postpone_minutes if postpone_minutes is None else postpone_minutes,
        most_postponements=before.most_postponements if postponements is None else postponements,
    )
    notice = caller.client.set_notice(found.id, asked)
    if caller.as_json:
        print_json(notice)
    else:
        say(f"{found.name}: restarts and shutdowns are {describe_notice(notice)}.")


def describe_notice(notice: Notice) -> str:
    """`announced 5 min before, postponed 3 times at most by 30 min`."""
    if notice.countdown_minutes == 0:
        return "done at once, whoever is signed in"
    told = f"announced {format_seconds(notice.countdown_minutes * 60)} before"
    if notice.most_postponements == 0:
        return f"{told}, never postponed"
    times = "once" if notice.most_postponements == 1 else f"{notice.most_postponements} times"
    return f"{told}, postponed {times} at most by {format_seconds(notice.postpone_minutes * 60)}"


def _choose_account(caller: Caller, name: str | None) -> Account:
    """Raises NotFound (`account_unknown`), and InvalidInput (`account_missing`) to the vendor who names none."""
    accounts = caller.client.list_accounts()
    if name is not None:
        return choose(name, accounts, kind="account")
    own = caller.client.get_me().account_id
    if own is None:
        raise InvalidInput("account_missing", "no account is named", hint="Name it first: cebox account set ACCOUNT …")
    return choose(own, accounts, kind="account")
