"""All commands in one tree, and the order in which `cebox --help` shows them."""

from importlib.metadata import version
from typing import Any

import typer
from typer.main import get_command

from cebox.cli import (
    account,
    agent,
    campaign,
    console,
    demo,
    device,
    group,
    image,
    key,
    keyring,
    login,
    patch,
    release,
    site,
    tag,
    wrs,
)
from cebox.cli.options import examples

_FLEET = "The fleet, through the console"
_VENDOR = "Releases, by the vendor"
_PROGRAMS = "Programs"
_START = "Start here"
_EXAMPLES = examples(
    "cebox demo                                     a small living fleet to try everything on",
    "cebox login http://127.0.0.1:8080              then the commands below speak for you",
    "cebox device list                              what runs what, and what it would take",
    "cebox device update wrs-lyon --tag essai-2026.11.2",
    "cebox device reboot wrs-lyon                   only the reboot finalises",
    "cebox account migrate 'Atelier Nord' 2026.11.2",
    "cebox group update --site Lyon                 a group takes no tag",
)


def build_command() -> Any:
    """The whole tree, ready for `.main()`."""
    app = typer.Typer(
        help="Update fleets of ceBox workstations: signed releases, safe fallback.",
        epilog=_EXAMPLES
        + "\n\nExit codes: 0 done, 2 wrong words, 3 not found, 4 not permitted, 5 not now, 6 untrusted,"
        " 7 unreachable, 8 no room, 9 ended badly.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    demo.add(app, _START)
    login.add(app, _START)
    for name, part in (("device", device), ("group", group), ("campaign", campaign), ("site", site), ("key", key)):
        app.add_typer(part.app, name=name, rich_help_panel=_FLEET)
    for name, vendors in (
        ("account", account),
        ("tag", tag),
        ("release", release),
        ("keyring", keyring),
        ("patch", patch),
        ("image", image),
    ):
        app.add_typer(vendors.app, name=name, rich_help_panel=_VENDOR)
    for name, program in (("console", console), ("wrs", wrs), ("agent", agent)):
        app.add_typer(program.app, name=name, rich_help_panel=_PROGRAMS)
    command = get_command(app)
    _drop_flag_types(command, command.make_context("cebox", [], resilient_parsing=True))
    return command


def _drop_flag_types(command: Any, context: Any) -> None:
    """A flag takes no value, so the help of one shows no type."""
    for parameter in command.get_params(context):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for part in getattr(command, "commands", {}).values():
        _drop_flag_types(part, context)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"cebox {version('cebox')}")
        raise typer.Exit


def _options(
    is_version_asked: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """Options of `cebox` itself."""
