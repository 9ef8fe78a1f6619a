"""Is what stands in a repository what its signatures promise."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.errors import CeboxError, Untrusted
from cebox.release.manifest import Image, Manifest, Way
from cebox.release.network.transport import FolderTransport, Transport
from cebox.release.patch import decode_index
from cebox.release.trust.policy import manifest_path
from cebox.release.trust.repository import TrustedRepository


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was signed. `path` is the repository's; `version` is None for the metadata itself."""

    version: Version | None
    path: str
    error: CeboxError


@dataclass(frozen=True, slots=True)
class RepositoryReport:
    """What a walk over a whole repository found; `is_sound` when there is no problem."""

    versions: tuple[Version, ...]
    checked_bytes: int
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        return not self.problems


def verify_repository(repository: Path | Transport, root: bytes, *, now: Callable[[], datetime]) -> RepositoryReport:
    """Check every signature, manifest, patch head and blob, and report rather than stop at the first problem.

    Raises Unavailable when the repository cannot be reached at all.
    """
    transport = FolderTransport(repository) if isinstance(repository, Path) else repository
    problems: list[Problem] = []
    versions: list[Version] = []
    with tempfile.TemporaryDirectory() as state:
        trusted = TrustedRepository(transport, Path(state), root, now=now)
        try:
            versions = trusted.list_versions()
        except Untrusted as error:
            problems.append(Problem(None, "metadata", error))
        for version in versions:
            problems += _list_problems(trusted, transport, version)
    return RepositoryReport(tuple(versions), transport.received_bytes, tuple(problems))


def _list_problems(trusted: TrustedRepository, transport: Transport, version: Version) -> Iterator[Problem]:
    try:
        manifest = trusted.get_manifest(version)
    except CeboxError as error:
        yield Problem(version, manifest_path(version), error)
        return
    for image, way in _list_ways(manifest):
        try:
            _verify_blob(way, image, transport)
        except CeboxError as error:
            yield Problem(version, way.blob.path, error)


def _list_ways(manifest: Manifest) -> Iterator[tuple[Image, Way]]:
    for image in manifest.images:
        for way in image.ways:
            yield image, way


def _verify_blob(way: Way, image: Image, transport: Transport) -> None:
    decode_index(b"".join(transport.read(way.blob.path, 0, way.index_bytes)), way, image)
    digest = hashlib.sha256()
    for chunk in transport.read(way.blob.path, 0, way.blob.size):
        digest.update(chunk)
    if digest.hexdigest() != way.blob.sha256:
        raise Untrusted("blob_differs", f"{way.blob.path} is not the file that was signed", hint="Publish it again.")
