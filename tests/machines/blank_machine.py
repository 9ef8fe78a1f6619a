"""A machine with disks and no system, as the installer sees it: files below a folder that stand for its devices."""

import shutil
from pathlib import Path

from cebox.installer.places import Places
from cebox.keys.partition_table import find_table

GIB = 1 << 30
BOOT_LOADER = b"MZ this is the boot loader"


class BlankMachine:
    def __init__(self, folder: Path) -> None:
        self.places = Places(folder)
        for path in (self.places.block_devices, self.places.network_cards, folder / "dev", folder / "run/cebox"):
            path.mkdir(parents=True)
        self.places.boot_loader.parent.mkdir(parents=True)
        self.places.boot_loader.write_bytes(BOOT_LOADER)
        self.add_network_card("eth0", "52:54:00:12:ab:34")

    def add_disk(
        self,
        name: str,
        size_bytes: int = 2 * GIB,
        *,
        is_removable: bool = False,
        model: str = "",
        sector_bytes: int = 512,
    ) -> Path:
        """Empty. Its file is sparse."""
        path = self.places.device(name)
        with path.open("wb") as stream:
            stream.truncate(size_bytes)
        self._describe(name, size_bytes, is_removable=is_removable, model=model, sector_bytes=sector_bytes)
        return path

    def start_from(self, image: Path, name: str = "sdz") -> Path:
        """Plug a stick in; the initrd found itself to be started from it."""
        path = self.places.device(name)
        shutil.copyfile(image, path)
        content = path.read_bytes()
        self._describe(name, len(content), is_removable=True, model="Stick", sector_bytes=512)
        table = find_table(lambda offset, length: content[offset : offset + length], len(content))
        assert table is not None
        self.places.key_sign.write_text(f"{table.id}\n")
        return path

    def pull_out(self, name: str) -> None:
        shutil.rmtree(self.places.block_devices / name)
        self.places.device(name).unlink()

    def add_network_card(self, name: str, address: str) -> None:
        card = self.places.network_cards / name
        (card / "device").mkdir(parents=True)
        (card / "address").write_text(f"{address}\n")

    def _describe(self, name: str, size_bytes: int, *, is_removable: bool, model: str, sector_bytes: int) -> None:
        folder = self.places.block_devices / name
        (folder / "device").mkdir(parents=True)
        (folder / "queue").mkdir()
        (folder / "size").write_text(f"{size_bytes // 512}\n")
        (folder / "ro").write_text("0\n")
        (folder / "removable").write_text(f"{int(is_removable)}\n")
        (folder / "queue/logical_block_size").write_text(f"{sector_bytes}\n")
        (folder / "device/model").write_text(f"{model}\n")
