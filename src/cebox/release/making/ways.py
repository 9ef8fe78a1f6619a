"""Makes the ways to one new image: the full one, and patches from older images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cebox.errors import InvalidInput, Untrusted
from cebox.release.making.choice import Profile
from cebox.release.making.encode import PatchEncoder
from cebox.release.making.plan import Limits, Plan, plan_full, plan_patch
from cebox.release.making.scan import Scan, scan_image
from cebox.release.making.shelf import Shelf
from cebox.release.manifest import LARGEST_INDEX_BYTES, ROOT_IMAGE, Image, Way
from cebox.release.patch import MOST_BLOCKS, decode_index
from cebox.release.slot import ImageFile

DEFAULT_LEVEL = 19
# Whoever takes the full way has no image yet, or a damaged one: it should be quick to make and to unpack.
_FULL_PROFILE: Profile = "quick"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work goes into few bytes. `level` is zstd's."""

    profile: Profile = "smallest"
    level: int = DEFAULT_LEVEL
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class PlannedWay:
    """A way that is decided but not made. Of the old image's scan only what the patch says of it is kept."""

    encoder: PatchEncoder
    plans: Sequence[Plan]
    old: Scan | None = None

    @property
    def work_bytes(self) -> int:
        return sum(plan.work_bytes for plan in self.plans)


class WayMaker:
    """Writes patch files that make `image` into `folder`. `progress` gets the `work_bytes` done since the last call."""

    def __init__(
        self,
        image: ImageFile,
        folder: Path,
        effort: Effort,
        progress: Callable[[int], None],
        shelf: Shelf | None = None,
    ) -> None:
        """Raises InvalidInput (`image_too_large`), and what `scan_old` raises."""
        if image.size_bytes > MOST_BLOCKS * effort.limits.block_bytes:
            raise InvalidInput("image_too_large", f"the image is too large for blocks of {effort.limits.block_bytes}")
        self._image = image
        self._folder = folder
        self._effort = effort
        self._progress = progress
        self._shelf = shelf
        self.scan = scan_image(image, effort.limits.block_bytes)

    def scan_old(self, old: ImageFile) -> Scan:
        """Raises OSError and InvalidInput (`erofs_malformed`)."""
        return scan_image(old, self._effort.limits.block_bytes)

    def plan_full(self) -> PlannedWay:
        encoder = self._encoder(None, _FULL_PROFILE)
        return PlannedWay(encoder, plan_full(self.scan, self._effort.limits))

    def plan_patch(self, old: ImageFile, old_scan: Scan) -> PlannedWay:
        """`old` is read again when the way is made. Raises OSError."""
        encoder = self._encoder(old, self._effort.profile)
        plans = plan_patch(old_scan, self.scan, self._effort.limits, encoder.is_alike)
        return PlannedWay(encoder, plans, replace(old_scan, digests=b"", zeroes=frozenset(), files=()))

    def make(self, planned: PlannedWay) -> tuple[Way, Path]:
        """The caller says the way's `from_version`. Raises InvalidInput (`image_too_scattered`) and OSError."""
        way, path = planned.encoder.write(planned.plans, self.scan, planned.old, self._folder, self._progress)
        if not _is_readable(way, path, Image(ROOT_IMAGE, self.scan.size_bytes, self.scan.sha256, (way,))):
            path.unlink()
            raise InvalidInput(
                "image_too_scattered",
                "a list of where everything in the image is would be longer than a box reads",
                hint="Make the image of a directory tree, with mkfs.erofs.",
            )
        return way, path

    def _encoder(self, old: ImageFile | None, profile: Profile) -> PatchEncoder:
        return PatchEncoder(
            self._image,
            old,
            limits=self._effort.limits,
            profile=profile,
            level=self._effort.level,
            shelf=self._shelf,
        )


def is_worth(way: Way, full: Way) -> bool:
    """Whether a patch is published beside the full way: not for less than a hundredth of the bytes."""
    return way.blob.size < full.blob.size * 0.99


def _is_readable(way: Way, path: Path, image: Image) -> bool:
    """As a box sees it, whose bounds are the same."""
    with path.open("rb") as stream:
        head = stream.read(way.index_bytes)
    try:
        decode_index(head, way, image)
    except Untrusted:
        return False
    return way.index_bytes <= LARGEST_INDEX_BYTES
