"""The initrd: busybox, two programs that it lacks, the modules that reach a disk, and the script `os/initrd/init`.

Its archive is not compressed: a patch sees every module in it, and a full download is compressed as a whole.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cebox.image.cpio import Entry, encode_archive, file, folder
from cebox.image.modules import list_modules
from cebox.kit.tools import run_tool

_FOLDERS = ("bin", "dev", "etc", "lib", "lib/modules", "lib64", "proc", "run", "sys", "sysroot")
_PROGRAMS = ("usr/sbin/dmsetup", "usr/sbin/e2fsck")
# What every variant needs: the root, its hashes, the data. The first is wanted by the others as they are inserted,
# which the kernel's list of what needs what does not say.
_MODULES = ("crc32c_generic", "erofs", "dm_verity", "sha256_generic", "ext4")
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
# Whoever starts a program looks for it in /lib64.
_INTERPRETER = "ld-linux-x86-64.so.2"
_PROGRAM_MODE = 0o755


def make_initrd(tree: Path, kernel: str, init: Path, modules: Sequence[str]) -> bytes:
    """Of the tree's own programs. Raises InvalidInput (`module_unknown`, `tool_failed`) and OSError."""
    found = list_modules(tree / "usr/lib/modules" / kernel, (*_MODULES, *modules))
    order = "".join(f"{path.name}\n" for path in found)
    entries = [
        *map(folder, _FOLDERS),
        file("init", init.read_bytes(), _PROGRAM_MODE),
        file("bin/busybox", (tree / "bin/busybox").read_bytes(), _PROGRAM_MODE),
        file("lib/modules/order", order.encode()),
        # e2fsck asks it what is mounted.
        file("etc/mtab", b""),
        *(file(f"lib/modules/{path.name}", path.read_bytes()) for path in found),
        *_list_programs(tree),
    ]
    return encode_archive(entries)


def find_kernel(tree: Path) -> str:
    """The name of the newest kernel in the tree. Raises OSError."""
    return sorted(path.name for path in (tree / "usr/lib/modules").iterdir())[-1]


def _list_programs(tree: Path) -> Iterator[Entry]:
    libraries: set[str] = set()
    for program in _PROGRAMS:
        yield file(f"bin/{Path(program).name}", (tree / program).read_bytes(), _PROGRAM_MODE)
        _add_libraries(tree, tree / program, libraries)
    for name in sorted(libraries - {_INTERPRETER}):
        yield file(f"lib/{name}", (tree / _LIBRARIES / name).read_bytes(), _PROGRAM_MODE)
    yield file(f"lib64/{_INTERPRETER}", (tree / _LIBRARIES / _INTERPRETER).read_bytes(), _PROGRAM_MODE)


def _add_libraries(tree: Path, program: Path, found: set[str]) -> None:
    """What it needs, and what that needs; read, not run."""
    headers = run_tool("objdump", "--private-headers", program).decode()
    for name in re.findall(r"^ *NEEDED +(\S+)$", headers, re.MULTILINE):
        if name not in found:
            found.add(name)
            _add_libraries(tree, tree / _LIBRARIES / name, found)
