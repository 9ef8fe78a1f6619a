"""How an installed machine's disk is divided, once and for ever. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from cebox.domain.device import DeviceKind
from cebox.errors import Exhausted
from cebox.keys.partition_table import ALIGNMENT_BYTES, ESP_TYPE, PartitionTable, align, lay_out

ESP = "cebox-esp"
ROOT_A = "cebox-root-a"
ROOT_B = "cebox-root-b"
DATA = "cebox-data"
UNFINISHED = UUID("6365626f-7800-4000-8000-756e66696e69")
"""The id of the table of a disk that is being installed; the last write of an installation gives it its own."""

_MIB = 1 << 20
_GIB = 1 << 30
# Two boot images lie there at once, and a third while it is written.
_BOOT_IMAGES = 4
_SMALLEST_ESP, _USUAL_ESP = 128 * _MIB, 512 * _MIB
_SMALL_DISK = 16 * _GIB
_SMALL_SECTOR_BYTES = 512
# Releases grow; a slot cannot.
_LARGEST_SLOT_SHARE = 8
_USUAL_SLOT = 8 * _GIB
_SMALLEST_DATA = 512 * _MIB
# The two tables, the disk's odd end, and three sizes that are no whole MiB.
_ROUNDING_BYTES = 6 * _MIB
# A mirror holds the full image and patches of the release it serves, and of the one it prepares.
_MIRRORED_IMAGES: Mapping[DeviceKind, int] = MappingProxyType({DeviceKind.CEBOX: 0, DeviceKind.WRS: 4})


def plan_layout(
    *, disk_bytes: int, sector_bytes: int, root_bytes: int, boot_bytes: int, kind: DeviceKind
) -> PartitionTable:
    """Marked as unfinished. Data takes what the system leaves. Raises Exhausted (`disk_too_small`)."""
    esp_bytes = _plan_esp(disk_bytes, sector_bytes, boot_bytes)
    slot_bytes = align(max(root_bytes * 3 // 2, min(_USUAL_SLOT, disk_bytes // _LARGEST_SLOT_SHARE)))
    usable_bytes = disk_bytes // ALIGNMENT_BYTES * ALIGNMENT_BYTES - 2 * ALIGNMENT_BYTES
    data_bytes = usable_bytes - esp_bytes - 2 * slot_bytes
    if data_bytes < _plan_least_data(root_bytes, boot_bytes, kind):
        needed = count_needed_bytes(root_bytes=root_bytes, boot_bytes=boot_bytes, kind=kind)
        raise Exhausted(
            "disk_too_small",
            f"the disk has {disk_bytes // _MIB} MiB, a {kind} with this release needs {-(-needed // _MIB)} MiB",
            hint="Install on a larger disk.",
        )
    sizes = {ESP: esp_bytes, ROOT_A: slot_bytes, ROOT_B: slot_bytes, DATA: data_bytes}
    return PartitionTable(UNFINISHED, disk_bytes, tuple(lay_out(sizes, {ESP: ESP_TYPE})), sector_bytes)


def count_needed_bytes(*, root_bytes: int, boot_bytes: int, kind: DeviceKind) -> int:
    """Of the smallest disk that will do, on the safe side by a few MiB."""
    needed_bytes = 0
    for disk_bytes in (0, _SMALL_DISK):
        fixed_bytes = _plan_esp(disk_bytes, _SMALL_SECTOR_BYTES, boot_bytes) + _ROUNDING_BYTES
        fixed_bytes += _plan_least_data(root_bytes, boot_bytes, kind)
        # A slot has its share of the disk, unless the release needs more.
        by_share = fixed_bytes * _LARGEST_SLOT_SHARE // (_LARGEST_SLOT_SHARE - 2)
        needed_bytes = max(by_share, fixed_bytes + 2 * align(root_bytes * 3 // 2))
        if needed_bytes < _SMALL_DISK:
            break
    return needed_bytes


def _plan_esp(disk_bytes: int, sector_bytes: int, boot_bytes: int) -> int:
    is_small = disk_bytes < _SMALL_DISK and sector_bytes == _SMALL_SECTOR_BYTES
    return max(_SMALLEST_ESP if is_small else _USUAL_ESP, align(_BOOT_IMAGES * boot_bytes))


def _plan_least_data(root_bytes: int, boot_bytes: int, kind: DeviceKind) -> int:
    return _SMALLEST_DATA + _BOOT_IMAGES * boot_bytes + _MIRRORED_IMAGES[kind] * root_bytes
