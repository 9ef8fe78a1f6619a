"""`cebox key`: installation keys, which enrol machines."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cebox.cli import key_making
from cebox.cli.caller import Caller, works_on_account
from cebox.cli.choose import choose
from cebox.cli.measures import format_moment
from cebox.cli.options import examples, new_group
from cebox.cli.output import print_json, print_table, remark, say
from cebox.kit.clock import utc_now
from cebox.kit.files import write_secret
from cebox.protocol.admin import Key

app = new_group("Installation keys: they carry a release and enrol machines.")


@app.command("list", epilog=examples("cebox key list"))
@works_on_account
def list_keys(caller: Caller) -> None:
    """List the keys; those made for another version than the account's are to be made again."""
    keys = caller.client.list_keys(caller.account_id)
    if caller.as_json:
        print_json(keys)
        return
    names = {account.id: account.name for account in caller.client.list_accounts()}
    sites = {site.id: site.name for site in caller.client.list_sites(caller.account_id)}
    print_table(
        ("key", "account", "site", "kind", "version", "uses left", "used by", "made by", "expires", "state", "id"),
        (
            (
                key.name,
                names.get(key.account_id, key.account_id),
                sites.get(key.site_id or ""),
                key.kind,
                key.version,
                key.uses_left,
                _name_users(key),
                key.created_by_name or None,
                format_moment(key.expires_at),
                _state(key),
                key.id,
            )
            for key in keys
        ),
        empty="No key yet. Make a stick with: cebox key make NAME",
    )


@app.command(epilog=examples("cebox key create stick-lyon --site Lyon --uses 10 --token-output stick.token"))
@works_on_account
def create(
    caller: Caller,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the stick is called.")],
    site: Annotated[str | None, typer.Option("--site", metavar="SITE", help="Where its machines stand.")] = None,
    kind: Annotated[Literal["cebox", "wrs"], typer.Option("--kind", help="What its machines become.")] = "cebox",
    uses: Annotated[int, typer.Option("--uses", min=1, help="How many machines it may enrol.")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, help="How long it may be used.")] = 30,
    token_output: Annotated[
        Path | None, typer.Option("--token-output", metavar="FILE", help="Write the token there instead of showing it.")
    ] = None,
) -> None:
    """Make a key; its token is shown once."""
    account_id = caller.account_id
    site_id = choose(site, caller.client.list_sites(account_id), kind="site").id if site else None
    made = caller.client.create_key(name, site_id=site_id, kind=kind, uses=uses, days=days, account=account_id)
    if token_output is not None:
        write_secret(token_output, made.token.encode())
    if caller.as_json:
        print_json(made)
        return
    remark(f"Key {name} for {made.version} is made; it enrols {uses} until {made.expires_at:%Y-%m-%d}.")
    say(f"Token written to {token_output}" if token_output else made.token)


key_making.add(app)


@app.command(epilog=examples("cebox key revoke stick-lyon"))
@works_on_account
def revoke(caller: Caller, key: Annotated[str, typer.Argument(metavar="KEY", help="Its name or id.")]) -> None:
    """Revoke a key: it enrols nothing any more. Machines already enrolled stay."""
    chosen = choose(key, caller.client.list_keys(caller.account_id), kind="key")
    caller.client.revoke_key(chosen.id)
    if caller.as_json:
        print_json({"id": chosen.id, "name": chosen.name, "is_revoked": True})
    else:
        say(f"Key {chosen.name} is revoked.")


def _name_users(key: Key) -> str | None:
    names = ", ".join(use.name for use in key.used_by)
    more = key.used_count - len(key.used_by)
    return f"{names} and {more} more" if more > 0 else names or None


def _state(key: Key) -> str:
    if key.is_revoked:
        return "revoked"
    if key.expires_at <= utc_now():
        return "expired"
    if key.uses_left <= 0:
        return "used up"
    return "make again" if key.is_out_of_date else "good"
