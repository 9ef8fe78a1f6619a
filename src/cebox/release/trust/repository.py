"""The signed chain, from the root a box was given to a manifest: `TrustedRepository`. Bytes come from a `Transport`.

The work is python-tuf's; this module feeds it our transport, the time it is told, and gives its errors our names.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tuf.api import exceptions
from tuf.api.metadata import Targets  # type: ignore[attr-defined]  # public there, though not re-exported by name
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from cebox.domain.version import Version
from cebox.errors import Exhausted, NotFound, Unavailable, Untrusted
from cebox.release.manifest import MOST_MANIFEST_BYTES, Manifest, decode_manifest
from cebox.release.network.transport import FolderTransport, HttpTransport, Transport
from cebox.release.trust import policy

__all__ = ["FolderTransport", "HttpTransport", "Transport", "TrustedRepository"]

_CONFIG = UpdaterConfig(
    max_root_rotations=policy.MOST_ROOT_ROTATIONS,
    max_delegations=4,
    root_max_length=policy.MOST_ROOT_BYTES,
    timestamp_max_length=policy.MOST_TIMESTAMP_BYTES,
    snapshot_max_length=policy.MOST_SNAPSHOT_BYTES,
    targets_max_length=policy.MOST_TARGETS_BYTES,
    # A manifest never changes, so its plain name is as good; the metadata's names are versioned all the same.
    prefix_targets_with_hash=False,
)

# A file where a folder should be, or the other way round. Damaged contents TUF replaces by itself.
_MISSHAPEN = frozenset({errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP})


class TrustedRepository:
    """What the vendor vouches for in the repository behind `transport`.

    `root` is the trust anchor; `state_folder` keeps the metadata seen, so that an older state of the *same* repository
    is refused after a restart too: give each repository (the cloud's, a site's mirror) a folder of its own. `now` is
    the time by which metadata expires: not necessarily the machine's, a box's clock may be wrong.

    Every method raises Unavailable (`repository_unreachable`, …) and Untrusted (`metadata_expired`,
    `metadata_rolled_back`, `metadata_invalid`, `endless_data`), and Exhausted (`disk_full`).
    """

    def __init__(self, transport: Transport, state_folder: Path, root: bytes, *, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._state_folder = state_folder
        self._root = root
        self._now = now
        self._updater: _Updater | None = None

    def refresh(self) -> None:
        """Take the repository's newest metadata. Damage in the state folder is repaired from the root given."""
        with _our_errors():
            try:
                self._updater = self._load()
            except OSError as error:
                if error.errno not in _MISSHAPEN:
                    raise
                _remove(self._state_folder)
                self._updater = self._load()

    def list_versions(self) -> list[Version]:
        """Every published release, oldest first."""
        found = (policy.find_version(path) for path in self._fresh().releases().targets)
        return sorted(version for version in found if version is not None)

    def get_manifest(self, version: Version) -> Manifest:
        """Raises NotFound (`release_unknown`, `blob_missing`) and Untrusted (`manifest_differs`, …) besides."""
        manifest = decode_manifest(self.get_manifest_content(version))
        if manifest.version != version:
            raise Untrusted("manifest_malformed", f"the manifest of {version} is that of {manifest.version}")
        return manifest

    def get_manifest_content(self, version: Version) -> bytes:
        """The manifest as it lies in the repository, for a mirror to keep."""
        path = policy.manifest_path(version)
        updater = self._fresh()
        with _our_errors():
            target = updater.get_targetinfo(path)
        if target is None:
            raise NotFound(
                "release_unknown",
                f"the repository has no release {version}",
                hint="See `cebox release list`.",
            )
        if target.length > MOST_MANIFEST_BYTES:
            raise Untrusted("manifest_malformed", f"the manifest of {version} is too large")
        content = b"".join(self._transport.read(f"{policy.TARGETS_FOLDER}/{path}", 0, target.length))
        try:
            target.verify_length_and_hashes(content)
        except exceptions.LengthOrHashMismatchError as error:
            raise Untrusted(
                "manifest_differs",
                f"the manifest of {version} is not the one that was signed",
                hint="Check the repository with `cebox release verify`.",
            ) from error
        return content

    def list_metadata(self) -> dict[str, bytes]:
        """All metadata files a mirror of the present state needs, by path in the repository.

        `metadata/timestamp.json` comes last: a mirror that writes in this order is consistent at every moment. Roots
        older than the trust anchor are passed on unverified, for boxes with an older anchor, which verify the chain.
        """
        trusted = self._fresh().trusted
        roots = {f"{number}.root": None for number in range(1, trusted.root.version + 1)}
        files = {f"{policy.METADATA_FOLDER}/{name}.json": self._read_root(name) for name in roots}
        for role in (policy.TARGETS, policy.RELEASES, policy.SNAPSHOT):
            content = (self._state_folder / f"{role}.json").read_bytes()
            files[f"{policy.METADATA_FOLDER}/{trusted[role].version}.{role}.json"] = content
        timestamp = (self._state_folder / f"{policy.TIMESTAMP}.json").read_bytes()
        return files | {f"{policy.METADATA_FOLDER}/{policy.TIMESTAMP}.json": timestamp}

    def _read_root(self, name: str) -> bytes:
        local = self._state_folder / "root_history" / f"{name}.json"
        if local.exists():
            return local.read_bytes()
        return b"".join(self._transport.read(f"{policy.METADATA_FOLDER}/{name}.json"))[: policy.MOST_ROOT_BYTES]

    def _fresh(self) -> "_Updater":
        if self._updater is None:
            self.refresh()
        assert self._updater is not None
        return self._updater

    def _load(self) -> "_Updater":
        self._state_folder.mkdir(parents=True, exist_ok=True)
        updater = _Updater(self._state_folder, _TransportFetcher(self._transport), self._root)
        updater.trusted.reference_time = self._now()
        updater.refresh()
        updater.releases()
        return updater


