"""The firmware's memory: several boot options lead to our boot loader, one after the other.

A boot image that the firmware refuses to load brings the boot loader back to the firmware, with a try less. The next
option is then the next try, and the one after the last try starts the release that is blessed, without anybody's hand.
That memory wears and is no part of what is proved: it is written only where it is not right, and never stops an update.
"""

import os
from pathlib import Path

import structlog

from cebox.agent.machine import TRIES
from cebox.agent.systemd_boot.boot_option import encode_option, plan_options
from cebox.agent.systemd_boot.places import ESP_LABEL, Places
from cebox.keys.partition_table import PartitionTable, find_table

LOADER = "EFI/systemd/systemd-bootx64.efi"
_TITLE = "ceBox OS"
_TIMES = TRIES + 1
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_NUMBERED = f"Boot[0-9A-F][0-9A-F][0-9A-F][0-9A-F]-{_GLOBAL}"
# Kept without power; seen before the system starts, and by it.
_ATTRIBUTES = b"\x07\0\0\0"
_log = structlog.get_logger()


class Firmware:
    def __init__(self, places: Places) -> None:
        self._places = places

    def insist(self) -> None:
        """Let it start the boot loader once for every try, and once more. Never raises: a refusal is logged."""
        try:
            is_changed = insist_on_loader(self._places.firmware_memory, self._read_table())
        except (OSError, KeyError) as error:
            _log.warning("firmware_not_told", reason=str(error))
            return
        if is_changed:
            _log.info("firmware_told", starts=_TIMES)

    def _read_table(self) -> PartitionTable:
        """Of the disk that the boot partition is on."""
        partition = self._places.block_device(self._places.boot_partition.resolve().name).resolve()
        disk = partition.parent
        sector_bytes = int((disk / "queue/logical_block_size").read_text(encoding="ascii"))
        return read_table(self._places.device(disk.name), sector_bytes)


def insist_on_loader(memory: Path, table: PartitionTable) -> bool:
    """`memory` is the kernel's efivarfs. Whether anything had to be written. Raises OSError, KeyError."""
    titles = [_TITLE, *(f"{_TITLE} ({number})" for number in range(2, _TIMES + 1))]
    wanted = [encode_option(title, table, ESP_LABEL, LOADER) for title in titles]
    plan = plan_options(read_order(memory), read_options(memory), wanted)
    for number, option in plan.options.items():
        _write(memory / f"Boot{number:04X}-{_GLOBAL}", option)
    # Last: it names nothing that is not there.
    if plan.order is not None:
        _write(_order_file(memory), b"".join(number.to_bytes(2, "little") for number in plan.order))
    return not plan.is_empty


def read_order(memory: Path) -> tuple[int, ...]:
    """The options' numbers as the firmware takes them. Raises OSError."""
    try:
        content = _read(_order_file(memory))
    except FileNotFoundError:
        return ()
    return tuple(int.from_bytes(content[at : at + 2], "little") for at in range(0, len(content) - 1, 2))


def read_options(memory: Path) -> dict[int, bytes]:
    """By their numbers; empty where one cannot be read. Raises OSError."""
    return {int(path.name[4:8], 16): _read_or_nothing(path) for path in sorted(memory.glob(_NUMBERED))}


def read_table(disk: Path, sector_bytes: int) -> PartitionTable:
    """Raises OSError."""
    with disk.open("rb", buffering=0) as stream:
        size_bytes = stream.seek(0, os.SEEK_END)

        def read(offset: int, length: int) -> bytes:
            stream.seek(offset)
            return stream.read(length) or b""

        table = find_table(read, size_bytes, sector_bytes)
    if table is None:
        raise FileNotFoundError(f"{disk} has no partition table")
    return table


def _order_file(memory: Path) -> Path:
    return memory / f"BootOrder-{_GLOBAL}"


def _read(path: Path) -> bytes:
    return path.read_bytes()[len(_ATTRIBUTES) :]


def _read_or_nothing(path: Path) -> bytes:
    try:
        return _read(path)
    except OSError:
        return b""


def _write(path: Path, content: bytes) -> None:
    """In one call, as the kernel demands it."""
    with path.open("wb", buffering=0) as stream:
        stream.write(_ATTRIBUTES + content)
