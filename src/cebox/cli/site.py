"""`cebox site`: the places of an account."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, works_on_account
from cebox.cli.choose import choose
from cebox.cli.measures import format_rate, parse_rate
from cebox.cli.options import examples, new_group
from cebox.cli.output import print_json, print_table, say
from cebox.errors import InvalidInput
from cebox.protocol.admin import Limits

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
        ("site", "account", "networks", "bandwidth", "id"),
        (
            (
                s.name,
                names.get(s.account_id, s.account_id),
                ", ".join(s.networks) or None,
                describe_limits(s.limits),
                s.id,
            )
            for s in sites
        ),
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


@app.command(
    epilog=examples(
        "cebox site limit Lyon --rate 16Mbit/s --hours 22:00-06:00 --zone Europe/Paris",
        "cebox site limit Lyon --none",
        "cebox site limit Lyon --as-account",
        "cebox site limit --all --rate 50Mbit/s",
    )
)
@works_on_account
def limit(
    caller: Caller,
    name: Annotated[str | None, typer.Argument(metavar="SITE", help="Its name or id.")] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="All sites of the account without limits of their own.")
    ] = False,
    rate: Annotated[
        str | None, typer.Option("--rate", metavar="RATE", help="The highest, such as 16Mbit/s or 2MB/s.")
    ] = None,
    hours: Annotated[
        str | None, typer.Option("--hours", metavar="HH:MM-HH:MM", help="When downloads may go on; over midnight too.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Whose clocks the hours are, such as Europe/Paris.")
    ] = None,
    is_none: Annotated[bool, typer.Option("--none", help="No limit.")] = False,
    as_account: Annotated[bool, typer.Option("--as-account", help="The account's limits hold here again.")] = False,
) -> None:
    """Limit what a site's machines fetch from the cloud: how much, and when; what is not named stays as it is."""
    if (name is None) is not is_all or (is_all and as_account):
        raise InvalidInput("site_missing", "name one site, or --all", hint="See: cebox site limit --help")
    if is_all:
        account_id = caller.account_id or caller.client.get_me().account_id
        if account_id is None:
            raise InvalidInput("account_missing", "no account is named", hint="Name it with --account.")
        before = caller.client.get_account_limits(account_id)
        limits = caller.client.limit_account(account_id, _change(before, rate, hours, zone, is_none=is_none))
        _say_limits(caller, "All sites without limits of their own", limits)
        return
    site = choose(name or "", caller.client.list_sites(caller.account_id), kind="site")
    asked = None if as_account else _change(site.limits, rate, hours, zone, is_none=is_none)
    changed = caller.client.limit_site(site.id, asked)
    _say_limits(caller, site.name, changed.limits)


def describe_limits(limits: Limits) -> str:
    """`16 Mbit/s, 22:00-06:00 Europe/Paris`."""
    parts = []
    if limits.download_bytes_per_second is not None:
        parts.append(format_rate(limits.download_bytes_per_second))
    if limits.download_window:
        parts.append(f"{limits.download_window} {limits.time_zone}")
    return ", ".join(parts) or "no limit"


def _change(before: Limits, rate: str | None, hours: str | None, zone: str | None, *, is_none: bool) -> Limits:
    if is_none:
        return Limits()
    return Limits(
        download_bytes_per_second=before.download_bytes_per_second if rate is None else parse_rate(rate),
        download_window=before.download_window if hours is None else hours,
        time_zone=before.time_zone if zone is None else zone,
    )


def _say_limits(caller: Caller, name: str, limits: Limits) -> None:
    if caller.as_json:
        print_json(limits)
    else:
        say(f"{name}: {describe_limits(limits)}.")
