"""Two real Debian systems from the host's own apt sources: the release as it came out, and with all its updates.

Trees are built with mmdebstrap, images by `cebox release build`. They are cached outside the clone, under a name that
changes with what they are made from, and built again when absent.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SYSTEM = ("systemd-sysv", "udev", "dbus")
COMMON = (
    "network-manager",
    "openssh-client",
    "ca-certificates",
    "curl",
    "python3",
    "perl",
    "fonts-dejavu-core",
    "libgl1-mesa-dri",
)
PACKAGES = (*SYSTEM, "linux-image-cloud-amd64", *COMMON)
_SOURCES = Path("/etc/apt/sources.list.d")


def get_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cebox" / "real"


def make_once(name: str, ingredients: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The cached file or folder `name`, made by `make` when there is none from these very ingredients."""
    key = hashlib.sha256("\n".join(ingredients).encode()).hexdigest()[:12]
    path = get_cache() / f"{name}-{key}"
    if not path.exists():
        sys.stdout.write(f"making {name} ...\n")
        sys.stdout.flush()
        part = path.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        make(part)
        part.rename(path)
    return path


def build_tree(name: str, *, with_updates: bool, packages: Sequence[str] = PACKAGES) -> Path:
    """The root of a Debian system in a folder. Raises CalledProcessError with mmdebstrap's words on stderr."""
    sources = list(list_sources(with_updates=with_updates))

    def bootstrap(target: Path) -> None:
        subprocess.run(  # noqa: S603 - fixed words and the host's own apt sources
            [  # noqa: S607 - a Debian tool, installed by the make target
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={','.join(packages)}",
                # Caches and logs differ between two builds of one system and would travel with every update.
                "--customize-hook=rm -rf $1/var/cache/apt/* $1/var/lib/apt/lists/* $1/var/log/* $1/tmp/*",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                "bookworm",
                str(target),
                *sources,
            ],
            check=True,
            stdin=subprocess.DEVNULL,
        )

    return make_once(name, [*packages, *sources], bootstrap)


def list_sources(*, with_updates: bool) -> Iterator[str]:
    """One-line apt sources for bookworm, from the host's; without updates, the suite as it was released alone."""
    for path in sorted(_SOURCES.glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([A-Za-z-]+):\s*(.+)$", stanza, re.MULTILINE))
            if "deb" in fields.get("Types", "").split():
                yield from _list_stanza(fields, with_updates=with_updates)
    one_line = Path("/etc/apt/sources.list")
    if one_line.exists():
        for line in one_line.read_text().splitlines():
            if line.startswith("deb ") and _is_wanted(line.split()[2], with_updates=with_updates):
                yield line


def _list_stanza(fields: dict[str, str], *, with_updates: bool) -> Iterator[str]:
    for suite in fields["Suites"].split():
        if _is_wanted(suite, with_updates=with_updates):
            for uri in fields["URIs"].split():
                yield f"deb {uri} {suite} main"


def _is_wanted(suite: str, *, with_updates: bool) -> bool:
    return suite == "bookworm" or (with_updates and suite in {"bookworm-updates", "bookworm-security"})
