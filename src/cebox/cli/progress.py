"""A live bar on stderr while something is worked on; silent when nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cebox.cli.output import clean

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

Report = Callable[[int, int], None]


# One step may take a quarter of a minute: what is left is told from several.
_STEADY_SECONDS = 90.0


@contextmanager
def show_progress(title: str) -> Iterator[Report]:
    """Gives the function to call with (done bytes, total bytes)."""
    if not sys.stderr.isatty():
        yield _ignore
        return
    from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    with _show(title, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as report:
        yield report


@contextmanager
def show_work(title: str) -> Iterator[Report]:
    """Gives the function to call with (done, total) in any measure of the time that it takes."""
    if not sys.stderr.isatty():
        yield _ignore
        return
    from rich.progress import TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

    with _show(title, TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn()) as report:
        yield report


@contextmanager
def _show(title: str, *columns: "ProgressColumn") -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        speed_estimate_period=_STEADY_SECONDS,
    ) as progress:
        task = progress.add_task(clean(title), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _ignore(_done: int, _total: int) -> None: ...
