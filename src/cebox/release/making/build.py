"""Makes a release folder: the images, the patches that lead to them, the manifest that describes them. Signs nothing.

<output>/manifest.json
<output>/blobs/<2>/<sha256>     of each image the full way, and one patch per earlier release
<output>/root.img, boot.efi     the images themselves, kept to make later patches from (of virtual boxes: the first)
<output>/.building              what is encoded already, while the build is under way
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from cebox.domain.version import Version
from cebox.errors import Conflict, Exhausted, InvalidInput, Unavailable
from cebox.kit.files import replace_file
from cebox.release.image.tree import TreeFormat, list_components, make_image
from cebox.release.making.shelf import Shelf
from cebox.release.making.ways import Effort, PlannedWay, WayMaker, is_worth
from cebox.release.manifest import (
    BOOT_IMAGE,
    ROOT_IMAGE,
    Component,
    Image,
    Manifest,
    Notes,
    Way,
    decode_manifest,
    encode_manifest,
)
from cebox.release.slot import ImageFile

MANIFEST_NAME = "manifest.json"
IMAGE_NAME = "root.img"
BOOT_NAME = "boot.efi"
DEFAULT_PATCHES = 5
_SHELF_NAME = ".building"

Previous = Sequence[tuple[Manifest, Path]]
"""Earlier releases: their manifests and their `root.img`, with `boot.efi` beside it if they have one."""


def build_release(
    *,
    source: Path,
    boot: Path | None = None,
    version: Version,
    floor: Version,
    notes: Notes,
    output: Path,
    previous: Previous = (),
    most_patches: int = DEFAULT_PATCHES,
    components: Iterable[Component] = (),
    created: datetime,
    tree_format: TreeFormat = "erofs",
    effort: Effort | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Build `version` from a directory tree or an image file, and the `boot` image; equal arguments give equal files.

    Patches are made from the newest `most_patches` of `previous`; one that saves nothing is left out. A tree is laid
    out like the newest of them. `components` are added to those the tree names. `progress` is called with the work done
    and the whole of it, known from the first call on; both count as `Plan.work_bytes` does. A build that was cut off
    goes on where it was when it is asked for again: see `has_begun`.

    Raises InvalidInput (`source_missing`, `source_empty`, `floor_above_version`, `image_too_large`,
    `image_too_scattered`, `erofs_malformed`, `previous_image_missing`, `previous_image_differs`), Conflict
    (`output_exists`, `build_running`), Unavailable (`tool_missing`, `build_failed`) and Exhausted (`disk_full`).
    """
    if floor > version:
        raise InvalidInput("floor_above_version", f"the floor {floor} is above {version} itself")
    earlier = sorted(previous, key=lambda one: one[0].version, reverse=True)
    for known, path in earlier[: max(most_patches, 1)]:
        with _open_previous(known, path):
            pass
    with named_errors(output), _open_output(output) as shelf:
        _make_root_image(source, output / IMAGE_NAME, tree_format, like=earlier[0][1] if earlier else None)
        if boot is not None:
            _copy_image(boot, output / BOOT_NAME)
        found = list_components(source) if source.is_dir() else ()
        images = _build_images(output, earlier[:most_patches], effort or Effort(), shelf, _Progress(progress))
        manifest = Manifest(
            version=version,
            floor=floor,
            created=created,
            components=tuple(sorted({*found, *components}, key=lambda one: (one.name, one.version))),
            notes=notes,
            images=images,
        )
        content = encode_manifest(manifest)
        replace_file(output / MANIFEST_NAME, content)
        shutil.rmtree(output / _SHELF_NAME, ignore_errors=True)
    return decode_manifest(content)


def has_begun(output: Path) -> bool:
    """Whether `output` holds what a build that was cut off had done. Raises OSError."""
    return _is_unfinished(output) and any((output / _SHELF_NAME).iterdir())


def _is_unfinished(output: Path) -> bool:
    return (output / _SHELF_NAME).is_dir() and not (output / MANIFEST_NAME).exists()


@contextmanager
def _open_output(output: Path) -> Iterator[Shelf]:
    """An empty folder, or that of a build that was cut off: what it had encoded stays, the rest goes."""
    verify_free(output)
    shelf = output / _SHELF_NAME
    shelf.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(shelf, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, output)
        verify_free(output)
        for entry in output.iterdir():
            if entry != shelf:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield Shelf(shelf)
    finally:
        os.close(descriptor)


def verify_free(output: Path) -> None:
    """Raises Conflict (`output_exists`)."""
    if not output.exists() or _is_unfinished(output) or (output.is_dir() and not any(output.iterdir())):
        return
    if (output / MANIFEST_NAME).exists():
        # A cut between the last two steps leaves it there, and nobody needs it any more.
        shutil.rmtree(output / _SHELF_NAME, ignore_errors=True)
        raise Conflict(
            "output_exists",
            f"{output} holds a whole release already",
            hint="Publish it, or name a new folder for another one.",
        )
    raise Conflict("output_exists", f"{output} is in use for something else", hint="Name a new folder for the release.")


