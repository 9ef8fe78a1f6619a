"""The mirror's folders on disk, and which release is served.

    blobs/<2>/<sha256>            the pool: each blob once, here only after its hash was right
    releases/<version>/           a static repository of one release; its blobs are hard links into the pool
    served   -> releases/<v>      what the LAN gets; switched by one rename, its own time is when it was switched
    prepared -> releases/<v>      the marker: made only when that folder is whole and on the disk

What is neither served, prepared nor wanted by the preparation is waste, whatever cut it was left by.
"""

import os
import secrets
import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.kit.files import sync_directory
from cebox.wrs.blobs import BlobPool

_SERVED = "served"
_PREPARED = "prepared"


class ReleaseStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.releases = folder / "releases"
        self.pool = BlobPool(folder / "blobs")

    def create(self) -> None:
        for path in (self.folder, self.releases, self.pool.folder):
            path.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(".*"):
            leftover.unlink()

    def release_folder(self, version: str) -> Path:
        return self.releases / version

    def find_served(self) -> str | None:
        return self._read_link(_SERVED)

    def find_prepared(self) -> str | None:
        return self._read_link(_PREPARED)

    def find_served_since(self) -> datetime | None:
        try:
            return datetime.fromtimestamp((self.folder / _SERVED).lstat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def link_blob(self, version: str, sha256: str) -> None:
        """Put a blob of the pool into a release's folder; harmless when it is there."""
        target = self.release_folder(version) / "blobs" / sha256[:2] / sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        source = self.pool.path(sha256)
        if target.exists() and target.samefile(source):
            return
        part = target.with_name(f".{secrets.token_hex(4)}")
        os.link(source, part)
        part.replace(target)

    def unlink_blob(self, version: str, sha256: str) -> None:
        """Take a blob out of a release's folder; whoever reads it may finish."""
        (self.release_folder(version) / "blobs" / sha256[:2] / sha256).unlink(missing_ok=True)

    def list_blobs(self, version: str) -> set[str]:
        """Hashes of the blobs in a release's folder."""
        return {path.name for path in (self.release_folder(version) / "blobs").glob("??/*") if len(path.name) == 64}

    def mark_prepared(self, version: str) -> None:
        """The release's folder is made durable before its marker."""
        for folder, _, _ in os.walk(self.release_folder(version), topdown=False):
            sync_directory(Path(folder))
        sync_directory(self.releases)
        self._point(_PREPARED, version, None)

    def drop_prepared(self) -> None:
        (self.folder / _PREPARED).unlink(missing_ok=True)
        sync_directory(self.folder)

    def switch(self, version: str, moment: datetime) -> None:
        """Serve `version` from now on; its folder is whole."""
        self._point(_SERVED, version, moment)
        self.drop_prepared()

    def sweep(self, *, versions: Collection[str | None], blobs: Collection[str] = ()) -> None:
        """Remove every other release, and the pool's blobs that no release and no name in `blobs` holds."""
        for folder in self.releases.iterdir():
            if folder.name not in versions:
                shutil.rmtree(folder)
        self.pool.sweep(blobs)

    def _point(self, name: str, version: str, moment: datetime | None) -> None:
        part = self.folder / f".{name}.{secrets.token_hex(4)}"
        part.symlink_to(Path("releases") / version)
        if moment is not None:
            os.utime(part, (moment.timestamp(), moment.timestamp()), follow_symlinks=False)
        part.replace(self.folder / name)
        sync_directory(self.folder)

    def _read_link(self, name: str) -> str | None:
        try:
            version = (self.folder / name).readlink().name
            Version.parse(version)
        except (OSError, InvalidInput):
            return None
        return version if self.release_folder(version).is_dir() else None
