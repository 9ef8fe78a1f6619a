"""Where things are on a real machine, below a root folder that is `/` but for tests."""

from dataclasses import dataclass
from pathlib import Path

from cebox.agent.machine import SlotName

ESP_LABEL = "cebox-esp"


@dataclass(frozen=True, slots=True)
class Places:
    """`state_folder` is the agent's own, on the data partition."""

    state_folder: Path
    root: Path = Path("/")

    @property
    def boot_images(self) -> Path:
        return self.root / "efi/EFI/Linux"

    @property
    def loader_settings(self) -> Path:
        return self.root / "efi/loader/loader.conf"

    @property
    def boot_partition(self) -> Path:
        return self.root / "dev/disk/by-partlabel" / ESP_LABEL

    @property
    def firmware_memory(self) -> Path:
        return self.root / "sys/firmware/efi/efivars"

    @property
    def running_slot(self) -> Path:
        return self.root / "run/cebox/slot"

    @property
    def trial_sign(self) -> Path:
        """Touched while a trial is being judged, so that a watchdog unit knows that somebody does."""
        return self.root / "run/cebox/trial"

    @property
    def announcement(self) -> Path:
        """What is about to happen to the machine (`protocol.desk`); a desktop shows it."""
        return self.root / "run/cebox/announcement"

    @property
    def state_probe(self) -> Path:
        return self.state_folder / "trial.part"

    @property
    def kernel_command_line(self) -> Path:
        return self.root / "proc/cmdline"

    @property
    def boot_id(self) -> Path:
        return self.root / "proc/sys/kernel/random/boot_id"

    @property
    def routes(self) -> tuple[Path, Path]:
        """IPv4's and IPv6's."""
        return self.root / "proc/net/route", self.root / "proc/net/ipv6_route"

    @property
    def screen(self) -> Path:
        return self.root / "dev/console"

    @property
    def consoles(self) -> Path:
        """Where the kernel's console leads; `tty0` is the screen."""
        return self.root / "sys/class/tty/console/active"

    @property
    def interfaces(self) -> Path:
        return self.root / "sys/class/net"

    def interface_state(self, name: str) -> Path:
        return self.interfaces / name / "operstate"

    def block_device(self, name: str) -> Path:
        """What the kernel says of it."""
        return self.root / "sys/class/block" / name

    def device(self, name: str) -> Path:
        return self.root / "dev" / name

    def slot(self, name: SlotName) -> Path:
        return self.root / f"dev/disk/by-partlabel/cebox-root-{name}"
