"""The one door to the programs that make an image."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cebox.errors import InvalidInput, NotPermitted, Unavailable

# Where each comes from on Debian.
PACKAGES: Mapping[str, str] = {
    "chroot": "coreutils",
    "cp": "coreutils",
    "mcopy": "mtools",
    "mke2fs": "e2fsprogs",
    "mkfs.erofs": "erofs-utils",
    "mkfs.vfat": "dosfstools",
    "mmd": "mtools",
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "sfdisk": "fdisk",
    "objdump": "binutils",
    "strip": "binutils",
    "veritysetup": "cryptsetup-bin",
}
BUILDING = ("chroot", "cp", "mkfs.erofs", "mmdebstrap", "objdump", "strip", "veritysetup")
_SUPERUSERS = "/usr/sbin:/sbin"
_LAST_LINES = 4


def find_tool(name: str) -> str:
    """Raises Unavailable (`tool_missing`)."""
    tool = shutil.which(name) or shutil.which(name, path=_SUPERUSERS)
    if tool is None:
        raise Unavailable(
            "tool_missing", f"{name} is not installed", hint=f"Install the Debian package {PACKAGES.get(name, name)}."
        )
    return tool


def verify_tools(names: Sequence[str]) -> None:
    """All that are missing in one answer. Raises Unavailable (`tools_missing`)."""
    missing = [name for name in names if not shutil.which(name) and not shutil.which(name, path=_SUPERUSERS)]
    if missing:
        packages = " ".join(sorted({PACKAGES[name] for name in missing}))
        raise Unavailable(
            "tools_missing",
            f"not installed: {', '.join(missing)}",
            hint=f"As root: apt-get install --no-install-recommends {packages}",
        )


def verify_root() -> None:
    """Raises NotPermitted (`root_needed`)."""
    if os.geteuid() != 0:
        raise NotPermitted(
            "root_needed",
            "a system image is built by root: its files belong to root, and packages run their scripts as root",
            hint="Run the same command with sudo, or in a container or virtual machine as root.",
        )


def run_tool(*command: str | Path, stdin: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What it prints. Raises Unavailable (`tool_missing`), InvalidInput (`image_tool_failed`) with its last words."""
    name, *arguments = map(str, command)
    done = subprocess.run(  # noqa: S603 - fixed programs, arguments of our own
        [find_tool(name), *arguments],
        input=stdin,
        env=plain_environment() | dict(environment or {}),
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        words = " ".join(done.stderr.strip().splitlines()[-_LAST_LINES:]) or "no reason given"
        raise InvalidInput("image_tool_failed", f"{name} failed: {words}", hint="Its words say what it disliked.")
    return done.stdout


def plain_environment() -> dict[str, str]:
    """What a tool does must not depend on who runs it where: no language, no time zone, no hash seed."""
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "http_proxy", "https_proxy") if name in os.environ}
    path = os.pathsep.join((os.environ.get("PATH", "/usr/bin:/bin"), _SUPERUSERS))
    return kept | {"PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"}
