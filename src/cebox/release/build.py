"""Makes a release folder: the image, the patches that lead to it, and the manifest that describes them. Signs nothing.

<output>/manifest.json
<output>/blobs/<2>/<sha256>     the full way and one patch per earlier release
<output>/root.img               the image itself, kept to make later patches from
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput
from cebox.kit.files import replace_file
from cebox.release.encode import PatchEncoder
from cebox.release.manifest import (
    LARGEST_INDEX_BYTES,
    ROOT_IMAGE,
    Component,
    Image,
    Manifest,
    Notes,
    Way,
    decode_manifest,
    encode_manifest,
)
from cebox.release.patch import MOST_BLOCKS
from cebox.release.plan import Limits, Plan, Scan, plan_full, plan_patch, scan_image
from cebox.release.slot import ImageFile
from cebox.release.tree import TreeFormat, list_components, make_image

MANIFEST_NAME = "manifest.json"
IMAGE_NAME = "root.img"
DEFAULT_LEVEL = 19

Previous = Sequence[tuple[Manifest, Path]]
"""Earlier releases: their manifests and their `root.img`."""


@dataclass(frozen=True, slots=True)
class _Source:
    version: Version
    image: ImageFile
    scan: Scan


def build_release(
    *,
    source: Path,
    version: Version,
    floor: Version,
    notes: Notes,
    output: Path,
    previous: Previous = (),
    components: Iterable[Component] = (),
    created: datetime,
    tree_format: TreeFormat = "erofs",
    level: int = DEFAULT_LEVEL,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Build `version` from a directory tree or an image file; equal arguments give equal files.

    `level` is zstd's: 19 for the smallest download, 3 for a quick one. `components` are added to those the tree names.
    `progress` is called with the work done and the whole of it, in bytes. A patch no smaller than the full way is left
    out. Raises InvalidInput (`source_missing`, `source_empty`, `floor_above_version`, `previous_image_differs`),
    Conflict (`output_exists`), Unavailable (`tool_missing`).
    """
    if floor > version:
        raise InvalidInput("floor_above_version", f"the floor {floor} is above {version} itself")
    with suppress(FileNotFoundError):
        if any(output.iterdir()):
            raise Conflict("output_exists", f"{output} is not empty", hint="Name a new folder for the release.")
    output.mkdir(parents=True, exist_ok=True)
    image_path = output / IMAGE_NAME
    _make_root_image(source, image_path, tree_format)
    found = list_components(source) if source.is_dir() else ()
    builder = _Builder(output, limits or Limits(), level, progress)
    manifest = Manifest(
        version=version,
        floor=floor,
        created=created,
        components=tuple(sorted({*found, *components}, key=lambda one: (one.name, one.version))),
        notes=notes,
        images=(builder.build_image(image_path, previous),),
    )
    content = encode_manifest(manifest)
    replace_file(output / MANIFEST_NAME, content)
    return decode_manifest(content)


def _make_root_image(source: Path, target: Path, tree_format: TreeFormat) -> None:
    if source.is_dir():
        make_image(source, target, tree_format)
    elif source.exists():
        shutil.copyfile(source, target)
    else:
        raise InvalidInput("source_missing", f"there is no {source}", hint="Name a directory tree or an image file.")
    if target.stat().st_size == 0:
        raise InvalidInput("source_empty", f"{source} is empty")


class _Builder:
    """One image and all its ways."""

    def __init__(self, output: Path, limits: Limits, level: int, progress: Callable[[int, int], None] | None) -> None:
        self._output = output
        self._limits = limits
        self._level = level
        self._progress = progress
        self._done_bytes = 0
        self._total_bytes = 0

    def build_image(self, path: Path, previous: Previous) -> Image:
        self._total_bytes = path.stat().st_size * (1 + len(previous))
        with ImageFile(path, is_writable=False) as image:
            if image.size_bytes > MOST_BLOCKS * self._limits.block_bytes:
                raise InvalidInput("image_too_large", f"{path} is too large for blocks of {self._limits.block_bytes}")
            scan = scan_image(image, self._limits.block_bytes)
            full = self._make_way(image, scan, None, plan_full(scan, self._limits))
            assert full is not None
            ways = [full]
            for manifest, old_path in previous:
                with ImageFile(old_path, is_writable=False) as old:
                    way = self._make_patch(image, scan, old, manifest, full)
                if way is not None:
                    ways.append(way)
        return Image(name=ROOT_IMAGE, size=scan.size_bytes, sha256=scan.sha256, ways=tuple(ways))

    def _make_patch(self, image: ImageFile, scan: Scan, old: ImageFile, manifest: Manifest, full: Way) -> Way | None:
        old_scan = scan_image(old, self._limits.block_bytes)
        if old_scan.sha256 != manifest.root.sha256:
            raise InvalidInput(
                "previous_image_differs",
                f"the image given for {manifest.version} is not the one it was published with",
                hint="Name the release folder that was published, with its root.img.",
            )
        plans = plan_patch(old_scan, scan, self._limits)
        source = _Source(manifest.version, old, old_scan)
        return self._make_way(image, scan, source, plans, full)

    def _make_way(
        self, image: ImageFile, scan: Scan, source: _Source | None, plans: list[Plan], full: Way | None = None
    ) -> Way | None:
        """None, and no file, when the way costs as much as `full`."""
        encoder = PatchEncoder(image, source.image if source else None, limits=self._limits, level=self._level)
        way, path = encoder.write(plans, scan, source.scan if source else None, self._output, self._advance)
        if full is not None and (way.blob.size >= full.blob.size or way.index_bytes > LARGEST_INDEX_BYTES):
            path.unlink()
            return None
        place = self._output / way.blob.path
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
        return msgspec.structs.replace(way, from_version=str(source.version)) if source else way

    def _advance(self, count: int) -> None:
        self._done_bytes += count
        if self._progress is not None:
            self._progress(self._done_bytes, self._total_bytes)
