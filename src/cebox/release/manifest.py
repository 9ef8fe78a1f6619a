"""What a release is made of: the signed JSON document that says everything about it but its bytes.

The manifest is a TUF target; whoever holds a `Manifest` from `fetch.TrustedRepository` holds the vendor's word. Unknown
fields are ignored, so that a later vendor tool can say more; a change that an old box must not overlook gets a new
`format` number.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from cebox.domain.release import Release
from cebox.domain.version import Version
from cebox.errors import InvalidInput, NotFound, Untrusted

FORMAT = 1
ROOT_IMAGE = "root"
BOOT_IMAGE = "boot"
MOST_MANIFEST_BYTES = 4 << 20
LARGEST_IMAGE_BYTES = 1 << 40
LARGEST_INDEX_BYTES = 8 << 20

Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
SizeBytes = Annotated[int, Meta(ge=1, le=LARGEST_IMAGE_BYTES)]
_Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Markdown = Annotated[str, Meta(max_length=256 << 10)]


class Component(msgspec.Struct, frozen=True):
    """A package in the image, or the kernel, as its packager names it."""

    name: _Name
    version: _Name


class Notes(msgspec.Struct, frozen=True):
    """Release notes in Markdown, one text per language."""

    fr: _Markdown = ""
    en: _Markdown = ""


class Blob(msgspec.Struct, frozen=True):
    """An immutable file of the repository, named by its hash."""

    sha256: Sha256
    size: SizeBytes

    @property
    def path(self) -> str:
        """Where it lies in a repository."""
        return f"blobs/{self.sha256[:2]}/{self.sha256}"


class Bounds(msgspec.Struct, frozen=True):
    """The most any segment of a patch needs, so that a small box can decline before it downloads.

    `memory_bytes` is what applying takes beyond the program itself, one segment at a time.
    """

    segment_bytes: Annotated[int, Meta(ge=1, le=1 << 30)]
    dictionary_bytes: Annotated[int, Meta(ge=0, le=1 << 30)]
    window_bytes: Annotated[int, Meta(ge=0, le=1 << 31)]
    memory_bytes: Annotated[int, Meta(ge=0, le=1 << 32)]


class Way(msgspec.Struct, frozen=True):
    """One way to make an image: the patch file `blob`, from an older image or (all `from_` fields None) from nothing.

    `index_bytes` and `index_sha256` cover the head of the blob, everything before its first payload: it is verified
    before it is parsed.
    """

    from_version: _Name | None
    from_sha256: Sha256 | None
    blob: Blob
    index_bytes: Annotated[int, Meta(ge=1, le=LARGEST_INDEX_BYTES)]
    index_sha256: Sha256
    bounds: Bounds

    @property
    def is_full(self) -> bool:
        return self.from_sha256 is None


class Image(msgspec.Struct, frozen=True):
    """Bytes of a slot: `sha256` is that of the first `size` bytes once it is written."""

    name: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
    size: SizeBytes
    sha256: Sha256
    ways: Annotated[tuple[Way, ...], Meta(min_length=1, max_length=256)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A release, whole. `floor` is the lowest version a box may go back to once it has seen this one."""

    format: int = FORMAT
    version: Version
    floor: Version
    created: datetime
    components: tuple[Component, ...] = ()
    notes: Notes = Notes()
    images: tuple[Image, ...]

    @property
    def root(self) -> Image:
        return get_image(self, ROOT_IMAGE)

    @property
    def boot(self) -> Image | None:
        """What the firmware starts; None where the machine is a virtual one, which starts the root by itself."""
        return next((image for image in self.images if image.name == BOOT_IMAGE), None)

    def to_domain(self, is_withdrawn: bool = False) -> Release:
        """What the rules need to know of it. Whether it is withdrawn is the console's word, not the manifest's."""
        root, boot = self.root, self.boot
        return Release(
            version=self.version,
            floor=self.floor,
            image_bytes=root.size,
            full_bytes=full_way(root).blob.size,
            patch_bytes=_list_patches(root),
            is_withdrawn=is_withdrawn,
            boot_bytes=full_way(boot).blob.size if boot else 0,
            boot_patch_bytes=_list_patches(boot) if boot else {},
        )


