"""Reading, with every signature checked, what the repository offers. Slow and blocking: call it in a thread."""

import fcntl
import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cebox.console.settings import ConsoleSettings
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.kit.clock import Clock
from cebox.release.manifest import Manifest, decode_manifest
from cebox.release.trust.repository import FolderTransport, HttpTransport, Transport, TrustedRepository

_GIVE_UP_AFTER_SECONDS = 15


class SignedReleases(Protocol):
    """What an import needs of a repository; `release.fetch.TrustedRepository` is one."""

    def refresh(self) -> None: ...

    def list_versions(self) -> list[Version]: ...

    def get_manifest_content(self, version: Version) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """One signed release. `sha256` is over the manifest as it was signed."""

    manifest: Manifest
    sha256: str


def read_offers(repository: SignedReleases, known: Collection[Version] = ()) -> list[Offer]:
    """Every release but those `known`, oldest first. Raises what the repository raises."""
    repository.refresh()
    offers = []
    for version in repository.list_versions():
        if version not in known:
            content = repository.get_manifest_content(version)
            offers.append(Offer(decode_manifest(content), hashlib.sha256(content).hexdigest()))
    return offers


def read_configured_offers(settings: ConsoleSettings, clock: Clock, known: Collection[Version] = ()) -> list[Offer]:
    """Read the repository of the settings. Raises InvalidInput (`repository_not_set`, `root_metadata_missing`)."""
    with open_configured_repository(settings, clock) as repository:
        return read_offers(repository, known)


@contextmanager
def open_configured_repository(settings: ConsoleSettings, clock: Clock) -> Iterator[TrustedRepository]:
    """The repository of the settings; whoever else wants it waits. Raises as `read_configured_offers` does."""
    folder = settings.state_folder / "repository"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "lock"):
        yield _open_repository(settings, folder / "metadata", clock)


def open_configured_transport(settings: ConsoleSettings) -> Transport:
    """To its bytes, for what the repository vouches for."""
    if settings.repository.startswith(("http://", "https://")):
        return HttpTransport(settings.repository, give_up_after_seconds=_GIVE_UP_AFTER_SECONDS)
    return FolderTransport(Path(settings.repository))


def _open_repository(settings: ConsoleSettings, folder: Path, now: Clock) -> TrustedRepository:
    if not settings.repository or settings.root_metadata is None:
        raise InvalidInput(
            "repository_not_set",
            "this console was not told where its releases are",
            hint="Set `repository` and `root_metadata` in the console's settings.",
        )
    try:
        root = settings.root_metadata.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "root_metadata_missing", f"the trust anchor cannot be read: {error}", hint="Check `root_metadata`."
        ) from error
    return TrustedRepository(open_configured_transport(settings), folder, root, now=now)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """The poll and somebody's refresh may meet; they share one folder of metadata seen."""
    with lock.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
