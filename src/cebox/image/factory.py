"""The first content of /var, which is the data partition: an image only says what must be there.

What packages put into /var moves to /usr/share/factory/var, and a list for systemd-tmpfiles makes of it, at every
start, what is not there yet. What a package of a later release needs comes with that release.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

_LIST = "usr/lib/tmpfiles.d/00-cebox-factory.conf"
_FACTORY = "usr/share/factory/var"
# The package manager's, and what packages note for their own next installation: a box has neither.
_NOT_OF_A_BOX = (
    "backups",
    "lib/apt",
    "lib/dpkg",
    "lib/pam",
    "lib/python",
    "lib/shells.state",
    "lib/systemd/catalog",
    "lib/systemd/deb-systemd-helper-enabled",
    "lib/ucf",
)
# Folders stay, for they may belong to a program; files go.
_EMPTIED = ("cache", "log", "tmp")
# Folders of the root that a box writes to.
_MOVED = {"home": "var/home", "root": "var/roothome", "srv": "var/srv", "usr/local": "var/usrlocal"}


def move_var_to_factory(tree: Path) -> None:
    """Afterwards `var` is empty, a place to mount the data. Raises OSError."""
    var = tree / "var"
    for name in _NOT_OF_A_BOX:
        _remove(var / name)
    for name in _EMPTIED:
        _remove_files(var / name)
    _move_folders(tree)
    lines = ["# Made with the image, from what its packages have in /var.", *_list_needs(var, tree / _FACTORY)]
    for path in var.iterdir():
        _remove(path)
    place = tree / _LIST
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("\n".join(lines) + "\n")


def _move_folders(tree: Path) -> None:
    for path, target in _MOVED.items():
        old, new = tree / path, tree / target
        if old.is_dir() and not old.is_symlink():
            old.rename(new)
            old.symlink_to(os.path.relpath(new, old.parent))


def _list_needs(var: Path, factory: Path) -> Iterator[str]:
    for path in sorted(var.rglob("*")):
        name = f"/var/{path.relative_to(var)}"
        found = path.lstat()
        rights = f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid} {found.st_gid} -"
        if path.is_symlink():
            yield f"L {name} - - - - {path.readlink()}"
        elif path.is_dir():
            yield f"d {name} {rights}"
        elif path.is_file():
            kept = factory / path.relative_to(var)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, kept)
            os.chown(kept, found.st_uid, found.st_gid)
            yield f"C {name} {rights} /{_FACTORY}/{path.relative_to(var)}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_files(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() or path.is_symlink():
            path.unlink()
