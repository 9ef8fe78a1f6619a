"""The site's download window, as a box keeps it: an image from the cloud waits for it, and nobody waits for that."""

from datetime import datetime

from cebox.agent.box import Box
from cebox.agent.line import Line, window_finder
from cebox.agent.meter import Meter
from cebox.errors import Unavailable
from cebox.kit.clock import format_utc
from cebox.release.network.hours import WindowGate

WINDOW_CLOSED = "download_window_closed"


def is_open(box: Box, line: Line) -> bool:
    """Whether `line` may carry an image now."""
    window = window_finder(box, line)()
    return window is None or window.is_open(box.now())


def make_gate(box: Box, line: Line, meter: Meter) -> WindowGate:
    """Raises Unavailable (`download_window_closed`) instead of waiting while the machine is asked to go off, and
    Interrupted.
    """

    def show(until: datetime | None) -> None:
        if until is not None and box.journal.now.power is not None:
            raise window_closed(format_utc(until))
        meter.show_wait(until)

    return WindowGate(window_finder(box, line), box.now, pause=box.pause, show=show)


def window_closed(until: str) -> Unavailable:
    return Unavailable(
        WINDOW_CLOSED,
        f"the site's download window opens at {until}",
        hint="The update goes on then, or at the next start of the machine.",
    )
