"""Builds ceBox OS as a release: two images, the patches that lead to them, the manifest and the bill of materials."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.errors import NotPermitted, Unavailable
from cebox.image.bootstrap import get_tree
from cebox.image.command_line import describe_boot_image, write_command_line
from cebox.image.compose import compose_tree
from cebox.image.initrd import find_kernel, make_initrd
from cebox.image.libraries import list_libraries
from cebox.image.recipe import Recipe
from cebox.image.room import verify_room
from cebox.image.sbom import FILE_NAME, write_sbom
from cebox.image.uki import Section, encode_uki
from cebox.image.verity import append_tree
from cebox.kit.files import replace_file
from cebox.kit.tools import verify_tools
from cebox.release.image.tree import list_components, make_image
from cebox.release.making.build import DEFAULT_PATCHES, Previous, build_release, named_errors, verify_free
from cebox.release.making.ways import Effort
from cebox.release.manifest import Manifest, Notes

STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
_TOOLS = ("chroot", "cp", "mkfs.erofs", "mmdebstrap", "objdump", "strip", "veritysetup")


@dataclass(frozen=True, slots=True)
class Order:
    """What to build. `is_fresh`: with the packages as the apt sources have them now."""

    recipe: Recipe
    version: Version
    floor: Version
    created: datetime
    output: Path
    previous: Previous = ()
    notes: Notes = field(default_factory=Notes)
    most_patches: int = DEFAULT_PATCHES
    effort: Effort = field(default_factory=Effort)
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on: `begin` is told each step as it begins, `progress` the work done and to be done of the last one."""

    begin: Callable[[str], None] = lambda _step: None
    progress: Callable[[int, int], None] | None = None


def build_system(order: Order, watch: Watch) -> Manifest:
    """Equal orders give equal files, while the apt sources stay what they are.

    Raises what `get_tree`, `compose_tree`, `make_image`, `make_initrd`, `encode_uki` and `build_release` raise,
    NotPermitted (`root_needed`), Unavailable (`tools_missing`, `stub_missing`) and Exhausted (`disk_full`).
    """
    _verify_root()
    verify_tools(_TOOLS)
    verify_free(order.output)
    stub = read_stub()
    with named_errors(order.output):
        watch.begin("Debian packages")
        base = _get_base(order)
        verify_room(base, order.output)
        with _open_workshop(order.output) as workshop:
            images = make_images(order, base, stub, workshop, watch)
            watch.begin("release")
            manifest = _build_release(order, base, images, watch)
        watch.begin("bill of materials")
        replace_file(order.output / FILE_NAME, _write_sbom(manifest, base).encode())
    return manifest


def _get_base(order: Order) -> Path:
    recipe = order.recipe
    return get_tree(recipe.packages, languages=recipe.languages, answers=recipe.answers, is_fresh=order.is_fresh)


def _verify_root() -> None:
    if os.geteuid() != 0:
        raise NotPermitted(
            "root_needed",
            "a system image is built by root: its files belong to root, and packages run their scripts as root",
            hint="Run the same command with sudo, or in a container or virtual machine as root.",
        )


@dataclass(frozen=True, slots=True)
class Images:
    root: Path
    boot: Path


def make_images(order: Order, base: Path, stub: bytes, workshop: Path, watch: Watch) -> Images:
    """Of the Debian tree `base`, in the folder `workshop`, which keeps the system's own tree too."""
    watch.begin("system files")
    compose_tree(base, order.recipe, order.version, workshop / "tree")
    watch.begin("root image")
    images = Images(workshop / "root.img", workshop / "boot.efi")
    make_image(workshop / "tree", images.root, "erofs", like=_find_newest(order.previous))
    command_line = write_command_line(order.version, append_tree(images.root), order.recipe.command_line)
    watch.begin("boot image")
    images.boot.write_bytes(_encode_boot(order, base, stub, images.root, command_line))
    return images


def read_stub() -> bytes:
    """What the firmware starts of a boot image. Raises Unavailable (`stub_missing`)."""
    try:
        return STUB.read_bytes()
    except OSError as error:
        raise Unavailable(
            "stub_missing", f"there is no {STUB}", hint="Install the Debian package systemd-boot-efi."
        ) from error


@contextmanager
def _open_workshop(output: Path) -> Iterator[Path]:
    """Beside the release, on the same disk; nothing of it stays."""
    output.absolute().parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.absolute().parent))
    try:
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _find_newest(previous: Sequence[tuple[Manifest, Path]]) -> Path | None:
    """The image whose files' places are kept."""
    return max(previous, key=lambda one: one[0].version)[1] if previous else None


def _encode_boot(order: Order, base: Path, stub: bytes, root: Path, command_line: str) -> bytes:
    kernel = find_kernel(base)
    with root.open("rb") as stream:
        root_sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    facts = describe_boot_image(order.version, root_sha256=root_sha256, root_bytes=root.stat().st_size)
    sections = (
        Section(".osrel", facts.encode()),
        Section(".cmdline", command_line.encode()),
        Section(".uname", kernel.encode()),
        Section(".linux", (base / "boot" / f"vmlinuz-{kernel}").read_bytes()),
        Section(".initrd", make_initrd(base, kernel, order.recipe.initrd_init, order.recipe.modules)),
    )
    return encode_uki(stub, sections)


def _build_release(order: Order, base: Path, images: Images, watch: Watch) -> Manifest:
    return build_release(
        source=images.root,
        boot=images.boot,
        version=order.version,
        floor=order.floor,
        notes=order.notes,
        output=order.output,
        previous=order.previous,
        most_patches=order.most_patches,
        components=list_components(base),
        created=order.created,
        effort=order.effort,
        progress=watch.progress,
    )


def _write_sbom(manifest: Manifest, base: Path) -> str:
    return write_sbom(
        manifest.version,
        root_sha256=manifest.root.sha256,
        created=manifest.created,
        packages=[one for one in list_components(base) if one.name != "kernel"],
        libraries=list_libraries(),
    )
