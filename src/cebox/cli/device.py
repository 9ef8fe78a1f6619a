"""`cebox device`: look at devices, and for virtual ones press their button. Actions are `device_actions`'."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from cebox.cli import device_actions
from cebox.cli.caller import Caller, works_on_account
from cebox.cli.choose import choose
from cebox.cli.device_words import describe_event, print_device, print_devices
from cebox.cli.options import AsJson, DeviceArgument, examples, new_group
from cebox.cli.output import print_json, print_table, say
from cebox.cli.power import find_lab
from cebox.kit.clock import utc_now

app = new_group("Devices: what each runs and would take; update, reboot, shut down one.")

_MOST_EVENTS = 10


@app.command("list", epilog=examples("cebox device list --site Lyon", "cebox device list --behind --json"))
@works_on_account
def list_devices(
    caller: Caller,
    site: Annotated[str | None, typer.Option("--site", metavar="SITE", help="Only those of this site.")] = None,
    kind: Annotated[Literal["cebox", "wrs"] | None, typer.Option("--kind", help="Only boxes, or only WRS.")] = None,
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Only those that are on, or off.")] = None,
    is_behind: Annotated[
        bool | None, typer.Option("--behind", help="Only those below the account's version.", show_default=False)
    ] = None,
    search: Annotated[str | None, typer.Option("--search", metavar="TEXT", help="In names and serials.")] = None,
) -> None:
    """List devices: on or off, what they run, what they would take."""
    account_id = caller.account_id
    site_id = choose(site, caller.client.list_sites(account_id), kind="site").id if site else None
    devices = caller.client.list_devices(
        account=account_id, site=site_id, kind=kind, is_on=is_on, is_behind=is_behind, search=search
    )
    if caller.as_json:
        print_json(devices)
    else:
        print_devices(devices)


@app.command(epilog=examples("cebox device show accueil-01"))
@works_on_account
def show(caller: Caller, name: DeviceArgument) -> None:
    """Show one device: its slots, what it does, what happened to it lately."""
    device = caller.get_device(name)
    events = caller.client.list_events(device.id, _MOST_EVENTS)
    if caller.as_json:
        print_json({"device": device, "events": events})
        return
    print_device(device, utc_now())
    if events:
        say("")
        rows = ((_moment(event.at), describe_event(event)) for event in events)
        print_table(("when", "what happened"), rows, empty="")


device_actions.add(app)


@app.command(epilog=examples("cebox device power accueil-01 off", "cebox device power accueil-01 cut"))
def power(
    name: DeviceArgument,
    what: Annotated[Literal["on", "off", "cut"], typer.Argument(help="Press the button, or pull the plug.")],
    as_json: AsJson = False,
) -> None:
    """Press a virtual machine's power button, or pull its plug. For machines of `cebox demo`."""
    find_lab().power(name, what)
    _confirm({"device": name, "power": what}, f"{name}: power {what}.", as_json=as_json)


@app.command(epilog=examples("cebox device move accueil-01 away"))
def move(
    name: DeviceArgument,
    place: Annotated[Literal["site", "away"], typer.Argument(help="Onto its site's network, or home.")],
    as_json: AsJson = False,
) -> None:
    """Carry a virtual machine to its site or away from it. For machines of `cebox demo`."""
    find_lab().move(name, place)
    words = "is on its site now" if place == "site" else "is away from its site now"
    _confirm({"device": name, "place": place}, f"{name} {words}.", as_json=as_json)


def _confirm(facts: dict[str, str], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        say(sentence)


def _moment(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
