"""Where things are on a machine started from a key, below a root folder that is `/` but for tests."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    root: Path = Path("/")

    @property
    def block_devices(self) -> Path:
        return self.root / "sys/block"

    @property
    def network_cards(self) -> Path:
        return self.root / "sys/class/net"

    @property
    def key_sign(self) -> Path:
        """Left by the initrd: the id of the partition table of the stick that it was started from."""
        return self.root / "run/cebox/key"

    @property
    def firmware_memory(self) -> Path:
        return self.root / "sys/firmware/efi/efivars"

    @property
    def workshop(self) -> Path:
        """In memory."""
        return self.root / "run/cebox/install"

    @property
    def boot_loader(self) -> Path:
        return self.root / "usr/lib/systemd/boot/efi/systemd-bootx64.efi"

    def device(self, name: str) -> Path:
        return self.root / "dev" / name