def _list_patches(image: Image) -> dict[Version, int]:
    return {Version.parse(way.from_version): way.blob.size for way in image.ways if way.from_version}


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    """The document itself: versions are text there."""

    format: int
    version: _Name
    floor: _Name
    created: Annotated[datetime, Meta(tz=True)]
    components: Annotated[tuple[Component, ...], Meta(max_length=50_000)] = ()
    notes: Notes = Notes()
    images: Annotated[tuple[Image, ...], Meta(min_length=1, max_length=16)]


class _Format(msgspec.Struct, frozen=True):
    format: int


def encode_manifest(manifest: Manifest) -> bytes:
    """Equal manifests give equal bytes."""
    wire = _Wire(
        format=manifest.format,
        version=str(manifest.version),
        floor=str(manifest.floor),
        created=manifest.created.astimezone(UTC).replace(microsecond=0),
        components=manifest.components,
        notes=manifest.notes,
        images=manifest.images,
    )
    return msgspec.json.encode(wire, order="deterministic") + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """Read a manifest whose bytes the signed chain vouches for.

    Raises Untrusted (`manifest_malformed`, `manifest_format_unknown`).
    """
    if len(content) > MOST_MANIFEST_BYTES:
        raise _malformed(f"it is larger than {MOST_MANIFEST_BYTES} bytes")
    try:
        found = msgspec.json.decode(content, type=_Format).format
        if found != FORMAT:
            raise Untrusted(
                "manifest_format_unknown",
                f"the release is described in format {found}, this program reads {FORMAT}",
                hint="Update this machine to an earlier release first.",
            )
        wire = msgspec.json.decode(content, type=_Wire)
        manifest = _from_wire(wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidInput) as error:
        raise _malformed(str(error)) from error
    _verify_coherent(manifest)
    return manifest


def get_image(manifest: Manifest, name: str) -> Image:
    """Raises NotFound (`image_unknown`)."""
    for image in manifest.images:
        if image.name == name:
            return image
    raise NotFound("image_unknown", f"{manifest.version} has no image {name!r}")


def find_way(image: Image, old_sha256: str | None) -> Way | None:
    """The patch from the image with that hash; None when there is none (None as hash finds none: see `full_way`)."""
    return next((way for way in image.ways if way.from_sha256 is not None and way.from_sha256 == old_sha256), None)


def full_way(image: Image) -> Way:
    """The way from nothing; every image has one (`decode_manifest` insists). Raises NotFound (`full_way_missing`)."""
    for way in image.ways:
        if way.is_full:
            return way
    raise NotFound("full_way_missing", f"image {image.name!r} cannot be made from nothing")


def _from_wire(wire: _Wire) -> Manifest:
    return Manifest(
        format=wire.format,
        version=Version.parse(wire.version),
        floor=Version.parse(wire.floor),
        created=wire.created.astimezone(UTC),
        components=wire.components,
        notes=wire.notes,
        images=wire.images,
    )


def _verify_coherent(manifest: Manifest) -> None:
    if manifest.floor > manifest.version:
        raise _malformed(f"its floor {manifest.floor} is above itself")
    names = [image.name for image in manifest.images]
    if ROOT_IMAGE not in names or len(set(names)) != len(names):
        raise _malformed("it needs one image named root, and no name twice")
    for image in manifest.images:
        _verify_ways(image)


def _verify_ways(image: Image) -> None:
    if sum(way.is_full for way in image.ways) != 1:
        raise _malformed(f"image {image.name} needs exactly one way from nothing")
    sources = [way.from_version for way in image.ways]
    if len(set(sources)) != len(sources):
        raise _malformed(f"image {image.name} has two ways from one version")
    for way in image.ways:
        if (way.from_version is None) != way.is_full or way.index_bytes > way.blob.size:
            raise _malformed(f"a way of image {image.name} contradicts itself")
        if way.from_version is not None and not _is_version(way.from_version):
            raise _malformed(f"{way.from_version!r} is not a version")


def _is_version(text: str) -> bool:
    try:
        Version.parse(text)
    except InvalidInput:
        return False
    return True


def _malformed(why: str) -> Untrusted:
    return Untrusted(
        "manifest_malformed",
        f"the release's manifest is malformed: {why}",
        hint="The publisher must publish the release again under a new version.",
    )
