"""The installation. A power cut anywhere leaves a disk that is taken for empty: the table's own id comes last."""

import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cebox.errors import Conflict, Unavailable
from cebox.installer.boot_files import get_entry_path, write_boot_files
from cebox.installer.copying import copy_image, disk_damaged, forget_pages, verify_copy
from cebox.installer.disks import Disk
from cebox.installer.first_data import write_first_data
from cebox.installer.layout import DATA, ESP, ROOT_A, plan_layout
from cebox.installer.opened_key import OpenedKey
from cebox.installer.words import Step
from cebox.keys.fat import FatVolume
from cebox.keys.partition_table import PartitionTable, encode_head, encode_tail, tail_offset
from cebox.kit.tools import run_tool
from cebox.release.trust.images import hash_image

_ESP_NAME = "CEBOX-ESP"
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on: `begin` is told each step, `progress` the bytes done and to be done of a long one."""

    begin: Callable[[Step], None] = lambda _step: None
    progress: Callable[[int, int], None] = lambda _done, _total: None


def install(key: OpenedKey, disk: Disk, *, boot_loader: Path, machine_name: str, room: Path, watch: Watch) -> None:
    """Everything on `disk` is lost. `room` is an empty folder.

    Raises Conflict (`disk_in_use`), Exhausted (`disk_too_small`), Untrusted (`key_damaged`, `disk_damaged`),
    Unavailable (`disk_unusable`) and what tools raise. The same call may be made again.
    """
    boot = key.manifest.boot
    assert boot is not None
    table = plan_layout(
        disk_bytes=disk.size_bytes,
        sector_bytes=disk.sector_bytes,
        root_bytes=key.manifest.root.size,
        boot_bytes=boot.size,
        kind=key.settings.kind,
    )
    _verify_unused(disk)
    try:
        watch.begin(Step.DIVIDE)
        _write_table(disk.path, table)
        _copy_root(key, disk, table, watch)
        watch.begin(Step.DATA)
        write_first_data(room / "data", key.settings, key.anchor, machine_name=machine_name)
        _make_data(disk.path, table, room / "data")
        watch.begin(Step.BOOT)
        _make_esp(key, disk.path, table, boot_loader, room)
        watch.begin(Step.FINISH)
        _finish(disk.path, table)
    except OSError as error:
        raise Unavailable(
            "disk_unusable",
            f"the disk {disk.name} or the key cannot be used: {error.strerror or error}",
            hint="Try again; if it happens twice, replace the disk or the stick.",
        ) from error


def _verify_unused(disk: Disk) -> None:
    """Raises Conflict (`disk_in_use`)."""
    try:
        # Of a block device of which a part is mounted the kernel says that it is busy.
        os.close(os.open(disk.path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        raise Conflict(
            "disk_in_use",
            f"the disk {disk.name} cannot be written: {error.strerror or error}",
            hint="Restart this machine from the key and try again.",
        ) from error


def _write_table(path: Path, table: PartitionTable) -> None:
    """The second copy first: while they differ, the first one counts."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for content, offset in ((encode_tail(table), tail_offset(table)), (encode_head(table), 0)):
            os.pwrite(descriptor, content, offset)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_root(key: OpenedKey, disk: Disk, table: PartitionTable, watch: Watch) -> None:
    image, slot = key.manifest.root, table.get(ROOT_A)
    watch.begin(Step.COPY)
    copy_image(image, key.disk.path, key.root.offset, disk.path, slot.offset, watch.progress)
    watch.begin(Step.VERIFY)
    verify_copy(image, disk.path, slot.offset, watch.progress)


def _make_data(path: Path, table: PartitionTable, folder: Path) -> None:
    place = table.get(DATA)
    # Nothing is discarded: on a whole disk that would be more than this partition.
    options = f"offset={place.offset},root_owner=0:0,nodiscard,lazy_itable_init=1,lazy_journal_init=1"
    kind = ("-q", "-F", "-t", "ext4", "-L", DATA, "-m", "1")
    run_tool("mke2fs", *kind, "-E", options, "-d", folder, path, f"{place.size // _KIB}k")


def _make_esp(key: OpenedKey, path: Path, table: PartitionTable, boot_loader: Path, room: Path) -> None:
    place = table.get(ESP)
    volume = FatVolume(path, place.offset, place.size, table.sector_bytes)
    volume.format(_ESP_NAME)
    folder = write_boot_files(room / "boot", boot_loader, key.boot, key.manifest.version)
    volume.copy_in(folder)
    shutil.rmtree(folder)
    forget_pages(path)
    image, found = key.manifest.boot, room / "found.efi"
    volume.copy_out(get_entry_path(key.manifest.version), found)
    if image is None or hash_image(found, image.size + 1) != image.sha256:
        raise disk_damaged()


def _finish(path: Path, table: PartitionTable) -> None:
    _write_table(path, replace(table, id=uuid.uuid4()))
