"""The vendor's side of the lab: keys, releases built from trees or images, a repository to publish them in."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cebox.kit.clock import utc_now
from cebox.lab.images import make_tree, write_trial
from cebox.lab.plan import FLOOR, IMAGE_BUDGET_BYTES, PlannedRelease
from cebox.release.image.tree import TreeFormat
from cebox.release.making.build import build_release
from cebox.release.making.ways import Effort
from cebox.release.manifest import Manifest, decode_manifest
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring


@dataclass(frozen=True, slots=True)
class BuiltRelease:
    """A release folder: the manifest, the image itself, and the blobs that `publish` copies."""

    manifest: Manifest
    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "root.img"

    @classmethod
    def load(cls, folder: Path) -> "BuiltRelease":
        return cls(decode_manifest((folder / "manifest.json").read_bytes()), folder)


class Vendor:
    """One folder: `keyring/`, `repository/` (what the cloud serves), `releases/<version>/` (what was built)."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.keyring = folder / "keyring"
        self.releases = folder / "releases"
        self._trees = folder / "trees"

    @property
    def root_file(self) -> Path:
        """The trust anchor that boxes and consoles are given."""
        return self.repository / "metadata/1.root.json"

    def make_keys(self) -> None:
        Keyring.init(self.keyring, self.repository, clock=utc_now)

    def build(
        self, planned: PlannedRelease, *, source: Path | None = None, tree_format: TreeFormat = "tar", level: int = 6
    ) -> BuiltRelease:
        """Build with patches from every release built before. Without a `source` tree, one is made of real files.

        `level` is zstd's: the demo is built while somebody waits.
        """
        tree = source or make_tree(
            self._trees / str(planned.version),
            planned.version,
            edition=planned.edition,
            budget_bytes=IMAGE_BUDGET_BYTES,
        )
        if planned.trial:
            write_trial(tree, planned.trial)
        folder = self.releases / str(planned.version)
        build_release(
            source=tree,
            version=planned.version,
            floor=FLOOR,
            notes=planned.notes,
            output=folder,
            previous=[(built.manifest, built.image) for built in self.list_built()],
            created=planned.built_at,
            tree_format=tree_format,
            effort=Effort(level=level),
        )
        if source is None:
            shutil.rmtree(tree)
        return BuiltRelease.load(folder)

    def publish(self, built: BuiltRelease) -> bool:
        """False when the very same was there already."""
        return publish_release(built.folder, self.repository, Keyring.load(self.keyring), clock=utc_now)

    def borrow(self, built: Sequence[BuiltRelease]) -> Sequence[BuiltRelease]:
        """Put releases that were built elsewhere on this shelf, by reference; returns what is on it."""
        self.releases.mkdir(parents=True, exist_ok=True)
        for one in built:
            with suppress(FileExistsError):
                (self.releases / str(one.manifest.version)).symlink_to(one.folder.absolute())
        return self.list_built()

    def list_built(self) -> Sequence[BuiltRelease]:
        """Oldest first."""
        folders = [path for path in self.releases.glob("*") if (path / "manifest.json").exists()]
        return sorted((BuiltRelease.load(path) for path in folders), key=lambda built: built.manifest.version)
