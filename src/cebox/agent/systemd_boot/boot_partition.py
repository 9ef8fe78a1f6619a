"""The boot partition (ESP): which boot images lie on it, and the few writes it sees, each durable and in a safe order.

FAT has no journal. Only a rename within one folder, of a file whose bytes have been read back, makes an entry; until
then its name is one the boot loader does not look at. The settings are one sector of the disk, which is written in its
place: whole, or not at all.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cebox.agent.systemd_boot.entry_name import EntryName, find_entry_name, format_pattern
from cebox.agent.systemd_boot.places import Places
from cebox.domain.version import Version
from cebox.errors import Conflict, Exhausted, Untrusted
from cebox.kit.files import replace_file, sync_directory

_CHUNK_BYTES = 1 << 20
# What the folders and the settings may grow by.
_RESERVE_BYTES = 256 << 10
_PART_SUFFIX = ".part"
# What a check of the filesystem makes of bytes that belong to no file, because power went while they were written.
_RECOVERED = "[Ff][Ss][Cc][Kk][0-9]*.[Rr][Ee][Cc]"
_SECTOR_BYTES = 512
_FIRST_SETTINGS = ("timeout 0", "editor no", "auto-entries no", "auto-firmware no")


@dataclass(frozen=True, slots=True)
class Entry:
    """A boot image that the boot loader sees."""

    name: EntryName
    path: Path


class BootPartition:
    """Reading never raises: a partition that is not there holds nothing. Writing raises Conflict (`esp_unusable`)."""

    def __init__(self, places: Places) -> None:
        self._folder = places.boot_images
        self._settings = places.loader_settings

    def list_entries(self) -> tuple[Entry, ...]:
        """By name; files that are not ours are left out."""
        try:
            paths = sorted(self._folder.iterdir())
        except OSError:
            return ()
        return tuple(Entry(name, path) for path in paths if (name := find_entry_name(path.name)) is not None)

    def count_room_bytes(self, kept: Entry | None) -> int:
        """What a new boot image may take once all of ours but `kept` are removed. 0 when nobody can tell."""
        try:
            state = os.statvfs(self._folder)
            ours = [entry.path for entry in self.list_entries() if entry != kept] + self._list_parts()
            removable = sum(path.stat().st_size // state.f_frsize * state.f_frsize for path in ours)
        except OSError:
            return 0
        return max(0, state.f_bavail * state.f_frsize + removable - _RESERVE_BYTES)

    def remove_others(self, kept: EntryName) -> None:
        """Remove all of our boot images but one, and what a cut has left half written."""
        with _write_errors():
            doomed = [entry.path for entry in self.list_entries() if entry.name != kept] + self._list_parts()
            for path in doomed:
                path.unlink(missing_ok=True)
            sync_directory(self._folder)

    def set_default(self, version: Version) -> None:
        """Let the boot loader prefer `version` from now on."""
        wanted = f"default {format_pattern(version)}"
        with _write_errors():
            lines = self._read_settings()
            others = [line for line in lines if line.split()[:1] != ["default"]]
            if lines != [*others, wanted]:
                text = "\n".join([*others, wanted, ""])
                self._write_settings(text.encode().ljust(_SECTOR_BYTES, b"\n"))

    def write_entry(self, source: Path, sha256: str, name: EntryName) -> None:
        """Copy `source` onto the partition, read it back from there, and only then give it its name.

        Raises Exhausted (`esp_full`), Untrusted (`esp_damaged`); the partition then has no new entry.
        """
        part = self._folder / f"cebox{_PART_SUFFIX}"
        with _write_errors():
            try:
                _copy(source, part)
                if _hash_from_disk(part) != sha256:
                    raise Untrusted(
                        "esp_damaged",
                        "what stands on the boot partition after writing is not the release's boot image",
                        hint="Check this machine's disk; the running system is untouched.",
                    )
                part.replace(self._folder / str(name))
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            _settle(self._folder / str(name))

    def _read_settings(self) -> list[str]:
        """Without the empty lines. The first ones, where there are none or a fault has emptied them."""
        try:
            lines = self._settings.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return [line for line in lines if line.strip()] or list(_FIRST_SETTINGS)

    def _write_settings(self, content: bytes) -> None:
        """What is as long as before is written over it: its folder need not change then."""
        if self._settings.is_file() and self._settings.stat().st_size == len(content):
            with self._settings.open("r+b", buffering=0) as stream:
                stream.write(content)
                os.fsync(stream.fileno())
            return
        replace_file(self._settings, content)
        _settle(self._settings)

    def _list_parts(self) -> list[Path]:
        root = self._settings.parents[1]
        places = ((self._folder, f"*{_PART_SUFFIX}"), (self._settings.parent, f"*{_PART_SUFFIX}"), (root, _RECOVERED))
        return [path for folder, pattern in places for path in sorted(folder.glob(pattern))]


def hash_file(path: Path) -> str:
    """SHA-256 in hex. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> str:
    """The hash of what was written, which is on the disk when this returns."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _settle(path: Path) -> None:
    """Once renamed: FAT keeps size and place of a file in its folder, and writes them there with the file, not with the
    folder. Without this, power that goes in the next half minute leaves an empty file.
    """
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    sync_directory(path.parent)


def _hash_from_disk(path: Path) -> str:
    with path.open("rb") as stream:
        # What is clean in memory is dropped, so that the disk itself answers.
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _write_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Exhausted(
                "esp_full",
                "the boot partition has no room for the release's boot image",
                hint="Remove foreign files from the boot partition, or install the machine again with a larger one.",
            ) from error
        raise Conflict(
            "esp_unusable",
            f"the boot partition cannot be written: {error.strerror or error}",
            hint="See that it is mounted at /efi and sound; the running system is untouched.",
        ) from error
