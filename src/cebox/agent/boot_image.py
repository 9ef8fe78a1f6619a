"""A release's boot image on its way: made in the box's state folder, verified there, copied by the boot loader's port.

Only machines whose slots need one to start have to do with it. The file is named by the hash it shall have, so that
what stands there after a cut belongs to this very image.
"""

import os
from pathlib import Path

from cebox.agent.box import Box
from cebox.agent.journal import Update
from cebox.agent.machine import BootImage
from cebox.errors import Exhausted, InvalidInput
from cebox.release.manifest import Image, Manifest

_FOLDER = "boot-image"


def find_needed_image(box: Box, manifest: Manifest) -> Image | None:
    """The boot image this machine needs; None where slots start without. Looks whether there will be room for it.

    Raises InvalidInput (`boot_image_missing`), Exhausted (`esp_full`).
    """
    room_bytes = box.machine.boot_loader.find_boot_room_bytes()
    if room_bytes is None:
        return None
    if manifest.boot is None:
        raise InvalidInput(
            "boot_image_missing",
            f"{manifest.version} has no boot image, without which this machine cannot start it",
            hint="This release is made for virtual machines; choose another.",
        )
    if manifest.boot.size > room_bytes:
        raise Exhausted(
            "esp_full",
            f"the boot image of {manifest.version} has {manifest.boot.size} bytes, the boot partition room for "
            f"{room_bytes}",
            hint="Remove foreign files from the boot partition, or install the machine again with a larger one.",
        )
    return manifest.boot


def find_boot_image(box: Box, update: Update) -> BootImage | None:
    """The boot image of `update`; None on machines that need none."""
    if not update.boot_sha256:
        return None
    return BootImage(path=_get_folder(box) / f"{update.boot_sha256}.efi", sha256=update.boot_sha256)


def make_room(box: Box, path: Path, size_bytes: int) -> bool:
    """A file of the right size to make a boot image in; True when it may hold parts of it already.

    Raises Exhausted (`disk_full`).
    """
    is_resumable = path.exists()
    try:
        discard_boot_images(box, but=path)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
            os.ftruncate(descriptor, size_bytes)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Exhausted(
            "disk_full",
            f"no room for the release's boot image: {error.strerror or error}",
            hint="Free some space; the update goes on where it stopped.",
        ) from error
    return is_resumable


def discard_boot_images(box: Box, *, but: Path | None = None) -> None:
    """Remove what earlier updates left. Raises OSError."""
    for path in _get_folder(box).glob("*"):
        if path != but:
            path.unlink(missing_ok=True)


def _get_folder(box: Box) -> Path:
    return box.settings.state_folder / _FOLDER
