"""The disk of a machine as a file: made by the installer itself, without starting anything, and read from outside."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cebox.agent.systemd_boot.entry_name import EntryName, find_entry_name
from cebox.domain.version import Version
from cebox.errors import NotFound
from cebox.installer.disks import Content, Disk
from cebox.installer.installation import Watch, install
from cebox.installer.layout import ESP, ROOT_A, ROOT_B
from cebox.installer.opened_key import open_key
from cebox.keys.fat import FatVolume
from cebox.keys.partition_table import PartitionTable, find_table
from cebox.release.manifest import Manifest

BOOT_LOADER = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
# Enough for any kind of machine with a release of the cloud variant.
DISK_BYTES = 6 << 30
_SECTOR_BYTES = 512
_ENTRIES = "EFI/Linux"


def make_empty_disk(path: Path, size_bytes: int = DISK_BYTES) -> None:
    """Sparse. Raises OSError."""
    with path.open("wb") as stream:
        stream.truncate(size_bytes)


def install_from(stick: Path, disk: Path, machine_name: str, size_bytes: int = DISK_BYTES) -> None:
    """What starting a machine from `stick` comes to. Raises what `open_key` and `install` raise."""
    make_empty_disk(disk, size_bytes)
    with tempfile.TemporaryDirectory(prefix="cebox-install-", dir=disk.parent) as name:
        room = Path(name)
        key = open_key(_describe(stick, Content.USED), room)
        target = _describe(disk, Content.EMPTY)
        install(key, target, boot_loader=BOOT_LOADER, machine_name=machine_name, room=room, watch=Watch())


@dataclass(frozen=True, slots=True)
class Slots:
    """The release whose image each slot holds, byte for byte (None: no whole one), and the boot partition's entries."""

    roots: Mapping[str, Version | None]
    entries: tuple[EntryName, ...]

    @property
    def blessed(self) -> tuple[Version, ...]:
        return tuple(entry.version for entry in self.entries if entry.is_blessed)


def read_slots(disk: Path, releases: Iterable[Manifest]) -> Slots:
    """Of a machine that is off, or does not write. Raises NotFound (`disk_not_installed`) and what tools raise."""
    table = _get_table(disk)
    known = list(releases)
    roots = {label[-1]: _find_release(disk, table.get(label).offset, known) for label in (ROOT_A, ROOT_B)}
    return Slots(roots, _list_entries(disk, table))


def flip_bit(disk: Path, slot: str, offset: int) -> None:
    """One bit of what slot `a` or `b` holds, as a disk that forgets would. Raises NotFound (`disk_not_installed`)."""
    place = _get_table(disk).get({"a": ROOT_A, "b": ROOT_B}[slot]).offset + offset
    with disk.open("r+b") as stream:
        stream.seek(place)
        found = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([found ^ 1]))


def cut_short(disk: Path, entry: EntryName, share: float) -> None:
    """Leave the first `share` of a boot image. Raises NotFound (`disk_not_installed`) and what tools raise."""
    place = _get_table(disk).get(ESP)
    volume = FatVolume(disk, place.offset, place.size)
    with tempfile.TemporaryDirectory(prefix="cebox-esp-", dir=disk.parent) as name:
        path = Path(name) / _ENTRIES / str(entry)
        path.parent.mkdir(parents=True)
        volume.copy_out(f"{_ENTRIES}/{entry}", path)
        os.truncate(path, int(path.stat().st_size * share))
        volume.copy_in(Path(name))


def _list_entries(disk: Path, table: PartitionTable) -> tuple[EntryName, ...]:
    place = table.get(ESP)
    with tempfile.TemporaryDirectory(prefix="cebox-esp-", dir=disk.parent) as name:
        target = Path(name) / "entries"
        FatVolume(disk, place.offset, place.size).copy_out(_ENTRIES, target)
        return tuple(found for path in sorted(target.iterdir()) if (found := find_entry_name(path.name)) is not None)


def _find_release(disk: Path, offset: int, releases: Iterable[Manifest]) -> Version | None:
    """In one pass, whatever their number."""
    digest, done = hashlib.sha256(), 0
    with disk.open("rb") as stream:
        stream.seek(offset)
        for release in sorted(releases, key=lambda one: one.root.size):
            while done < release.root.size and (chunk := stream.read(min(release.root.size - done, 1 << 20))):
                digest.update(chunk)
                done += len(chunk)
            if digest.hexdigest() == release.root.sha256:
                return release.version
    return None


def _describe(path: Path, content: Content) -> Disk:
    size = path.stat().st_size
    table = _find_table(path)
    return Disk(
        name=path.name,
        path=path,
        size_bytes=size,
        sector_bytes=_SECTOR_BYTES,
        model="",
        is_external=False,
        content=content,
        table_id=table.id if table else None,
    )


def _get_table(path: Path) -> PartitionTable:
    table = _find_table(path)
    if table is None:
        raise NotFound("disk_not_installed", f"{path} has no partitions", hint="Install a release on it first.")
    return table


def _find_table(path: Path) -> PartitionTable | None:
    with path.open("rb") as stream:
        descriptor = stream.fileno()
        return find_table(lambda offset, length: os.pread(descriptor, length, offset), path.stat().st_size)
