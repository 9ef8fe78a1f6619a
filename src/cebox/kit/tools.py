"""Programs of the system that a command needs: found, run to their end, their failures given a name."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from cebox.errors import InvalidInput, Unavailable

# Those whose Debian package has another name.
_PACKAGES: Mapping[str, str] = {
    "chroot": "coreutils",
    "cp": "coreutils",
    "mcopy": "mtools",
    "mke2fs": "e2fsprogs",
    "mkfs.erofs": "erofs-utils",
    "mkfs.vfat": "dosfstools",
    "mmd": "mtools",
    "objdump": "binutils",
    "qemu-system-x86_64": "qemu-system-x86",
    "sfdisk": "fdisk",
    "strip": "binutils",
    "veritysetup": "cryptsetup-bin",
}
_KEPT = ("HOME", "TMPDIR", "http_proxy", "https_proxy")
_SUPERUSERS = "/usr/sbin:/sbin"
_LAST_LINES = 4


def find_tool(name: str) -> str:
    """Its path. Raises Unavailable (`tools_missing`)."""
    verify_tools((name,))
    tool = _find(name)
    assert tool is not None
    return tool


def verify_tools(names: Iterable[str]) -> None:
    """Raises Unavailable (`tools_missing`) with all that are missing, and the Debian packages that have them."""
    missing = [name for name in names if _find(name) is None]
    if missing:
        packages = " ".join(sorted({_PACKAGES.get(name, name) for name in missing}))
        raise Unavailable(
            "tools_missing",
            f"not installed: {', '.join(missing)}",
            hint=f"As root: apt-get install --no-install-recommends {packages}",
        )


def run_tool(*command: str | Path, environment: Mapping[str, str] | None = None) -> bytes:
    """What it prints. Raises Unavailable (`tools_missing`), InvalidInput (`tool_failed`) with its last words."""
    name, *arguments = map(str, command)
    done = subprocess.run(  # noqa: S603 - fixed programs, arguments of our own
        [find_tool(name), *arguments],
        env=plain_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if done.returncode != 0:
        raise InvalidInput(
            "tool_failed", f"{name} failed: {_last_words(done.stderr)}", hint="Its words say what it disliked."
        )
    return done.stdout


def plain_environment() -> dict[str, str]:
    """What a tool does must not depend on who runs it where: no language, no time zone, no hash seed."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = os.pathsep.join((os.environ.get("PATH", "/usr/bin:/bin"), _SUPERUSERS))
    return kept | {"PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"}


def _find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_SUPERUSERS)


def _last_words(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return " ".join(lines[-_LAST_LINES:]) or "no reason given"
