"""One stick: its layout, its small partition made beforehand, and all of it as a stream, never whole in memory."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cebox.keys import contents
from cebox.keys.contents import InstallSettings, encode_settings
from cebox.keys.fat import LEAST_BYTES, TOOLS, FatVolume
from cebox.keys.partition_table import (
    ALIGNMENT_BYTES,
    ESP_TYPE,
    PartitionTable,
    encode_head,
    encode_tail,
    lay_out,
)
from cebox.keys.release_source import SignedRelease
from cebox.kit.tools import verify_tools

_CHUNK_BYTES = 1 << 20
_VOLUME_NAME = "CEBOX-KEY"
# Of FAT's own tables and of clusters not filled, as a share of the content; and a little for small files.
_FAT_SHARE = 16
_FAT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Stick:
    """`esp` and `root` are files of at most their partitions' sizes."""

    table: PartitionTable
    esp: Path
    root: Path

    @property
    def size_bytes(self) -> int:
        return self.table.disk_bytes

    def read_chunks(self) -> Iterator[bytes]:
        """The image from its first byte to its last, in pieces of at most a MiB. Raises OSError."""
        yield encode_head(self.table)
        for label, path in ((contents.ESP_LABEL, self.esp), (contents.ROOT_LABEL, self.root)):
            yield from _read_padded(path, self.table.get(label).size)
        yield encode_tail(self.table)


@contextmanager
def open_stick(
    release: SignedRelease, boot: Path, root: Path, settings: InstallSettings, workshop: Path
) -> Iterator[Stick]:
    """`boot` and `root` hold the release's images. What is needed besides lies in `workshop` meanwhile.

    Raises Unavailable (`tools_missing`), InvalidInput (`tool_failed`) and OSError.
    """
    verify_tools(TOOLS)
    with tempfile.TemporaryDirectory(prefix=".cebox-key-", dir=workshop) as name:
        room = Path(name)
        table = plan_table(boot_bytes=boot.stat().st_size, root_bytes=root.stat().st_size)
        files = _list_files(release, settings, table)
        folder = room / "files"
        for path, content in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        program = folder / contents.BOOT_PROGRAM
        program.parent.mkdir(parents=True)
        shutil.copyfile(boot, program)
        yield Stick(table, _make_esp(room / "esp.img", table.get(contents.ESP_LABEL).size, folder), root)


def plan_table(*, boot_bytes: int, root_bytes: int) -> PartitionTable:
    """A table with an id of its own, by which the installer knows the stick it was started from."""
    esp_bytes = max(LEAST_BYTES, boot_bytes + boot_bytes // _FAT_SHARE + _FAT_BYTES)
    sizes = {contents.ESP_LABEL: esp_bytes, contents.ROOT_LABEL: root_bytes}
    partitions = tuple(lay_out(sizes, {contents.ESP_LABEL: ESP_TYPE}))
    return PartitionTable(uuid.uuid4(), partitions[-1].end + ALIGNMENT_BYTES, partitions)


def _list_files(release: SignedRelease, settings: InstallSettings, table: PartitionTable) -> Mapping[str, bytes]:
    folder = contents.FOLDER
    return {
        contents.STARTED_FROM_KEY: f"{table.id}\n".encode(),
        f"{folder}/{contents.SETTINGS}": encode_settings(settings),
        f"{folder}/{contents.ANCHOR}": release.anchor,
        **{f"{folder}/{contents.REPOSITORY}/{path}": content for path, content in release.files.items()},
    }


def _make_esp(path: Path, size: int, folder: Path) -> Path:
    with path.open("wb") as stream:
        stream.truncate(size)
    volume = FatVolume(path, 0, size)
    volume.format(_VOLUME_NAME)
    volume.copy_in(folder)
    return path


def _read_padded(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        for start in range(0, size, _CHUNK_BYTES):
            length = min(_CHUNK_BYTES, size - start)
            chunk = stream.read(length) or b""
            yield chunk.ljust(length, b"\0")
