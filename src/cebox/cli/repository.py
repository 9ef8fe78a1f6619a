"""Opening a repository by its folder or address, for commands that read what boxes would read."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cebox.errors import InvalidInput
from cebox.kit.clock import utc_now

if TYPE_CHECKING:
    from cebox.release.trust.repository import Transport, TrustedRepository

# A person waits for the answer; a box has more patience.
_GIVE_UP_AFTER_SECONDS = 15
_ADDRESS = re.compile(r"https?://[^/]")


@contextmanager
def open_repository(address: str, root_file: Path) -> "Iterator[TrustedRepository]":
    """Verified from `root_file` on, by this machine's clock; nothing of it is kept here.

    Raises InvalidInput (`root_file_unreadable`, `repository_invalid`).
    """
    from cebox.release.trust.repository import TrustedRepository

    root = read_root(root_file)
    with open_transport(address) as transport, tempfile.TemporaryDirectory(prefix="cebox-") as state:
        yield TrustedRepository(transport, Path(state), root, now=utc_now)


@contextmanager
def open_transport(address: str) -> "Iterator[Transport]":
    """Raises InvalidInput (`repository_invalid`) for what is neither an address nor a folder."""
    from cebox.release.trust.repository import FolderTransport, HttpTransport

    if _ADDRESS.match(address):
        with HttpTransport(address, give_up_after_seconds=_GIVE_UP_AFTER_SECONDS) as transport:
            yield transport
        return
    folder = Path(address)
    if not (folder / "metadata").is_dir():
        raise InvalidInput(
            "repository_invalid",
            f"{address!r} is neither the folder of a repository nor an http address",
            hint="A repository's folder holds `metadata`; cebox keyring init makes a new one.",
        )
    yield FolderTransport(folder)


def read_root(root_file: Path) -> bytes:
    """Raises InvalidInput (`root_file_unreadable`)."""
    try:
        return root_file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "root_file_unreadable",
            f"{root_file} cannot be read: {error.strerror}",
            hint="It is the root.json that cebox keyring init made.",
        ) from error
