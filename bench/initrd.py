"""A small initrd for an image with one root: busybox, the script beside this file, and the modules that reach a disk.

Uncompressed cpio in the `newc` format, the same bytes from the same tree: a patch sees every module in it.
"""

import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

INIT = Path(__file__).with_name("initrd-init")
MODULES = (
    "erofs",
    "overlay",
    "dm-verity",
    "crc32c_generic",
    "crc32c-intel",
    "virtio_blk",
    "virtio_pci",
    "virtio_scsi",
    "nvme",
    "ahci",
    "sd_mod",
    "xhci-pci",
    "ehci-pci",
    "usb-storage",
)
_TIME_SECONDS = 1_750_000_000
_BLOCK_BYTES = 4096
_HEADER_BYTES = 110
_LONGEST_NAME_BYTES = 4096
_FOLDERS = ("bin", "dev", "lib", "lib/modules", "lib64", "proc", "run", "sys", "sysroot")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of the archive; `mode` holds its type too."""

    name: str
    mode: int
    content: bytes = b""


def write_initrd(tree: Path, kernel: str, target: Path) -> None:
    """Make the initrd for `kernel` out of the tree of a Debian system. Needs root: it asks the tree's own `ldd`.

    Raises FileNotFoundError when the tree lacks a part, CalledProcessError.
    """
    modules = list_modules(tree / "usr/lib/modules" / kernel)
    entries = [Entry(name, stat.S_IFDIR | 0o755) for name in _FOLDERS]
    entries += [_file("init", INIT), _file("bin/busybox", tree / "bin/busybox"), *_list_dmsetup(tree)]
    entries += [_file(f"lib/modules/{path.name}", path, 0o644) for path in modules]
    order = "".join(f"{path.name}\n" for path in modules)
    entries.append(Entry("lib/modules/order", stat.S_IFREG | 0o644, order.encode()))
    target.write_bytes(encode_archive(entries))


def list_modules(folder: Path, wanted: Iterable[str] = MODULES) -> list[Path]:
    """The wanted modules and what they need, in an order they can be inserted in. Raises FileNotFoundError."""
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        # modprobe inserts from the last to the first.
        needs[path] = [*reversed(rest.split()), path]
    places = {_plain(Path(path).stem): path for path in needs}
    built_in = {_plain(Path(line).stem) for line in (folder / "modules.builtin").read_text().splitlines()}
    ordered: dict[str, None] = {}
    for name in wanted:
        if _plain(name) in built_in:
            continue
        if _plain(name) not in places:
            raise FileNotFoundError(f"{folder} has no module {name}")
        ordered.update(dict.fromkeys(needs[places[_plain(name)]]))
    return [folder / path for path in ordered]


def encode_archive(entries: list[Entry]) -> bytes:
    """`newc`: a header of fixed hexadecimal fields, the name, the content, each padded to four bytes.

    Content of a block or more begins on a block: what stands in the image besides is then copied, not sent. The room
    before it is taken by the name, which ends at its first zero (Linux takes names up to 4096 bytes with their zeroes).
    """
    archive = bytearray()
    for number, entry in enumerate(sorted(entries, key=lambda one: one.name), start=1):
        archive += _encode_entry(number, entry, at=len(archive))
    return bytes(archive + _encode_entry(0, Entry("TRAILER!!!", 0), at=len(archive)))


def _encode_entry(number: int, entry: Entry, *, at: int) -> bytes:
    name = entry.name.encode() + b"\0"
    if len(entry.content) >= _BLOCK_BYTES:
        room = -(at + _HEADER_BYTES + len(name)) % _BLOCK_BYTES
        name += bytes(room if len(name) + room <= _LONGEST_NAME_BYTES else 0)
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    owner, group, check, devices = 0, 0, 0, (0, 0, 0, 0)
    fields = (number, entry.mode, owner, group, links, _TIME_SECONDS, len(entry.content), *devices, len(name), check)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _pad(header + name) + _pad(entry.content)


def _list_dmsetup(tree: Path) -> Iterator[Entry]:
    """The one program besides busybox, with its libraries: nothing else sets up dm-verity."""
    yield _file("bin/dmsetup", tree / "usr/sbin/dmsetup")
    command = ["chroot", str(tree), "ldd", "/usr/sbin/dmsetup"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed words
    for path in sorted(set(re.findall(r"(/lib\S*/\S+) \(", answer.stdout))):
        place = "lib64" if path.startswith("/lib64/") else "lib"
        yield _file(f"{place}/{Path(path).name}", tree / path.lstrip("/"))


def _file(name: str, source: Path, mode: int = 0o755) -> Entry:
    return Entry(name, stat.S_IFREG | mode, source.read_bytes())


def _plain(module: str) -> str:
    return module.replace("-", "_")


def _pad(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
