"""From a directory tree to an image file, the same bytes every time, and what the tree says it consists of."""

import errno
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cebox.errors import Exhausted, InvalidInput, Unavailable
from cebox.release.image.arrange import arrange_image
from cebox.release.image.normalise import normalise_erofs
from cebox.release.manifest import Component
from cebox.release.slot import ImageFile

TreeFormat = Literal["erofs", "tar"]

# The same for every release: a time or an identifier that changed would change blocks that are otherwise equal.
_IMAGE_TIME_SECONDS = 1_750_000_000
_IMAGE_UUID = "6365626f-7800-4000-8000-000000000001"
_PAD_BYTES = 4096
# Tails beside the inodes would move with every inode before them: a small change would not stay small. And attributes
# that files share are stored in the order in which this machine's file system lists the files: none are shared.
_LAYOUT = ("-Enoinline_data", "-x1000000000")


def make_image(tree: Path, target: Path, tree_format: TreeFormat, like: Path | None = None) -> None:
    """What is as it was in the image `like` keeps its place; a `like` of another format is ignored.

    Beside `target` there must be room for it twice. Raises InvalidInput (`source_missing`, `image_tool_failed`, and
    `erofs_malformed` for the `like`), Unavailable (`tool_missing`) and Exhausted (`disk_full`).
    """
    if not tree.is_dir():
        raise InvalidInput("source_missing", f"{tree} is no directory")
    if tree_format == "tar":
        _make_tar(tree, target)
    else:
        _make_erofs(tree, target, like)


def list_components(tree: Path) -> tuple[Component, ...]:
    """The installed Debian packages and, named `kernel`, the kernel; empty where there is no package database."""
    status = tree / "var/lib/dpkg/status"
    if not status.is_file():
        return ()
    found = {}
    for paragraph in status.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status): *(\S.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed") and {"Package", "Version"} <= fields.keys():
            found[fields["Package"]] = fields["Version"]
    for release in _list_kernels(tree):
        if package := found.get(f"linux-image-{release}"):
            found["kernel"] = package
    return tuple(Component(name, version) for name, version in sorted(found.items()))


def _list_kernels(tree: Path) -> list[str]:
    folders = (tree / "usr/lib/modules", tree / "lib/modules")
    return sorted({entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()})


def _make_tar(tree: Path, target: Path) -> None:
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in _walk(tree):
            if path.is_socket():
                continue
            member = archive.gettarinfo(path, arcname=str(path.relative_to(tree)))
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = _IMAGE_TIME_SECONDS
            if member.isreg():
                with path.open("rb") as content:
                    archive.addfile(member, content)
            else:
                archive.addfile(member)
    padded = -(-target.stat().st_size // _PAD_BYTES) * _PAD_BYTES
    os.truncate(target, padded)


def _walk(tree: Path) -> Iterator[Path]:
    for entry in sorted(tree.iterdir()):
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)


def _make_erofs(tree: Path, target: Path, like: Path | None) -> None:
    fresh = target.with_name(f".{target.name}.fresh")
    try:
        _run_mkfs(tree, fresh)
        with ImageFile(fresh, is_writable=True) as image:
            normalise_erofs(image)
        arrange_image(fresh, target, like)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room(target) from error
        raise
    finally:
        fresh.unlink(missing_ok=True)


def _run_mkfs(tree: Path, target: Path) -> None:
    tool = shutil.which("mkfs.erofs") or shutil.which("mkfs.erofs", path="/usr/sbin:/sbin")
    if tool is None:
        raise Unavailable(
            "tool_missing",
            "mkfs.erofs is not installed",
            hint="Install the Debian package erofs-utils, or build with --format tar.",
        )
    # With SOURCE_DATE_EPOCH set, -T gives another, larger image.
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    fixed = ["-T", str(_IMAGE_TIME_SECONDS), "-U", _IMAGE_UUID]
    command = [tool, "--quiet", *fixed, *_LAYOUT, str(target), str(tree)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")  # noqa: S603
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        if "No space left" in done.stderr:
            raise _no_room(target)
        raise InvalidInput("image_tool_failed", f"mkfs.erofs failed: {words[0]}", hint=f"Check the tree {tree}.")


def _no_room(target: Path) -> Exhausted:
    return Exhausted("disk_full", f"no room for the image {target}", hint="Free some space.")
