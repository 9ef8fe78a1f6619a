"""A key's bootable stick as a stream: the one place where a console touches images.

They are fetched through the signed chain when the first stick of a release is asked for, and kept for the next. Slow
and blocking: call it in a thread.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cebox.console.releases.offers import open_configured_repository, open_configured_transport
from cebox.console.settings import ConsoleSettings
from cebox.domain.version import Version
from cebox.keys.contents import InstallSettings
from cebox.keys.fat import TOOLS
from cebox.keys.release_source import ImageStore, SignedRelease, fetch_signed
from cebox.keys.stick import open_stick
from cebox.keys.writing import pack
from cebox.kit.clock import Clock
from cebox.kit.tools import verify_tools

_KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class PreparedRelease:
    """Ready to be written onto sticks, any number of them."""

    signed: SignedRelease
    boot: Path
    root: Path
    workshop: Path

    def stream_stick(self, settings: InstallSettings) -> Iterator[bytes]:
        """Packed with zstd."""
        with open_stick(self.signed, self.boot, self.root, settings, self.workshop) as stick:
            yield from pack(stick.read_chunks(), stick.size_bytes)


def prepare_release(
    settings: ConsoleSettings, version: Version, clock: Clock, report: Callable[[int, int], None] = lambda *_: None
) -> PreparedRelease:
    """Takes as long as the image takes to come here, the first time. `report`: bytes fetched, of how many.

    Raises Unavailable (`tools_missing`), InvalidInput (`boot_image_missing`, `repository_not_set`, …) and what fetching
    raises; the next call goes on where it was.
    """
    verify_tools(TOOLS)
    workshop = settings.state_folder / "sticks"
    store = ImageStore(workshop / "images")
    with open_configured_repository(settings, clock) as repository:
        signed = fetch_signed(repository, version)
    transport = open_configured_transport(settings)
    boot, root = store.fetch_images(signed.images, transport, report)
    store.discard_unused(clock() - _KEPT)
    return PreparedRelease(signed, boot, root, workshop)
