"""`cebox wrs`: the site's repository server."""

from pathlib import Path
from typing import Annotated

import typer

from cebox.cli.extras import needing
from cebox.cli.options import examples, new_group

app = new_group("The WRS: the server that holds the release a site runs.")


@app.command(epilog=examples("cebox wrs serve --dir /var/lib/cebox"))
def serve(
    folder: Annotated[Path, typer.Option("--dir", metavar="FOLDER", help="The WRS's folder, with its wrs.toml.")],
) -> None:
    """Serve the site's release to its boxes, beside the agent of the same machine."""
    with needing("wrs"):
        from cebox.wrs.main import run_wrs
    raise typer.Exit(run_wrs(folder))


@app.callback()
def _group() -> None:
    """Keeps `wrs` a group although it has a single command."""
