"""Small real releases for the agent's tests: tar images with a word on how they behave, built and signed as in life."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.kit.clock import utc_now
from cebox.release.making.build import build_release
from cebox.release.making.ways import Effort
from cebox.release.manifest import Manifest, Notes
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring

CREATED = datetime(2026, 11, 1, tzinfo=UTC)
FIRST, SECOND, THIRD = "2026.11.1", "2026.11.2", "2026.11.3"
UNHEALTHY, PANIC, HANG, LARGE = "2026.12.1", "2026.12.2", "2026.12.3", "2026.12.4"
SIZE_BYTES = 3 << 20


@dataclass(frozen=True)
class Vendor:
    """`repository` is published; the images of its releases lie in `images` by version."""

    folder: Path
    repository: Path
    manifests: dict[str, Manifest]
    images: dict[str, Path]

    @property
    def keyring(self) -> Keyring:
        return Keyring.load(self.folder / "keys")

    @property
    def anchor(self) -> bytes:
        return self.keyring.load_anchor()

    def sha256(self, version: str) -> str:
        return self.manifests[version].root.sha256

    def publish(
        self,
        version: str,
        *,
        behaviour: str = "",
        floor: str = FIRST,
        previous: str | None = FIRST,
        size_bytes: int = SIZE_BYTES,
    ) -> Manifest:
        tree = self.folder / "trees" / version
        write_tree(tree, seed=version, behaviour=behaviour, size_bytes=size_bytes)
        output = self.folder / "releases" / version
        manifest = build_release(
            source=tree,
            version=Version.parse(version),
            floor=Version.parse(floor),
            notes=Notes(fr="", en=""),
            output=output,
            previous=[(self.manifests[previous], self.images[previous])] if previous else (),
            created=CREATED,
            tree_format="tar",
            effort=Effort(level=1),
        )
        publish_release(output, self.repository, self.keyring, clock=utc_now)
        self.manifests[version] = manifest
        self.images[version] = output / "root.img"
        return manifest


def open_vendor(folder: Path) -> Vendor:
    repository = folder / "repository"
    repository.mkdir(parents=True)
    Keyring.init(folder / "keys", repository, clock=utc_now)
    return Vendor(folder, repository, {}, {})


def write_tree(tree: Path, *, seed: str, behaviour: str, size_bytes: int) -> None:
    """Two thirds are the same in every release, as in life."""
    (tree / "usr/lib/cebox").mkdir(parents=True)
    (tree / "usr/lib/same").write_bytes(random.Random("same").randbytes(2 * size_bytes // 3))
    (tree / "usr/lib/own").write_bytes(random.Random(seed).randbytes(size_bytes // 3))
    (tree / "usr/lib/cebox/version").write_text(seed)
    if behaviour:
        (tree / "usr/lib/cebox/trial").write_text(behaviour)
