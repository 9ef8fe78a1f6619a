"""The real firmware and boot loader in an emulator, on a boot partition that is given as a folder.

Boot images built with `say_and_restart` or `say_and_end` put their letter on the debug port, so one run of the emulator
tells which ones were started, in what order. Needs qemu-system-x86, ovmf, systemd-boot-efi, mtools and dosfstools.
"""

import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from cebox.agent.systemd_boot.places import ESP_LABEL
from cebox.keys.fat import FatVolume
from cebox.keys.partition_table import (
    ALIGNMENT_BYTES,
    ESP_TYPE,
    PartitionTable,
    encode_head,
    encode_tail,
    lay_out,
    tail_offset,
)

FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
FIRMWARE_STATE = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
LOADER = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
PROGRAMS = ("qemu-system-x86_64", "mkfs.vfat", "mcopy", "mmd")
_PLACES = ("EFI/BOOT/BOOTX64.EFI", "EFI/systemd/systemd-bootx64.efi")
_PARTITION_BYTES = 64 << 20
_END_PORT, _DEBUG_PORT = 0xF4, 0xE9


def list_missing() -> list[str]:
    files = [str(path) for path in (FIRMWARE, FIRMWARE_STATE, LOADER) if not path.exists()]
    return files + [name for name in PROGRAMS if shutil.which(name) is None]


def say_and_restart(letter: str) -> bytes:
    """mov al, letter; out 0xe9, al; mov dx, 0xcf9; mov al, 6; out dx, al; jmp $"""
    return bytes((0xB0, ord(letter), 0xE6, _DEBUG_PORT, 0x66, 0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE, 0xEB, 0xFE))


def say_and_end(letter: str) -> bytes:
    """mov al, letter; out 0xe9, al; out 0xf4, al; jmp $"""
    return bytes((0xB0, ord(letter), 0xE6, _DEBUG_PORT, 0xE6, _END_PORT, 0xEB, 0xFE))


class Loader:
    """A disk in `folder` that has nothing but the boot partition `efi`, as a folder before and after."""

    def __init__(self, folder: Path, efi: Path) -> None:
        self._disk = folder / "disk.img"
        self.flash = folder / "vars.fd"
        self._said = folder / "said"
        shutil.copyfile(FIRMWARE_STATE, self.flash)
        sizes, kinds = {ESP_LABEL: _PARTITION_BYTES}, {ESP_LABEL: ESP_TYPE}
        disk_bytes = _PARTITION_BYTES + 3 * ALIGNMENT_BYTES
        self.table = PartitionTable(uuid.uuid4(), disk_bytes, tuple(lay_out(sizes, kinds)))
        with self._disk.open("wb") as stream:
            stream.truncate(disk_bytes)
            stream.write(encode_head(self.table))
            stream.seek(tail_offset(self.table))
            stream.write(encode_tail(self.table))
        place = self.table.get(ESP_LABEL)
        for path in _PLACES:
            (efi / path).parent.mkdir(parents=True)
            shutil.copyfile(LOADER, efi / path)
        self._volume = FatVolume(self._disk, place.offset, place.size)
        self._volume.format("ESP")
        self._volume.copy_in(efi)

    def run(self, *, seconds: float = 100.0) -> str:
        """Until a boot image ends the emulator; the letters said, in order."""
        command = (
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "Nehalem", "-m", "128"),
            *("-nodefaults", "-display", "none", "-net", "none"),
            *("-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}"),
            *("-drive", f"if=pflash,format=raw,file={self.flash}"),
            *("-drive", f"if=none,id=disk,format=raw,file={self._disk}", "-device", "virtio-blk-pci,drive=disk"),
            *("-device", f"isa-debugcon,iobase={_DEBUG_PORT:#x},chardev=said"),
            *("-chardev", f"file,id=said,path={self._said}"),
            *("-device", f"isa-debug-exit,iobase={_END_PORT:#x},iosize=0x01"),
        )
        subprocess.run(command, timeout=seconds, check=False, capture_output=True)
        return self._said.read_text()

    def list_files(self) -> list[str]:
        with tempfile.TemporaryDirectory(dir=self._disk.parent) as name:
            self._volume.copy_out("EFI/Linux", Path(name) / "found")
            return sorted(path.name for path in (Path(name) / "found").iterdir())
