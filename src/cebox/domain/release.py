"""What the rules need to know of a published release. Its files and signatures are `cebox.release`'s."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cebox.domain.version import Version
from cebox.errors import Conflict


@dataclass(frozen=True, slots=True)
class Release:
    """A published version, as the console's catalogue knows it.

    `full_bytes` is the download from nothing, `patch_bytes` the download from each earlier version that has a patch,
    `image_bytes` the room it takes in a slot. `boot_bytes` and `boot_patch_bytes` are the same of the boot image,
    which machines that have none never fetch. `floor` is the lowest version a box may go back to once it has seen this
    release.
    """

    version: Version
    floor: Version
    image_bytes: int
    full_bytes: int
    patch_bytes: Mapping[Version, int] = field(default_factory=dict)
    is_withdrawn: bool = False
    boot_bytes: int = 0
    boot_patch_bytes: Mapping[Version, int] = field(default_factory=dict)

    def download_bytes(self, running: Version | None) -> int:
        """The smallest download for a box that runs `running`."""
        if running is None:
            return self.full_bytes + self.boot_bytes
        root = min(self.patch_bytes.get(running, self.full_bytes), self.full_bytes)
        return root + min(self.boot_patch_bytes.get(running, self.boot_bytes), self.boot_bytes)

    def mirror_bytes(self, box_versions: Iterable[Version]) -> int:
        """What a WRS fetches for its site: the full images, and the patches from each version its boxes run."""
        patches = (self.patch_bytes, self.boot_patch_bytes)
        wanted = sum(sizes.get(version, 0) for version in set(box_versions) for sizes in patches)
        return self.full_bytes + self.boot_bytes + wanted


def is_new_publication(published_sha256: str | None, offered_sha256: str, version: Version) -> bool:
    """R1: a release is immutable. False when the very same release is already there, so publishing twice is harmless.

    Raises Conflict (`release_differs`) when the version exists with other content.
    """
    if published_sha256 is None:
        return True
    if published_sha256 != offered_sha256:
        raise Conflict(
            "release_differs",
            f"{version} is already published with other content",
            hint="A release never changes. Give the new content a new version.",
        )
    return False
