"""The port `Slots` on two partitions, found by their labels."""

import os
from pathlib import Path

from cebox.agent.machine import SlotContent, SlotName
from cebox.agent.systemd_boot.boot_image import read_content
from cebox.agent.systemd_boot.boot_partition import BootPartition, Entry
from cebox.agent.systemd_boot.places import Places
from cebox.agent.systemd_boot.running import Running
from cebox.errors import CeboxError


class SystemdBootSlots:
    def __init__(self, places: Places, partition: BootPartition, running: Running) -> None:
        self._places = places
        self._partition = partition
        self._running = running

    def get_running(self) -> SlotName:
        return self._running.slot

    def get_path(self, slot: SlotName) -> Path:
        return self._places.slot(slot)

    def get_size_bytes(self, slot: SlotName) -> int:
        """0 for a partition that is not there: nothing fits into it."""
        try:
            descriptor = os.open(self.get_path(slot), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            return os.lseek(descriptor, 0, os.SEEK_END)
        finally:
            os.close(descriptor)

    def find_content(self, slot: SlotName) -> SlotContent | None:
        entry = find_entry(self._partition, self._running, slot)
        if entry is None:
            return None
        try:
            content = read_content(entry.path)
        except (OSError, CeboxError):
            return None
        return content if content.version == str(entry.name.version) else None


def find_entry(partition: BootPartition, running: Running, slot: SlotName) -> Entry | None:
    """The boot entry of `slot`: the running version's for the running slot, any other for the other."""
    is_running = slot is running.slot
    ours = [entry for entry in partition.list_entries() if (entry.name.version == running.version) is is_running]
    # Two only after a fault; what the boot loader would take counts.
    return min(ours, key=lambda entry: (entry.name.tries_left == 0, not entry.name.is_blessed), default=None)