def _lock(descriptor: int, output: Path) -> None:
    """Until the descriptor is closed, at the latest by the end of this process."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Conflict(
            "build_running", f"another build is writing to {output}", hint="Wait until it ends, or name another folder."
        ) from error


@contextmanager
def named_errors(output: Path) -> Iterator[None]:
    """Around work that writes to `output`. Raises Exhausted (`disk_full`), Unavailable (`build_failed`)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "Free some space and build again: it goes on where it was."
            raise Exhausted("disk_full", f"no room left for {output}", hint=hint) from error
        raise Unavailable(
            "build_failed",
            f"the release cannot be built: {error}",
            hint="Check the rights to the folders, and the disk; a build goes on where it was.",
        ) from error


def _make_root_image(source: Path, target: Path, tree_format: TreeFormat, *, like: Path | None) -> None:
    if source.is_dir():
        make_image(source, target, tree_format, like)
    else:
        _copy_image(source, target)


def _copy_image(source: Path, target: Path) -> None:
    if not source.exists():
        raise InvalidInput("source_missing", f"there is no {source}", hint="Name a directory tree or an image file.")
    shutil.copyfile(source, target)
    if target.stat().st_size == 0:
        raise InvalidInput("source_empty", f"{source} is empty")


class _Progress:
    """Adds up what several ways report."""

    def __init__(self, report: Callable[[int, int], None] | None) -> None:
        self._report = report
        self._done_bytes = 0
        self._total_bytes = 0

    def begin(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self.advance(0)

    def advance(self, count: int) -> None:
        self._done_bytes += count
        if self._report is not None:
            self._report(self._done_bytes, self._total_bytes)


@dataclass(frozen=True, slots=True)
class _PlannedImage:
    """`patches`: each with the release it starts from."""

    name: str
    maker: WayMaker
    full: PlannedWay
    patches: Sequence[tuple[Manifest, PlannedWay]]

    @property
    def work_bytes(self) -> int:
        return sum(one.work_bytes for one in (self.full, *(patch for _, patch in self.patches)))


def _build_images(
    output: Path, previous: Previous, effort: Effort, shelf: Shelf, progress: _Progress
) -> tuple[Image, ...]:
    """Everything is decided before anything is made: what is wrong is found at once, and the work is known."""
    with ExitStack() as opened:
        planned = []
        for name, file_name in ((ROOT_IMAGE, IMAGE_NAME), (BOOT_IMAGE, BOOT_NAME)):
            if (output / file_name).exists():
                image = opened.enter_context(ImageFile(output / file_name, is_writable=False))
                maker = WayMaker(image, output, effort, progress.advance, shelf)
                earlier = [
                    (known, root.with_name(file_name) if name == BOOT_IMAGE else root) for known, root in previous
                ]
                planned.append(_plan_image(name, maker, earlier, opened))
        progress.begin(sum(one.work_bytes for one in planned))
        return tuple(_make_image(one, output) for one in planned)


def _plan_image(name: str, maker: WayMaker, previous: Previous, opened: ExitStack) -> _PlannedImage:
    patches = []
    for known, path in previous:
        before = next((image for image in known.images if image.name == name), None)
        if before is not None:
            patches.append((known, _plan_patch(maker, known, before, opened, path)))
    return _PlannedImage(name, maker, maker.plan_full(), patches)


def _make_image(planned: _PlannedImage, output: Path) -> Image:
    maker = planned.maker
    full = _put(output, *maker.make(planned.full))
    found = [_make_patch(maker, patch, known, output, full) for known, patch in planned.patches]
    ways = (full, *filter(None, found))
    return Image(name=planned.name, size=maker.scan.size_bytes, sha256=maker.scan.sha256, ways=ways)


def _plan_patch(maker: WayMaker, known: Manifest, before: Image, opened: ExitStack, path: Path) -> PlannedWay:
    old = opened.enter_context(_open_previous(known, path))
    scan = maker.scan_old(old)
    if scan.sha256 != before.sha256:
        raise InvalidInput(
            "previous_image_differs",
            f"the {before.name} image given for {known.version} is not the one it was published with",
            hint="Name the release folder that was published, with its root.img.",
        )
    return maker.plan_patch(old, scan)


def _open_previous(manifest: Manifest, path: Path) -> ImageFile:
    try:
        return ImageFile(path, is_writable=False)
    except OSError as error:
        raise InvalidInput(
            "previous_image_missing",
            f"the {path.name} of {manifest.version} cannot be read: {error.strerror}",
            hint="A patch is made from the images in a release's folder: put them back, or leave that release out.",
        ) from error


def _make_patch(maker: WayMaker, planned: PlannedWay, manifest: Manifest, output: Path, full: Way) -> Way | None:
    """None, and no file, when it is not worth it or when no box could read it."""
    try:
        way, path = maker.make(planned)
    except InvalidInput:
        return None
    if not is_worth(way, full):
        path.unlink()
        return None
    return _put(output, msgspec.structs.replace(way, from_version=str(manifest.version)), path)


def _put(output: Path, way: Way, path: Path) -> Way:
    place = output / way.blob.path
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
    return way
