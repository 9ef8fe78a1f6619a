"""The lines that bytes reach a box by, and what is allowed on each: the cloud's is scarce and may need a proxy, the
site's network and the machine itself are neither.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

import httpx
from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.journal import Journal
from cebox.agent.place import find_place
from cebox.domain.device import DeviceKind, Place
from cebox.domain.download_window import DownloadWindow
from cebox.domain.resolution import Source
from cebox.errors import Unavailable
from cebox.kit.tls import get_tls_context
from cebox.protocol.site import PREPARED_PATH, REPOSITORY_PATH
from cebox.protocol.site_client import open_socket_client
from cebox.release.network.hours import find_window
from cebox.release.network.pace import Gate
from cebox.release.network.transport import HttpTransport


class Line(StrEnum):
    """The values name the folders of trust: each repository has its own memory, a mirror may rightly be older."""

    CLOUD = "cloud"
    SITE = "site"
    MIRROR = "mirror"
    """On a WRS: the mirror on this very machine."""


def choose_line(box: Box, source: Source) -> Line:
    """What leads to `source` from here."""
    if box.kind is DeviceKind.WRS:
        return Line.MIRROR
    return Line.SITE if source is Source.WRS else Line.CLOUD


def find_address(box: Box, line: Line, version: str) -> str:
    """Where the repository at the end of `line` is now, as the console last said; a path on the mirror's socket.

    Raises Unavailable (`repository_unknown`, `wrs_unreachable`).
    """
    if line is Line.MIRROR:
        return f"{PREPARED_PATH}/{version}"
    if line is Line.CLOUD:
        return _find_cloud(box)
    site = box.facts.site
    if site is None or site.server is None:
        raise Unavailable(
            "wrs_unreachable",
            "the site has no WRS any more",
            hint="The box takes the site's version from the cloud meanwhile.",
        )
    return site.server.url.rstrip("/") + REPOSITORY_PATH


@contextmanager
def open_source(box: Box, line: Line, version: str, *, gate: Gate | None = None) -> Iterator[HttpTransport]:
    """A transport to the repository at the end of `line`, wherever and however fast the console says at each moment.

    With a `gate` it is for an image, which has only the cloud left when it comes from there: it is waited for longer.
    """
    with open_client(box, line) as client:
        base = str(client.base_url).rstrip("/") if line is Line.MIRROR else ""
        yield HttpTransport(
            lambda: base + find_address(box, line, version),
            bytes_per_second=_limit_finder(box, line),
            give_up_after_seconds=_patience_finder(box, is_long=line is Line.CLOUD and gate is not None),
            client=client,
            most_wait_seconds=2.0,
            pause=box.pause,
            gate=gate,
        )


def window_finder(box: Box, line: Line) -> Callable[[], DownloadWindow | None]:
    """The hours in which `line` may carry an image. Where the box is, is looked at now, for the whole download."""
    if not _is_the_sites_own(box, line):
        return lambda: None
    return lambda: find_window(box.facts.settings.download_window, box.facts.settings.time_zone)


def add_bytes(box: Box, line: Line, received_bytes: int) -> None:
    """Count what came by `line` for the update under way; what never left this machine is nobody's traffic."""
    if line is Line.MIRROR or not received_bytes:
        return

    def change(journal: Journal) -> Journal:
        update = journal.update
        if update is None:
            return journal
        wan_bytes = update.wan_bytes + (received_bytes if line is Line.CLOUD else 0)
        lan_bytes = update.lan_bytes + (received_bytes if line is Line.SITE else 0)
        return replace(journal, update=replace(update, wan_bytes=wan_bytes, lan_bytes=lan_bytes))

    box.journal.change(change)


def _find_cloud(box: Box) -> str:
    if not box.facts.repository_url:
        raise Unavailable(
            "repository_unknown",
            "the console has not said yet where releases are",
            hint="The box goes on when it has reached the console once.",
        )
    return box.facts.repository_url


def open_client(box: Box, line: Line) -> httpx.Client:
    """Set up for what leads to the end of `line`."""
    settings = box.settings
    if line is Line.MIRROR:
        return open_socket_client(settings.control_socket, timeout_seconds=settings.timeout_seconds)
    return httpx.Client(
        timeout=settings.timeout_seconds,
        follow_redirects=True,
        verify=get_tls_context(),
        # A proxy leads to the cloud, not to the machine next door.
        trust_env=line is Line.CLOUD,
    )


def _limit_finder(box: Box, line: Line) -> Callable[[], int | None]:
    if not _is_the_sites_own(box, line):
        return lambda: None
    return lambda: box.facts.settings.download_bytes_per_second


def _patience_finder(box: Box, *, is_long: bool) -> Callable[[], float]:
    settings = box.settings
    long_seconds = min(settings.download_give_up_seconds, settings.silence_seconds)

    def find_patience() -> float:
        # Nobody who wants the power off is kept waiting by a silent cloud.
        return long_seconds if is_long and box.journal.now.power is None else settings.source_give_up_seconds

    return find_patience


def _is_the_sites_own(box: Box, line: Line) -> bool:
    """Whether `line` is the site's to the cloud, which its people need by day; at home it is somebody else's."""
    return line is Line.CLOUD and (box.kind is DeviceKind.WRS or find_place(box) is Place.SITE)
