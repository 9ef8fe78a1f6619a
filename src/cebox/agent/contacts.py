"""What this box reaches beyond itself: noted when a release is staged, asked for again while it is on trial.

A box whose new system reached nobody could never be updated again. One whose console happens to be away is well, as
long as anybody whom it knew answers.
"""

import httpx

from cebox.agent.box import Box
from cebox.agent.journal import Update
from cebox.agent.line import Line, find_address, open_client
from cebox.agent.machine import Contact
from cebox.agent.sources import look_around
from cebox.domain.device import DeviceKind
from cebox.domain.resolution import Source
from cebox.errors import CeboxError

# Any one of these proves the way out.
_OUTSIDE = frozenset({Contact.CONSOLE, Contact.SITE_SERVER, Contact.REPOSITORY})
_PROBE_EVERY_SECONDS = 5.0


def list_contacts(box: Box, update: Update) -> tuple[Contact, ...]:
    """Whom this box has just reached: the console, and whoever sent it the release."""
    found = [Contact.NETWORK] if box.machine.health.has_network() else []
    if box.live.is_console_heard:
        found.append(Contact.CONSOLE)
    # What reaches a WRS's mirror is another program's line.
    if box.kind is not DeviceKind.WRS:
        found.append(Contact.SITE_SERVER if update.source == Source.WRS else Contact.REPOSITORY)
    return tuple(found)


class Outlook:
    """Looks around for one trial; whom it has reached once it does not ask again."""

    def __init__(self, box: Box, before: tuple[Contact, ...]) -> None:
        self._box = box
        self._before = frozenset(before)
        self._is_outside_reached = False
        self._probed_at: float | None = None

    def find_missed(self) -> frozenset[Contact]:
        """What answered before and has not answered since."""
        missed = self._before & {Contact.NETWORK} if not self._box.machine.health.has_network() else frozenset()
        outside = self._before & _OUTSIDE
        if outside and not self._has_reached_outside():
            missed |= outside
        return missed

    def _has_reached_outside(self) -> bool:
        if not self._is_outside_reached:
            self._is_outside_reached = self._box.live.is_console_heard or self._probe()
        return self._is_outside_reached

    def _probe(self) -> bool:
        now = self._box.monotonic()
        if self._probed_at is not None and now - self._probed_at < _PROBE_EVERY_SECONDS:
            return False
        self._probed_at = now
        look_around(self._box, None)
        return bool(self._box.live.wrs_reachable) or is_repository_reached(self._box)


def is_repository_reached(box: Box) -> bool:
    """Whether anything answers at its address; what it says is not asked."""
    try:
        with open_client(box, Line.CLOUD) as client:
            client.head(find_address(box, Line.CLOUD, ""))
    except (httpx.HTTPError, httpx.InvalidURL, CeboxError):
        return False
    return True
