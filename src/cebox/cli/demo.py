"""`cebox demo`: a console and a small fleet of real agents on this machine, to try everything on."""

from pathlib import Path
from typing import Annotated

import typer

from cebox.cli.extras import needing
from cebox.cli.options import examples
from cebox.errors import InvalidInput

DEFAULT_STATE = Path(".demo")
_PORT = 8080


def add(app: typer.Typer, panel: str) -> None:
    app.command(
        rich_help_panel=panel,
        epilog=examples("cebox demo", "cebox demo --reset --port 8090", "cebox demo --once"),
    )(demo)


def demo(
    state: Annotated[
        Path | None, typer.Option("--state", metavar="FOLDER", help="Where the demo lives; .demo otherwise.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The console's port on 127.0.0.1.")] = _PORT,
    is_reset: Annotated[bool, typer.Option("--reset", help="Start over from nothing.")] = False,
    is_once: Annotated[
        bool, typer.Option("--once", help="Run the whole procedure unattended and check every rule; then leave.")
    ] = False,
    is_kept: Annotated[bool, typer.Option("--keep", help="With --once: keep its folder afterwards.")] = False,
    is_open: Annotated[bool, typer.Option("--open", help="Open the console in the browser.")] = False,
) -> None:
    """Start a small living fleet and its console on this machine."""
    if is_once:
        _refuse_with_once(is_reset=is_reset, is_open=is_open)
        with needing("console"):
            from cebox.lab.once import run_once
        raise typer.Exit(run_once(state=state, keep=is_kept))
    with needing("console"):
        from cebox.lab.demo import run_demo
    raise typer.Exit(run_demo(state=state or DEFAULT_STATE, port=port, reset=is_reset, is_open=is_open))


def _refuse_with_once(*, is_reset: bool, is_open: bool) -> None:
    if is_reset or is_open:
        raise InvalidInput(
            "options_conflict",
            "--once always starts on a fresh state and opens nothing",
            hint="Leave --reset and --open out.",
        )
