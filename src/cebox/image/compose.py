"""From the Debian tree to the tree of one release: our own files over it, the agent in it, nothing a box writes."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from cebox.domain.version import Version
from cebox.image.command_line import write_os_release
from cebox.image.factory import move_var_to_factory
from cebox.image.libraries import install_agent
from cebox.image.recipe import Recipe
from cebox.kit.tools import run_tool

_AGENT = "usr/lib/cebox"
_MODULES = "usr/lib/modules"
# The kernel and the initrd are in the boot image; a device's name, id and clock are its own.
_LEFT_OUT = ("boot", "initrd.img", "initrd.img.old", "vmlinuz", "vmlinuz.old", "etc/machine-id", "etc/mtab")
_PLACES = ("boot", "efi", "etc/systemd/system-generators", "proc", "run", "sys", "dev", "tmp")
_NOWHERE = "/dev/null"


def compose_tree(base: Path, recipe: Recipe, version: Version, target: Path) -> None:
    """`base` stays as it is. Raises InvalidInput (`tool_failed`, `lock_missing`), Unavailable
    (`tools_missing`, `libraries_failed`) and OSError.
    """
    run_tool("cp", "--archive", "--reflink=auto", base, target)
    for path in _LEFT_OUT:
        _remove(target / path)
    _leave_out(target, recipe.left_out)
    for path in _PLACES:
        (target / path).mkdir(parents=True, exist_ok=True)
    for overlay in recipe.overlays:
        _lay_over(overlay, target)
    install_agent(target / _AGENT)
    _write_identity(target, version)
    _choose_units(target, recipe)
    _compile(target)
    move_var_to_factory(target)


def _leave_out(tree: Path, patterns: Iterable[str]) -> None:
    """The index of the kernel's modules names afterwards only those that are left."""
    found = [path for pattern in patterns for path in sorted(tree.glob(pattern))]
    for path in found:
        _remove(path)
    modules = tree / _MODULES
    for kernel in {path.relative_to(modules).parts[0] for path in found if path.is_relative_to(modules)}:
        run_tool("chroot", tree, "depmod", kernel)


def _lay_over(overlay: Path, tree: Path) -> None:
    """Files of the sources have the rights of whoever checked them out; a system's are root's, readable by all."""
    for path in sorted(overlay.rglob("*")):
        place = tree / path.relative_to(overlay)
        if path.is_dir() and not path.is_symlink():
            if not place.is_dir():
                place.mkdir(mode=0o755)
            continue
        place.unlink(missing_ok=True)
        shutil.copyfile(path, place, follow_symlinks=False)
        if not path.is_symlink():
            place.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _write_identity(tree: Path, version: Version) -> None:
    (tree / "usr/lib/os-release").write_text(write_os_release(version))
    _link(tree / "etc/os-release", "../usr/lib/os-release")
    # Empty, for the initrd to mount the box's own over it.
    (tree / "etc/machine-id").touch(mode=0o444)
    _link(tree / "etc/mtab", "../proc/self/mounts")
    _link(tree / "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")


def _choose_units(tree: Path, recipe: Recipe) -> None:
    """What is on is what the presets say, and nothing that a package switched on by itself."""
    run_tool("chroot", tree, "systemctl", "preset-all")
    _mask(tree / "etc/systemd/system", recipe.masked_units)
    _mask(tree / "etc/systemd/system-generators", recipe.masked_generators)


def _mask(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        _link(folder / name, _NOWHERE)


def _compile(tree: Path) -> None:
    """As `bootstrap` does for Debian's: no time in the compiled form, for all files of an image have the same one."""
    how = ("-q", "-j1", "--invalidation-mode", "unchecked-hash")
    run_tool("chroot", tree, "python3", "-m", "compileall", *how, f"/{_AGENT}")


def _link(path: Path, target: str) -> None:
    _remove(path)
    path.symlink_to(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
