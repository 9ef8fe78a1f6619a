"""The real firmware and boot loader in an emulator, on a boot partition that is given as a folder.

Boot images built with `say_and_restart` or `say_and_end` put their letter on the debug port, so one run of the emulator
tells which ones were started, in what order. Needs qemu-system-x86, ovmf, systemd-boot-efi, mtools and dosfstools.
"""

import shutil
import subprocess
from pathlib import Path

FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
FIRMWARE_STATE = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
LOADER = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
PROGRAMS = ("qemu-system-x86_64", "mkfs.vfat", "mcopy", "mmd")
_PARTITION_BYTES = 40 << 20
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
    """A disk in `folder` that is nothing but the boot partition `efi`, as a folder before and after."""

    def __init__(self, folder: Path, efi: Path) -> None:
        self._disk = folder / "esp.img"
        self._state = folder / "vars.fd"
        self._said = folder / "said"
        shutil.copyfile(FIRMWARE_STATE, self._state)
        with self._disk.open("wb") as stream:
            stream.truncate(_PARTITION_BYTES)
        _run("mkfs.vfat", "-F", "32", str(self._disk))
        (efi / "EFI/BOOT").mkdir(parents=True)
        shutil.copyfile(LOADER, efi / "EFI/BOOT/BOOTX64.EFI")
        _run("mcopy", "-s", "-i", str(self._disk), *(str(path) for path in efi.iterdir()), "::")

    def run(self, *, seconds: float = 100.0) -> str:
        """Until a boot image ends the emulator; the letters said, in order."""
        command = (
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "Nehalem", "-m", "128"),
            *("-nodefaults", "-display", "none", "-net", "none"),
            *("-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}"),
            *("-drive", f"if=pflash,format=raw,file={self._state}"),
            *("-drive", f"if=none,id=disk,format=raw,file={self._disk}", "-device", "virtio-blk-pci,drive=disk"),
            *("-device", f"isa-debugcon,iobase={_DEBUG_PORT:#x},chardev=said"),
            *("-chardev", f"file,id=said,path={self._said}"),
            *("-device", f"isa-debug-exit,iobase={_END_PORT:#x},iosize=0x01"),
        )
        subprocess.run(command, timeout=seconds, check=False, capture_output=True)
        return self._said.read_text()

    def list_files(self) -> list[str]:
        listing = _run("mdir", "-b", "-i", str(self._disk), "::/EFI/Linux")
        return sorted(line.rsplit("/", 1)[-1] for line in listing.splitlines() if line.strip())


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
