"""The stick this machine was started from: found, read, and its release held against the vendor's signatures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cebox.domain.version import Version
from cebox.errors import InvalidInput, NotFound
from cebox.installer.disks import Disk
from cebox.installer.places import Places
from cebox.keys import contents
from cebox.keys.contents import InstallSettings, decode_settings, key_malformed
from cebox.keys.fat import FatVolume
from cebox.keys.partition_table import Partition, find_table
from cebox.release.manifest import Manifest
from cebox.release.network.transport import FolderTransport
from cebox.release.trust.images import verify_image
from cebox.release.trust.repository import TrustedRepository

_MOST_SETTINGS_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """`boot` has the hash that was signed; the root image is yet to be read, from `root` on the stick `disk`."""

    disk: Disk
    settings: InstallSettings
    manifest: Manifest
    anchor: bytes
    boot: Path
    root: Partition


def find_stick(disks: Sequence[Disk], places: Places) -> Disk:
    """Raises NotFound (`stick_missing`)."""
    try:
        wanted = UUID(places.key_sign.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise _missing("this machine was not started from an installation key") from error
    for disk in disks:
        if disk.table_id == wanted:
            return disk
    raise _missing("the installation key that this machine was started from is gone")


def open_key(disk: Disk, workshop: Path) -> OpenedKey:
    """`workshop` is an empty folder. Raises InvalidInput (`key_malformed`), Untrusted and what reading raises."""
    esp, root = _find_partitions(disk)
    volume = FatVolume(disk.path, esp.offset, esp.size, disk.sector_bytes)
    folder, boot = workshop / "key", workshop / "boot.efi"
    try:
        volume.copy_out(contents.FOLDER, folder)
        volume.copy_out(contents.BOOT_PROGRAM, boot)
        with (folder / contents.SETTINGS).open("rb") as stream:
            settings = decode_settings(stream.read(_MOST_SETTINGS_BYTES))
        anchor = (folder / contents.ANCHOR).read_bytes()
    except (OSError, InvalidInput) as error:
        raise key_malformed(str(error)) from error
    manifest = _read_manifest(folder / contents.REPOSITORY, anchor, settings, workshop / "trust")
    if manifest.boot is None or manifest.root.size > root.size:
        raise key_malformed("its release is not whole")
    verify_image(manifest.boot, boot)
    return OpenedKey(disk, settings, manifest, anchor, boot, root)


def _find_partitions(disk: Disk) -> tuple[Partition, Partition]:
    with disk.path.open("rb", buffering=0) as stream:

        def read(offset: int, length: int) -> bytes:
            stream.seek(offset)
            return stream.read(length) or b""

        table = find_table(read, disk.size_bytes, disk.sector_bytes)
    try:
        if table is not None:
            return table.get(contents.ESP_LABEL), table.get(contents.ROOT_LABEL)
    except KeyError:
        pass
    raise key_malformed("its partitions are not there")


def _read_manifest(repository: Path, anchor: bytes, settings: InstallSettings, state: Path) -> Manifest:
    # Not by this machine's clock, which nobody has set yet; nor is it the first that reads them.
    trusted = TrustedRepository(FolderTransport(repository), state, anchor, now=lambda: settings.made_at)
    return trusted.get_manifest(Version.parse(settings.version))


def _missing(why: str) -> NotFound:
    return NotFound("stick_missing", why, hint="Start this machine from an installation key, and leave it plugged in.")
