"""`cebox site`: the places of an account."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, works_on_account
from cebox.cli.options import examples, new_group
from cebox.cli.output import print_json, print_table, say

app = new_group("Sites: an account's places, each with a network and at most one WRS.")


@app.command("list", epilog=examples("cebox site list"))
@works_on_account
def list_sites(caller: Caller) -> None:
    """List the sites."""
    sites = caller.client.list_sites(caller.account_id)
    if caller.as_json:
        print_json(sites)
        return
    names = {account.id: account.name for account in caller.client.list_accounts()}
    print_table(
        ("site", "account", "networks", "id"),
        ((s.name, names.get(s.account_id, s.account_id), ", ".join(s.networks) or None, s.id) for s in sites),
        empty="No site yet. Make one with: cebox site create NAME",
    )


@app.command(epilog=examples("cebox site create Lyon --network 10.20.0.0/16"))
@works_on_account
def create(
    caller: Caller,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the place.")],
    networks: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="CIDR", help="Its LAN: a box with an address in it is on the site."),
    ] = None,
) -> None:
    """Create a site."""
    made = caller.client.create_site(name, networks or [], caller.account_id)
    if caller.as_json:
        print_json(made)
    else:
        say(f"Site {made.name} is created ({made.id}).")
