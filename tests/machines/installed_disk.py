"""An installed disk read with the system's own programs, none of which the installer wrote with."""

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cebox.installer.layout import DATA, ESP
from cebox.keys.fat import FatVolume
from cebox.keys.partition_table import Partition, PartitionTable, find_table


@dataclass(frozen=True)
class InstalledDisk:
    path: Path
    sector_bytes: int = 512

    @property
    def table(self) -> PartitionTable:
        with self.path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            descriptor = stream.fileno()
            table = find_table(lambda offset, length: os.pread(descriptor, length, offset), size, self.sector_bytes)
        assert table is not None
        return table

    def hash_partition(self, label: str, size: int) -> str:
        with self.path.open("rb") as stream:
            stream.seek(self.table.get(label).offset)
            return hashlib.sha256(stream.read(size)).hexdigest()

    def copy_boot_files(self, target: Path) -> Path:
        target.mkdir(parents=True)
        place = self.table.get(ESP)
        for name in ("EFI", "loader"):
            FatVolume(self.path, place.offset, place.size).copy_out(name, target / name)
        return target

    def check_boot_files(self, room: Path) -> subprocess.CompletedProcess[str]:
        volume = self._cut_out(self.table.get(ESP), room / "esp.img")
        return subprocess.run(["/usr/sbin/fsck.vfat", "-n", volume], capture_output=True, text=True)

    def check_data(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["/usr/sbin/e2fsck", "-f", "-n", self._data], capture_output=True, text=True)

    def read_data(self, path: str) -> str:
        return self._debug(f"cat {path}")

    def list_modes(self, path: str) -> dict[str, tuple[str, int]]:
        """Rights and owner of what is in a folder of the data."""
        lines = re.findall(r"^\s*\d+\s+(\d+)\s+\(\d+\)\s+(\d+)\s.*\s(\S+)\s*$", self._debug(f"ls -l {path}"), re.M)
        return {name: (mode, int(owner)) for mode, owner, name in lines}

    @property
    def _data(self) -> str:
        return f"{self.path}?offset={self.table.get(DATA).offset}"

    def _debug(self, request: str) -> str:
        done = subprocess.run(["/usr/sbin/debugfs", "-R", request, self._data], capture_output=True, text=True)
        return done.stdout

    def _cut_out(self, place: Partition, target: Path) -> Path:
        with self.path.open("rb") as source, target.open("wb") as stream:
            source.seek(place.offset)
            left = place.size
            while left:
                chunk = source.read(min(1 << 20, left))
                if chunk.count(0) < len(chunk):
                    stream.write(chunk)
                else:
                    stream.seek(len(chunk), os.SEEK_CUR)
                left -= len(chunk)
            stream.truncate(place.size)
        return target