class _Updater(Updater):
    """TUF's updater, with the two things it keeps to itself: its trusted set and the delegated role."""

    def __init__(self, state_folder: Path, fetcher: FetcherInterface, root: bytes) -> None:
        super().__init__(
            str(state_folder),
            policy.METADATA_FOLDER,
            fetcher=fetcher,
            config=_CONFIG,
            bootstrap=root,
        )

    @property
    def trusted(self) -> TrustedMetadataSet:
        return self._trusted_set

    def releases(self) -> Targets:
        return self._load_targets(policy.RELEASES, policy.TARGETS)


class _TransportFetcher(FetcherInterface):
    """TUF asks for `metadata/<name>`; the transport's own errors pass through, but for a missing file."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield from self._transport.read(url)
        except NotFound as error:
            raise exceptions.DownloadHTTPError(error.message, 404) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _our_errors() -> Iterator[None]:
    """Order matters: TUF's rollback error is also what it raises for files that do not belong together."""
    try:
        yield
    except exceptions.ExpiredMetadataError as error:
        raise Untrusted(
            "metadata_expired",
            f"the repository's signatures have expired: {error}",
            hint="The publisher must run `cebox release refresh`; check this machine's clock too.",
        ) from error
    except exceptions.BadVersionNumberError as error:
        raise Untrusted(
            "metadata_rolled_back",
            f"the repository shows an older state than it did before: {error}",
            hint="Somebody restored an old copy of the repository, or keeps updates back on purpose.",
        ) from error
    except (exceptions.RepositoryError, ValueError) as error:
        raise Untrusted(
            "metadata_invalid",
            f"the repository's metadata is not signed by the vendor's keys: {error}",
            hint="Check the repository with `cebox release verify`, and which root this machine was given.",
        ) from error
    except exceptions.DownloadLengthMismatchError as error:
        raise Untrusted("endless_data", f"the repository sends more metadata than there can be: {error}") from error
    except exceptions.DownloadError as error:
        raise Unavailable(
            "metadata_missing",
            f"this is no whole repository: {error}",
            hint="Check the repository's address.",
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Exhausted("disk_full", "no room for the repository's metadata", hint="Free some space.") from error
        raise Unavailable("state_folder_unusable", f"the metadata seen cannot be kept: {error}") from error
