"""Small system trees made of real files of this machine, in editions that differ as two releases differ."""

import hashlib
import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from cebox.agent.virtual.trial import TRIAL_MEMBER
from cebox.domain.version import Version

# Read in this order until the budget is spent: programs, libraries, interpreted code, data, texts.
_LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
_SOURCES = ("/usr/bin", _LIBRARIES, "/usr/lib/python3.11", "/usr/share/zoneinfo", "/usr/share/doc")
_LARGEST_FILE_BYTES = 4 << 20
# Of a hundred files, so many are new in the next edition, so many are left behind, so many have changed.
_NEW_PERCENT, _GONE_PERCENT, _CHANGED_PERCENT = 4, 2, 6


def make_tree(folder: Path, version: Version, *, edition: int, budget_bytes: int) -> Path:
    """Fill `folder` with about `budget_bytes` of files; neighbouring editions share most of them.

    The choice depends on paths and sizes alone, so the same machine makes the same tree again.
    """
    for path in list_real_files(budget_bytes):
        lot = _draw(path)
        if edition == 0 and lot < _NEW_PERCENT:
            continue
        if edition > 0 and lot >= 100 - _GONE_PERCENT:
            continue
        _copy_file(path, folder / path.relative_to("/"), is_changed=_is_changed(lot, edition), version=version)
    _write_identity(folder, version)
    return folder


def list_real_files(budget_bytes: int) -> Iterator[Path]:
    """Regular, readable files in a stable order, up to the budget in total, a fifth of it from each source."""
    for source in _SOURCES:
        left = budget_bytes // len(_SOURCES)
        for path in _walk(Path(source)):
            size = path.stat().st_size
            if 0 < size <= min(left, _LARGEST_FILE_BYTES):
                left -= size
                yield path


def _walk(source: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(source):
        subfolders[:] = sorted(name for name in subfolders if name != "__pycache__")
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                yield path


def _draw(path: Path) -> int:
    return int.from_bytes(hashlib.sha256(str(path).encode()).digest()[:4]) % 100


def _is_changed(lot: int, edition: int) -> bool:
    return edition > 0 and _NEW_PERCENT <= lot < _NEW_PERCENT + _CHANGED_PERCENT


def _copy_file(source: Path, target: Path, *, is_changed: bool, version: Version) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o755 | 0o400)
    if is_changed:
        # A rebuilt file keeps most of its bytes and carries its new version somewhere in the middle.
        content = bytearray(target.read_bytes())
        stamp = f"built for {version}".encode()
        middle = len(content) // 2
        content[middle:middle] = stamp
        target.write_bytes(content)


def _write_identity(folder: Path, version: Version) -> None:
    release_file = folder / "usr/lib/os-release"
    release_file.parent.mkdir(parents=True, exist_ok=True)
    release_file.write_text(
        f'NAME="ceBox OS"\nID=cebox\nIMAGE_ID=cebox\nIMAGE_VERSION={version}\nPRETTY_NAME="ceBox OS {version}"\n'
    )
    packages = folder / "var/lib/dpkg/status"
    packages.parent.mkdir(parents=True, exist_ok=True)
    packages.write_text(
        "".join(
            f"Package: {name}\nStatus: install ok installed\nVersion: {number}\nArchitecture: amd64\n\n"
            for name, number in (("cebox-workspace", version), ("cebox-agent", "0.1.0"))
        )
    )


def write_trial(tree: Path, behaviour: str) -> None:
    """Make the system in `tree` behave so at its trial (`agent.virtual.trial`)."""
    member = tree / TRIAL_MEMBER
    member.parent.mkdir(parents=True, exist_ok=True)
    member.write_text(behaviour)
