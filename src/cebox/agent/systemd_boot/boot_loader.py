"""The port `BootLoader` on systemd-boot: entries are files, tries are counted in their names."""

from pathlib import Path

from cebox.agent.machine import TRIES, Boot, BootImage, SlotContent, SlotName
from cebox.agent.systemd_boot.boot_image import is_readable, read_content
from cebox.agent.systemd_boot.boot_partition import BootPartition, Entry, hash_file
from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.agent.systemd_boot.firmware import Firmware
from cebox.agent.systemd_boot.programs import Programs
from cebox.agent.systemd_boot.running import Running
from cebox.agent.systemd_boot.slots import find_entry
from cebox.domain.version import Version
from cebox.errors import Conflict, Untrusted

# Directly, not through its unit: a system that is already going down starts no unit any more.
_BLESS = ("systemd-bless-boot", "good")
_BLESS_SECONDS = 30.0


class SystemdBootLoader:
    def __init__(self, partition: BootPartition, running: Running, programs: Programs, firmware: Firmware) -> None:
        self._partition = partition
        self._running = running
        self._programs = programs
        self._firmware = firmware

    def get_boot(self) -> Boot:
        """A running system without an entry is not blessed: nothing says that it would start again."""
        entry = self._find(self._running.slot)
        is_blessed = entry is not None and entry.name.is_blessed
        return Boot(id=self._running.boot_id, slot=self._running.slot, is_blessed=is_blessed)

    def find_boot_room_bytes(self) -> int | None:
        return self._partition.count_room_bytes(self._find(self._running.slot))

    def find_boot_image(self) -> Path | None:
        entry = self._find(self._running.slot)
        return entry.path if entry else None

    def clear(self, slot: SlotName) -> None:
        if slot is self._running.slot:
            raise Conflict("slot_in_use", f"slot {slot} runs", hint="Only the other slot may be written.")
        kept = self._get_blessed()
        self._partition.set_default(self._running.version)
        self._partition.remove_others(kept.name)

    def stage(
        self, slot: SlotName, content: SlotContent, *, boot_image: BootImage | None = None, tries: int = TRIES
    ) -> None:
        """Raises Untrusted (`boot_image_malformed`, `boot_image_foreign`, `esp_damaged`), Exhausted (`esp_full`) and
        Conflict (`slot_in_use`, `not_blessed`, `esp_unusable`); the running system then starts as before.
        """
        if slot is self._running.slot:
            raise Conflict("slot_in_use", f"slot {slot} runs", hint="Only the other slot may be staged.")
        kept = self._get_blessed()
        source = _verify_starts(boot_image, content)
        name = EntryName(Version.parse(content.version), tries)
        self._firmware.insist()
        if not self._is_there(name, source):
            self._partition.remove_others(kept.name)
            # Before the entry exists the pattern matches nothing, and the running system starts.
            self._partition.set_default(name.version)
            self._partition.write_entry(source.path, source.sha256, name)
        self._partition.set_default(name.version)

    def bless(self) -> None:
        """Raises Conflict (`blessing_refused`)."""
        if self.get_boot().is_blessed:
            return
        said = self._programs.run(*_BLESS, timeout_seconds=_BLESS_SECONDS)
        if not self.get_boot().is_blessed:
            raise Conflict(
                "blessing_refused",
                f"the running system could not be kept for good: {said.text or 'its boot entry still counts tries'}",
                hint="Run `systemd-bless-boot status` on the machine; see that /efi is mounted and writable.",
            )

    def find_tries(self, slot: SlotName) -> int | None:
        """What the boot loader cannot read it does not show, and never tries."""
        entry = self._find(slot)
        if entry is None or entry.name.is_blessed:
            return None
        return entry.name.tries_left if is_readable(entry.path) else 0

    def _find(self, slot: SlotName) -> Entry | None:
        return find_entry(self._partition, self._running, slot)

    def _get_blessed(self) -> Entry:
        """The running entry, which the machine falls back to. Raises Conflict (`not_blessed`)."""
        entry = self._find(self._running.slot)
        if entry is None or not entry.name.is_blessed:
            raise Conflict(
                "not_blessed",
                f"{self._running.version} runs on trial or without a boot entry: the other slot is the only way back",
                hint="Restart the machine: it proves itself then, or falls back.",
            )
        return entry

    def _is_there(self, name: EntryName, source: BootImage) -> bool:
        others = [entry for entry in self._partition.list_entries() if entry.name.version != self._running.version]
        return [entry.name for entry in others] == [name] and hash_file(others[0].path) == source.sha256


def _verify_starts(boot_image: BootImage | None, content: SlotContent) -> BootImage:
    if boot_image is None or read_content(boot_image.path) != content:
        raise Untrusted(
            "boot_image_foreign",
            f"the boot image of {content.version} does not start its root image",
            hint="The vendor must build the release again under a new version.",
        )
    return boot_image
