"""Watching actions until they rest: with a live bar when somebody looks, and never stopping them."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from cebox.cli.device_words import describe_progress
from cebox.cli.exit_codes import INTERRUPTED
from cebox.cli.measures import format_moment
from cebox.cli.output import remark
from cebox.cli.words import ACTION_STATES, word
from cebox.domain.action import TERMINAL, ActionState
from cebox.errors import Unavailable
from cebox.protocol.admin import Action, Device
from cebox.protocol.admin_client import AdminClient

if TYPE_CHECKING:
    from rich.progress import Progress

POLL_SECONDS = 0.5
# A console that restarts is back long before; the action goes on at the device meanwhile.
_PATIENCE_SECONDS = 120.0

BAD_ENDS = TERMINAL - {ActionState.DONE}


def has_ended(action: Action) -> bool:
    return action.state in TERMINAL


def has_ended_badly(action: Action) -> bool:
    return action.state in BAD_ENDS


def is_installed(action: Action) -> bool:
    """An update rests once it is staged: only a reboot takes it further (R8)."""
    return action.state == ActionState.STAGED or has_ended(action)


def follow_action(
    client: AdminClient, action: Action, device: Device, *, until: Callable[[Action], bool] = has_ended
) -> Action:
    """The action as it is when `until` holds.

    Ctrl-C leaves it running and says so. Raises Unavailable (`console_unreachable`) when the console stays away.
    """
    with leaving_it_running(f"cebox device show {device.name}"), _show_live(device.name) as show:
        patience = Patience()
        while not until(action):
            time.sleep(POLL_SECONDS)
            with patience:
                action = client.get_action(action.id)
                show(action, client.get_device(device.id))
    return action


@contextmanager
def leaving_it_running(look: str) -> Iterator[None]:
    """Ctrl-C ends the watching, never what is watched; `look` is the command that shows it."""
    try:
        yield
    except KeyboardInterrupt:
        remark(f"Stopped watching; what was sent goes on. See it with: {look}")
        raise typer.Exit(INTERRUPTED) from None


class Patience:
    """Swallows `Unavailable` for a while, saying so once."""

    def __init__(self) -> None:
        self._since: float | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is None:
            self._since = None
            return False
        if not isinstance(error, Unavailable):
            return False
        now = time.monotonic()
        if self._since is None:
            self._since = now
            remark(f"{error.message}; the action goes on, trying again …")
        return now - self._since < _PATIENCE_SECONDS


Show = Callable[[Action, Device], None]


@contextmanager
def _show_live(name: str) -> Iterator[Show]:
    if not sys.stderr.isatty():
        yield _line_by_line(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    # The box measures its own speed: what this command sees of it is older and comes in jumps.
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _bar(progress, name)


def _bar(progress: "Progress", name: str) -> Show:
    task = progress.add_task(name, total=None, words="")

    def show(action: Action, device: Device) -> None:
        seen = device.progress
        progress.update(
            task,
            description=f"{name}: {action.kind} {word(ACTION_STATES, action.state)}",
            words=describe_progress(seen) if seen is not None else "",
        )
        if seen is not None and seen.total_bytes:
            progress.update(task, completed=seen.done_bytes, total=seen.total_bytes)

    return show


def _line_by_line(name: str) -> Show:
    """For a log: one line for each new state."""
    seen: set[str] = set()

    def show(action: Action, device: Device) -> None:
        waits_until = device.progress.waits_until if device.progress else None
        if action.state not in seen:
            seen.add(action.state)
            remark(f"{name}: {action.kind} {word(ACTION_STATES, action.state)}")
        if waits_until is not None and waits_until.isoformat() not in seen:
            seen.add(waits_until.isoformat())
            remark(f"{name}: waits for the site's download window until {format_moment(waits_until)}")

    return show
