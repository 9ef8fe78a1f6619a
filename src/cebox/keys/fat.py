"""FAT filesystems within a larger file or disk, by the Debian packages dosfstools and mtools: nothing is mounted."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cebox.kit.tools import run_tool

TOOLS = ("mkfs.vfat", "mcopy")
LEAST_BYTES = 64 << 20
_KIB = 1024
# FAT32 by definition, with room to spare; fewer are read as FAT16 by some, whatever else the filesystem says.
_LEAST_CLUSTERS = 66_000
_LARGEST_CLUSTER_BYTES = 4096
# mtools warns of geometries that mean nothing any more.
_ENVIRONMENT = MappingProxyType({"MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null"})


@dataclass(frozen=True, slots=True)
class FatVolume:
    """`size` bytes from `offset` of the file or disk `path`. Every method raises Unavailable (`tools_missing`) and
    InvalidInput (`tool_failed`).
    """

    path: Path
    offset: int
    size: int
    sector_bytes: int = 512

    def format(self, label: str) -> None:
        """Empty from now on."""
        kind = ("-F", "32", "-n", label, "-S", str(self.sector_bytes), "-s", str(self._choose_cluster_sectors()))
        place = ("--offset", str(self.offset // self.sector_bytes))
        # -I: a whole disk is what is meant.
        run_tool("mkfs.vfat", "-I", "--mbr=n", *kind, *place, self.path, str(self.size // _KIB))

    def copy_in(self, folder: Path) -> None:
        """Everything in `folder` into the volume's own."""
        self._run("-s", *sorted(folder.iterdir()), "::/")

    def copy_out(self, path: str, target: Path) -> None:
        """A file, or a folder with everything in it, to `target`, which is not there yet."""
        self._run("-s", f"::/{path}", target)

    def _run(self, *words: str | Path) -> None:
        # -Q: the first failure ends it; -o: nobody is there to be asked.
        run_tool("mcopy", "-Q", "-o", "-i", f"{self.path}@@{self.offset}", *words, environment=_ENVIRONMENT)

    def _choose_cluster_sectors(self) -> int:
        cluster_bytes = _LARGEST_CLUSTER_BYTES
        while cluster_bytes > self.sector_bytes and self.size // cluster_bytes < _LEAST_CLUSTERS:
            cluster_bytes //= 2
        return max(1, cluster_bytes // self.sector_bytes)
