"""One computer: UEFI, a disk, a network card, a serial console. Switched on, switched off, unplugged.

A restart of the machine is a new emulator on the same disk and firmware's memory: one that goes on after a restart
writes over the code that it has translated, byte by byte, for minutes.
"""

import shutil
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cebox.errors import Unavailable
from cebox.kit.tools import find_tool
from cebox.lab.service import DIES_WITH_PARENT
from cebox.lab.vm.control import Control
from cebox.lab.vm.serial import SerialConsole
from cebox.lab.vm.watchdog import encode_table

_FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
_FIRMWARE_MEMORY = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
_NICENESS = 1
SCREEN_WIDTH, SCREEN_HEIGHT = 1280, 800
_SCREEN = f"virtio-vga,xres={SCREEN_WIDTH},yres={SCREEN_HEIGHT}"
_SEAT = ("-device", _SCREEN, "-device", "qemu-xhci", "-device", "usb-tablet", "-device", "usb-kbd")


@dataclass(frozen=True, slots=True)
class Hardware:
    """`disk` is a raw image. `netdev` is what its network card is plugged into; by default a router of its own, behind
    which 10.0.2.2 is this machine. `card` is the card's address. `has_watchdog`: the chipset's, which ends a hang.
    `has_screen`: and a keyboard and a pointer (`cebox.lab.vm.seat`).
    """

    disk: Path
    card: str
    netdev: str = "user"
    memory_mib: int = 1024
    processors: int = 1
    has_watchdog: bool = False
    has_screen: bool = False
    extra: Sequence[str] = ()


class Computer:
    """`folder` keeps what outlives a power cut: the firmware's memory, and the log of the console."""

    def __init__(self, folder: Path, hardware: Hardware) -> None:
        self._folder = folder
        self._hardware = hardware
        self._stick: Path | None = None
        self._console: SerialConsole | None = None
        self._life: threading.Thread | None = None
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: Control | None = None
        self._has_power = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut_power()

    @property
    def console(self) -> SerialConsole:
        assert self._console is not None, "the computer was never switched on"
        return self._console

    @property
    def is_on(self) -> bool:
        return self._life is not None and self._life.is_alive()

    def plug_in(self, stick: Path | None) -> None:
        """Starts from it the next time; None: nothing is plugged in."""
        self._stick = stick

    def switch_on(self) -> None:
        """Raises Unavailable (`tools_missing`, `firmware_missing`) and OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        memory = self._folder / "firmware.fd"
        if not _FIRMWARE.is_file():
            raise Unavailable("firmware_missing", f"there is no {_FIRMWARE}", hint="Install the Debian package ovmf.")
        if not memory.exists():
            shutil.copyfile(_FIRMWARE_MEMORY, memory)
        program = ("nice", "-n", str(_NICENESS), find_tool("qemu-system-x86_64"))
        command = [*DIES_WITH_PARENT, *program, *self._list_options(memory)]
        self._console = SerialConsole(self._folder / "console.log")
        self._has_power = True
        # The emulator ends with the thread that has started it.
        self._life = threading.Thread(target=self._live, args=(command, self._console), daemon=True)
        self._life.start()

    def cut_power(self) -> None:
        """As if the plug was pulled."""
        with self._lock:
            self._has_power = False
            if self._process is not None:
                self._process.kill()
        if self._life is not None:
            self._life.join()

    def press_power_button(self) -> None:
        """Returns at once. Raises OSError when it is off."""
        self._get_control().send("system_powerdown")

    def ask(self, command: str, **arguments: object) -> object:
        """Of its emulator, in its own protocol. Raises OSError, when it is off too."""
        return self._get_control().ask(command, **arguments)

    def wait_until_off(self, seconds: float) -> None:
        """Raises TimeoutError."""
        assert self._life is not None, "the computer was never switched on"
        self._life.join(seconds)
        if self._life.is_alive():
            raise TimeoutError(f"still on after {seconds:.0f} s")

    def _get_control(self) -> Control:
        control = self._control
        if control is None:
            raise ConnectionError("the computer is off")
        return control

    def _live(self, command: Sequence[str], console: SerialConsole) -> None:
        try:
            while self._run_once(command, console):
                pass
        finally:
            console.end()

    def _run_once(self, command: Sequence[str], console: SerialConsole) -> bool:
        """From power or reset to the next end; whether the machine starts again."""
        socket_path = self._folder / "control"
        with self._lock:
            if not self._has_power:
                return False
            socket_path.unlink(missing_ok=True)
            self._process = process = subprocess.Popen(  # noqa: S603 - a fixed program
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        was_reset = False
        assert process.stdout is not None
        with process, suppress(OSError), Control(socket_path) as self._control:
            console.follow(process.stdout)
            was_reset = self._control.was_reset
        self._control = None
        return was_reset

    def _list_options(self, memory: Path) -> list[str]:
        hardware = self._hardware
        options = ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-nodefaults"]
        options += ["-smp", str(hardware.processors), "-m", str(hardware.memory_mib), "-no-reboot"]
        options += ["-display", "none", "-serial", "stdio", "-monitor", "none"]
        options += ["-qmp", f"unix:{self._folder / 'control'},server=on,wait=off"]
        options += ["-drive", f"if=pflash,format=raw,readonly=on,file={_FIRMWARE}"]
        options += ["-drive", f"if=pflash,format=raw,file={memory}"]
        options += ["-netdev", f"{hardware.netdev},id=n0"]
        options += ["-device", f"virtio-net-pci,netdev=n0,mac={hardware.card},romfile="]
        seat = _SEAT if hardware.has_screen else ()
        return [*options, *self._list_disks(), *self._list_watchdog(), *seat, *hardware.extra]

    def _list_disks(self) -> list[str]:
        """With a stick it is said what comes first. Without, it is the firmware's own memory that tells: told from
        outside, it forgets what a system has written there.
        """
        options = []
        disks = [self._hardware.disk] if self._stick is None else [self._stick, self._hardware.disk]
        for number, disk in enumerate(disks):
            options += ["-drive", f"if=none,id=d{number},file={disk},format=raw,cache=unsafe"]
            turn = "" if self._stick is None else f",bootindex={number + 1}"
            options += ["-device", f"virtio-blk-pci,drive=d{number}{turn}"]
        return options

    def _list_watchdog(self) -> list[str]:
        if not self._hardware.has_watchdog:
            return []
        table = self._folder / "wdat.bin"
        table.write_bytes(encode_table())
        return ["-global", "ICH9-LPC.noreboot=off", "-acpitable", f"sig=WDAT,rev=1,data={table}"]
