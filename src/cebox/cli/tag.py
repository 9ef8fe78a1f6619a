"""`cebox tag`: names that point at a release."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, talks_to_console, works_on_account
from cebox.cli.choose import choose
from cebox.cli.options import examples, new_group
from cebox.cli.output import print_json, print_table, say
from cebox.domain.tag import parse_tag_name
from cebox.domain.version import Version

app = new_group("Tags: names that point at a release, handed out for tests.")


@app.command("list", epilog=examples("cebox tag list", "cebox tag list --account 'Atelier Nord'"))
@works_on_account
def list_tags(caller: Caller) -> None:
    """List the tags you may use."""
    tags = caller.client.list_tags(caller.account_id)
    if caller.as_json:
        print_json(tags)
        return
    names = {account.id: account.name for account in caller.client.list_accounts()}
    print_table(
        ("tag", "version", "kind", "open to", "note"),
        ((t.name, t.version, t.kind, ", ".join(names.get(i, i) for i in t.account_ids), t.note) for t in tags),
        empty="No tag yet.",
    )


@app.command("set", epilog=examples("cebox tag set essai-2026.11.2 2026.11.2 --to 'Atelier Nord'"))
@talks_to_console
def hand_out(
    caller: Caller,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="Lower-case letters, digits, dots and dashes.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The published release it points at.")],
    to: Annotated[list[str], typer.Option("--to", metavar="ACCOUNT", help="Who may use it; repeatable.")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What it is for.")] = "",
) -> None:
    """Hand a version tag out to accounts for a test, or point it elsewhere."""
    name, target = parse_tag_name(tag), str(Version.parse(version))
    accounts = caller.client.list_accounts()
    chosen = [choose(words, accounts, kind="account") for words in to]
    made = caller.client.hand_out_tag(name, target, [account.id for account in chosen], note)
    if caller.as_json:
        print_json(made)
    else:
        say(f"{made.name} points at {made.version}, open to {', '.join(account.name for account in chosen)}.")
