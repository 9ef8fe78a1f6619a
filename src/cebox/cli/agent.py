"""`cebox agent`: the program on a box."""

from pathlib import Path
from typing import Annotated

import typer

from cebox.cli.options import examples, new_group

app = new_group("The agent: the program that updates the box it runs on.")


@app.command(epilog=examples("cebox agent run --dir /var/lib/cebox"))
def run(
    folder: Annotated[Path, typer.Option("--dir", metavar="FOLDER", help="The box's folder, with its agent.toml.")],
) -> None:
    """Run the agent of this box until its machine restarts or goes off."""
    from cebox.agent.main import run_agent

    raise typer.Exit(run_agent(folder))


@app.callback()
def _group() -> None:
    """Keeps `agent` a group although it has a single command."""
