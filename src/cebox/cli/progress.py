"""A live bar on stderr while something is worked on; silent when nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cebox.cli.output import clean

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

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
def show_steps() -> Iterator[tuple[Callable[[str], None], Report]]:
    """Gives the functions to call with each step's name as it begins, and with (done, total) of the one at work."""
    if not sys.stderr.isatty():
        yield _ignore_name, _ignore
        return
    from rich.progress import TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

    with _open_bar(TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=None)
        yield (
            lambda step: bar.reset(task, total=None, description=clean(step)),
            lambda done, total: bar.update(task, completed=done, total=total),
        )


@contextmanager
def _show(title: str, *columns: "ProgressColumn") -> Iterator[Report]:
    with _open_bar(*columns) as bar:
        task = bar.add_task(clean(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _open_bar(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    name = TextColumn("{task.description}", markup=False)
    return Progress(name, BarColumn(), *columns, console=Console(stderr=True), speed_estimate_period=_STEADY_SECONDS)


def _ignore(_done: int, _total: int) -> None: ...


def _ignore_name(_step: str) -> None: ...
